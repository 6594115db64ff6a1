"""Keeps the EndpointSlices of each Service with a selector: at most 100 endpoints each, terminating ones included.

An endpoint stays in its slice as long as it exists, so that a change rewrites one slice and not all.
"""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.controllers.base import MANAGER, Index, Informers
from stratus.sandbox.controllers.service_pods import (
    CHANGED,
    Backend,
    Port,
    ServiceController,
    grouped,
    port_object,
    target_reference,
)
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
)

RESOURCE = "endpointslices.discovery.k8s.io"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER_NAME = "endpointslice-controller.k8s.io"
MAX_ENDPOINTS = 100


class EndpointSliceController(ServiceController):
    name = "endpoint-slice-controller"

    def __init__(self, api: Api, informers: Informers) -> None:
        super().__init__(api, informers)
        self._slices = Index(api.store, RESOURCE, _by_service)

    def reconcile(self, namespace: str, name: str) -> None:
        service = self.store.get("services", namespace, name)
        if service is None or is_deleting(service):
            return
        if not spec_of(service).get("selector") or spec_of(service).get("type") == "ExternalName":
            return
        wanted = grouped(self.selected(service), lambda backend: backend.ports) or {(): []}
        existing = self._slices.get((namespace, name))
        for ports, members in wanted.items():
            same = [each for each in existing if _ports(each) == ports]
            existing = [each for each in existing if _ports(each) != ports]
            self._sync(service, ports, members, same)  # type: ignore[arg-type]
        for each in existing:
            self.api.delete(RESOURCE, namespace, name_of(each))

    def _sync(self, service: Object, ports: tuple[Port, ...], members: list[Backend], slices: list[Object]) -> None:
        waiting = {meta(member.pod)["uid"]: _endpoint(name_of(service), member) for member in members}
        plans = []
        for each in slices:
            kept = [e for old in each.get("endpoints") or () if (e := waiting.pop(old["targetRef"]["uid"], None))]
            plans.append((each, kept))
        new = list(waiting.values())
        for each, kept in plans:
            room = MAX_ENDPOINTS - len(kept)
            kept, new = [*kept, *new[:room]], new[room:]
            self._write(service, each, kept, last=len(plans) == 1 or bool(kept))
        while new or not plans:
            self._create(service, ports, new[:MAX_ENDPOINTS])
            new = new[MAX_ENDPOINTS:]
            plans = plans or [({}, [])]

    def _write(self, service: Object, current: Object, endpoints: list[Object], *, last: bool) -> None:
        namespace, name = namespace_of(current), name_of(current)
        if not last:
            self.api.delete(RESOURCE, namespace, name)
            return
        labels = _labels(service)
        if (current.get("endpoints") or []) == endpoints and labels_of(current) == labels:
            return
        annotations = {**annotations_of(current), CHANGED: self.kernel.timestamp()}
        metadata = {**meta(current), "labels": labels, "annotations": annotations}
        metadata["generation"] = meta(current)["generation"] + 1
        self.api.replace_internal(RESOURCE, {**current, "endpoints": endpoints, "metadata": metadata})

    def _create(self, service: Object, ports: tuple[Port, ...], endpoints: list[Object]) -> None:
        new = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "generateName": f"{name_of(service)}-",
                "namespace": namespace_of(service),
                "labels": _labels(service),
                "annotations": {CHANGED: self.kernel.timestamp()},
                "ownerReferences": [owner_reference({"apiVersion": "v1", "kind": "Service", **service})],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [port_object(port) for port in ports],
        }
        self.api.create(RESOURCE, namespace_of(service), new, manager=MANAGER)


def _by_service(obj: Object) -> list[tuple[str, str]]:
    labels = labels_of(obj)
    if labels.get(MANAGED_BY) != MANAGER_NAME:
        return []
    return [(namespace_of(obj), labels.get(SERVICE_NAME, ""))]


def _labels(service: Object) -> dict[str, str]:
    labels = {**labels_of(service), SERVICE_NAME: name_of(service), MANAGED_BY: MANAGER_NAME}
    if spec_of(service).get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    return labels


def _ports(found: Object) -> tuple[Port, ...]:
    return tuple(
        (port.get("name", ""), port["port"], port.get("protocol", "TCP"), port.get("appProtocol", ""))
        for port in found.get("ports") or ()
    )


def _endpoint(service: str, backend: Backend) -> Object:
    pod = backend.pod
    conditions = {"ready": backend.ready, "serving": is_pod_ready(pod), "terminating": backend.terminating}
    endpoint: Object = {"addresses": [backend.ip], "conditions": conditions, "nodeName": spec_of(pod)["nodeName"]}
    endpoint["targetRef"] = target_reference(pod)
    if backend.hostname(service):
        endpoint["hostname"] = backend.hostname(service)
    return endpoint
