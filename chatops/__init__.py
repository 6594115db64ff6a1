"""The chat surfaces: they read the log and write to the inbox, never the cluster."""
