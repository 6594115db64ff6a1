"""The terminal: a face that tails the event log and posts commands to the inbox. It never touches a cluster or a model."""
