"""The one room that talks to a Kubernetes API: raw JSON in and out, and the only one that imports ``kubernetes``."""
