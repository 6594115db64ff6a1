"""The REST API over ASGI: what kubectl and other clients talk to."""
