"""Ingress: which Service a URL belongs to, by the rules of networking.k8s.io/v1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus.sandbox.apps.process import NetworkError
from stratus.sandbox.objects import name_of, namespace_of
from stratus.sandbox.store import Store
from stratus.sandbox.traffic.dns import DOMAIN

Object = dict[str, Any]
INGRESSES = "ingresses.networking.k8s.io"


def route(store: Store, host: str, path: str) -> tuple[str, int]:
    """(DNS name, port) of the backend of the longest matching path; Exact wins over Prefix. Raises NetworkError."""
    matches = [match for ingress in store.list(INGRESSES) for match in _matches(ingress, host, path)]
    if not matches:
        raise NetworkError("404 page not found")
    _, namespace, backend = max(matches, key=lambda match: match[0])
    service = backend["service"]
    return f"{service['name']}.{namespace}.{DOMAIN}", _port(store, namespace, service)


def _matches(ingress: Object, host: str, path: str) -> Iterator[tuple[tuple[int, int, int, str], str, Object]]:
    spec, namespace = ingress["spec"], namespace_of(ingress)
    for rule in spec.get("rules") or ():
        wanted = rule.get("host", "")
        if wanted and wanted != host and not (wanted.startswith("*.") and host.partition(".")[2] == wanted[2:]):
            continue
        for entry in (rule.get("http") or {}).get("paths") or ():
            if "service" in entry["backend"] and _path_matches(entry, path):
                exact = int(entry.get("pathType") == "Exact")
                yield (
                    (int(bool(wanted)), exact, len(entry.get("path", "/")), name_of(ingress)),
                    namespace,
                    entry["backend"],
                )
    default = spec.get("defaultBackend")
    if default and "service" in default:
        yield (-1, 0, 0, name_of(ingress)), namespace, default


def _path_matches(entry: Object, path: str) -> bool:
    wanted = entry.get("path", "/")
    if entry.get("pathType") == "Exact":
        return bool(path == wanted)
    prefix = wanted.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/")


def _port(store: Store, namespace: str, backend: Object) -> int:
    port = backend.get("port") or {}
    if "number" in port:
        return int(port["number"])
    service = store.get("services", namespace, backend["name"]) or {"spec": {}}
    for entry in service["spec"].get("ports") or ():
        if entry.get("name") == port.get("name"):
            return int(entry["port"])
    raise NetworkError("503 Service Temporarily Unavailable")
