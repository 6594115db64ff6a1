"""Image references: their syntax, and the container runtime's words when one cannot be pulled."""

from __future__ import annotations

import re

from stratus.sandbox.apps.process import PullFailure

NAME = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
REFERENCE = re.compile(
    rf"^(?P<name>(?:{DOMAIN}/)?{NAME}(?:/{NAME})*)(?::(?P<tag>[\w][\w.-]{{0,127}}))?(?P<digest>@[a-z0-9+._-]+:[0-9a-f]{{32,}})?$"
)
LOCAL = "localhost:5000"  # where the real test cluster's images come from; nothing listens there


def invalid(image: str) -> PullFailure | None:
    """InvalidImageName as the kubelet reports it, or None for a well-formed reference."""
    if REFERENCE.match(image):
        return None
    reason = "repository name must be lowercase" if REFERENCE.match(image.lower()) else ""
    detail = f"invalid reference format{': ' if reason else ''}{reason}"
    message = f'Failed to apply default image tag "{image}": couldn\'t parse image reference "{image}": {detail}'
    return PullFailure("InvalidImageName", message)


def canonical(image: str) -> str:
    """The full name with registry and tag: nginx → docker.io/library/nginx:latest."""
    match = REFERENCE.match(image)
    if match is None:
        raise ValueError(f"invalid reference format: {image}")
    name = match["name"]
    first = name.split("/")[0]
    if "/" not in name:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    return f"{name}{match['digest'] or ':' + (match['tag'] or 'latest')}"


def not_found(image: str) -> PullFailure:
    """ErrImagePull of a reference that no registry has."""
    full = canonical(image)
    head = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": '
    name, _, tag = full.rpartition(":")
    if full.startswith(f"{LOCAL}/"):
        url = f"http://{LOCAL}/v2/{name.removeprefix(LOCAL + '/')}/manifests/{tag}"
        cause = f'failed to do request: Head "{url}": dial tcp 127.0.0.1:5000: connect: connection refused'
        return PullFailure("ErrImagePull", f"rpc error: code = Unknown desc = {head}{cause}")
    return PullFailure("ErrImagePull", f"rpc error: code = NotFound desc = {head}{full}: not found")
