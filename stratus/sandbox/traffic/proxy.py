"""The API server's service and pod proxy: the words and codes of Kubernetes when nothing answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stratus.sandbox.apps.process import Batch, Reply
from stratus.sandbox.backend import BackendError, ProxyAnswer
from stratus.sandbox.objects import name_of
from stratus.sandbox.traffic.network import ClusterNetwork

Object = dict[str, Any]
PATIENCE = 30.0  # seconds the proxy waits for an answer


class Proxy:
    """Requests from the API server into the cluster."""

    def __init__(self, network: ClusterNetwork) -> None:
        self._network = network
        self._turn = 0

    def request(
        self, kind: str, namespace: str, name: str, port: str, path: str, headers: Mapping[str, str]
    ) -> ProxyAnswer:
        """One GET. Raises BackendError: 404 no such object, 503 no endpoint or port, 500 nothing answers."""
        if kind not in ("services", "pods"):
            raise BackendError(404, "NotFound", f'{kind} "{name}" not found')
        obj = self._network.store.get(kind, namespace, name)
        if obj is None:
            raise BackendError(404, "NotFound", f'{kind} "{name}" not found')
        address, number = self._service(obj, port) if kind == "services" else self._pod(obj, port)
        reply = self._network.send(None, address, number, Batch(path or "/", dict(headers), 1, PATIENCE))[0]
        if reply.error:
            raise BackendError(500, "", f"error trying to reach service: {_dial(reply, address, number)}")
        content = {"Content-Type": "text/plain; version=0.0.4"}
        return ProxyAnswer(reply.status, reply.body.encode(), reply.seconds, content)

    def _service(self, service: Object, port: str) -> tuple[str, int]:
        ports = service["spec"].get("ports") or []
        wanted = [p for p in ports if port in (p.get("name"), str(p["port"]))] if port else ports[:1]
        if not wanted or (not port and len(ports) > 1):
            raise BackendError(
                503, "ServiceUnavailable", f'no service port {port} found for service "{name_of(service)}"'
            )
        endpoints = self._network.endpoints(service, wanted[0])
        if not endpoints:
            raise BackendError(503, "ServiceUnavailable", f'no endpoints available for service "{name_of(service)}"')
        self._turn += 1
        return endpoints[self._turn % len(endpoints)]

    def _pod(self, pod: Object, port: str) -> tuple[str, int]:
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise BackendError(500, "", "address not allowed")
        declared = [entry for container in pod["spec"]["containers"] for entry in container.get("ports") or ()]
        if port.isdigit():
            return address, int(port)
        named = [entry["containerPort"] for entry in declared if not port or entry.get("name") == port]
        return address, int(named[0]) if named else 80


def _dial(reply: Reply, address: str, port: int) -> str:
    """The error as Go's dialer words it."""
    if "timed out" in reply.error:
        return f"dial tcp {address}:{port}: i/o timeout"
    if "closed connection" in reply.error:
        return "EOF"
    return f"dial tcp {address}:{port}: connect: connection refused"
