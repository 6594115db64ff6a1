"""The cluster's network, its load, and what monitoring sees of them."""
