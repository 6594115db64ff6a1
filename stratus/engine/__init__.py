"""The transaction engine: the only room from which a write reaches a cluster."""
