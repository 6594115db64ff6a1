"""Which pods stand behind a Service and on which ports: what Endpoints and EndpointSlices both are computed from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stratus.sandbox.controllers.base import Controller, batch_delay
from stratus.sandbox.objects import (
    Object,
    is_deleting,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from stratus.sandbox.store import Change

CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"

Port = tuple[str, int, str, str]
"""Name, number, protocol and application protocol of an endpoint port."""


@dataclass(frozen=True)
class Backend:
    """One pod behind a Service, with the ports of the Service that it has."""

    pod: Object
    ip: str
    ready: bool
    terminating: bool
    ports: tuple[Port, ...]

    def hostname(self, service: str) -> str:
        """The pod's name under the Service's domain, when it says that it belongs there."""
        spec = spec_of(self.pod)
        return str(spec.get("hostname", "")) if spec.get("subdomain") == service else ""


def backends(service: Object, pods: list[Object]) -> list[Backend]:
    """The pods that count, in the order of their addresses."""
    spec = spec_of(service)
    tolerant = bool(spec.get("publishNotReadyAddresses"))
    found = []
    for pod in pods:
        ip = status_of(pod).get("podIP")
        if not ip or not _belongs(pod):
            continue
        ports = tuple(port for each in spec.get("ports") or () if (port := _port(each, pod)))
        if spec.get("ports") and not ports:
            continue
        ready = is_pod_ready(pod)
        found.append(Backend(pod, ip, tolerant or (ready and not is_deleting(pod)), is_deleting(pod), ports))
    return sorted(found, key=lambda backend: tuple(map(int, backend.ip.split("."))))


def _belongs(pod: Object) -> bool:
    phase, policy = status_of(pod).get("phase"), spec_of(pod).get("restartPolicy", "Always")
    if policy == "Never":
        return phase not in ("Failed", "Succeeded")
    return policy != "OnFailure" or phase != "Succeeded"


def _port(port: Object, pod: Object) -> Port | None:
    number = target_port(port, pod)
    if number is None:
        return None
    return port.get("name", ""), number, port.get("protocol", "TCP"), port.get("appProtocol", "")


def target_port(port: Object, pod: Object) -> int | None:
    """The number of a Service port's targetPort on a pod; None when no container names it."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    for container in spec_of(pod).get("containers") or ():
        for each in container.get("ports") or ():
            if each.get("name") == target and each.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(each["containerPort"])
    return None


def port_object(port: Port) -> Object:
    name, number, protocol, application = port
    found: Object = {"name": name, "port": number, "protocol": protocol}
    if application:
        found["appProtocol"] = application
    return found


def target_reference(pod: Object) -> Object:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": meta(pod).get("uid", "")}


def _relevant(pod: Object) -> tuple[object, ...]:
    status = status_of(pod)
    return (is_pod_ready(pod), status.get("podIP"), status.get("phase"), is_deleting(pod), labels_of(pod))


class ServiceController(Controller):
    """Queues the Services whose set of pods a change may touch."""

    resource = "services"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._pod_changed, "pods")

    def selected(self, service: Object) -> list[Backend]:
        selector = spec_of(service)["selector"]
        return backends(service, self.informers.pods_matching(namespace_of(service), selector))

    def _pod_changed(self, change: Change) -> None:
        before = change.previous
        if change.type == "MODIFIED" and before is not None and _relevant(before) == _relevant(change.object):
            return
        labels = [labels_of(obj) for obj in (change.object, before) if obj is not None]
        for service in self.store.list("services", namespace_of(change.object)):
            selector = (spec_of(service).get("selector") or {}).items()
            if selector and any(selector <= each.items() for each in labels):
                key = min(selector)
                members = self.informers.pods_by_label.count((namespace_of(service), *key))
                self.enqueue_object(service, batch_delay(members))


def grouped(found: list[Backend], key: Callable[[Backend], object]) -> dict[object, list[Backend]]:
    groups: dict[object, list[Backend]] = {}
    for backend in found:
        groups.setdefault(key(backend), []).append(backend)
    return groups
