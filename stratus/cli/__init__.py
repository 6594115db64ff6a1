"""The command line: the composition root, the one layer that may import everything, lazily."""
