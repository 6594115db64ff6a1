"""The patch formats of Kubernetes, and who owns which field after them."""
