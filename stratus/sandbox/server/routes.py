"""From a URL path to what it names: a kind, an object, a subresource."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

from stratus.sandbox.schema.kinds import Kind, Registry

_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class Target:
    """What a resource URL names; `rest` is the path behind a proxy."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


def resolve(registry: Registry, path: str) -> Target | None:
    """The target of /api/v1/… or /apis/{group}/{version}/…, or None if nothing is served there."""
    head, _, rest = path.lstrip("/").partition("/")
    if head == "api":
        group = ""
        version, _, rest = rest.partition("/")
    elif head == "apis":
        group, _, rest = rest.partition("/")
        version, _, rest = rest.partition("/")
    else:
        return None
    return _resource(registry, group, version, rest)


def _resource(registry: Registry, group: str, version: str, rest: str) -> Target | None:
    parts = rest.split("/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3 and parts[2] not in _NAMESPACE_SUBRESOURCES:
        namespace, parts = unquote(parts[1]), parts[2:]
    kind = registry.served(group, version, parts[0])
    if kind is None or (namespace and not kind.namespaced):
        return None
    name = unquote(parts[1]) if len(parts) > 1 else ""
    subresource = parts[2] if len(parts) > 2 else ""
    behind = "/".join(parts[3:])
    if subresource == "proxy" and len(parts) > 3:
        behind = "/" + behind
    if subresource and subresource not in kind.subresources:
        return None
    if len(parts) > 3 and subresource not in ("proxy", "exec", "attach", "portforward"):
        return None
    return Target(kind, namespace, name, subresource, behind)
