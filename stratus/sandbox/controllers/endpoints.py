"""Keeps one Endpoints object per Service with a selector: ready addresses, and those not ready apart."""

from __future__ import annotations

from stratus.sandbox.controllers.base import MANAGER
from stratus.sandbox.controllers.service_pods import (
    CHANGED,
    Backend,
    ServiceController,
    grouped,
    port_object,
    target_reference,
)
from stratus.sandbox.objects import Object, annotations_of, labels_of, meta, name_of, namespace_of, spec_of

HEADLESS = "service.kubernetes.io/headless"


class EndpointsController(ServiceController):
    name = "endpoint-controller"

    def reconcile(self, namespace: str, name: str) -> None:
        service = self.store.get("services", namespace, name)
        current = self.store.get("endpoints", namespace, name)
        if service is None:
            if current is not None:
                self.api.delete("endpoints", namespace, name)
            return
        if not spec_of(service).get("selector") or spec_of(service).get("type") == "ExternalName":
            return
        subsets = _subsets(name, [backend for backend in self.selected(service) if not backend.terminating])
        labels = {key: value for key, value in labels_of(service).items() if key != HEADLESS}
        if spec_of(service).get("clusterIP") == "None":
            labels[HEADLESS] = ""
        if current is None:
            self._create(service, subsets, labels)
        elif (current.get("subsets") or []) != subsets or labels_of(current) != labels:
            self._update(current, subsets, labels)

    def _create(self, service: Object, subsets: list[Object], labels: dict[str, str]) -> None:
        metadata: Object = {"name": name_of(service), "namespace": namespace_of(service)}
        if labels:
            metadata["labels"] = labels
        metadata["annotations"] = {CHANGED: self.kernel.timestamp()}
        new: Object = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        if subsets:
            new["subsets"] = subsets
        self.api.create("endpoints", namespace_of(service), new, manager=MANAGER)

    def _update(self, current: Object, subsets: list[Object], labels: dict[str, str]) -> None:
        annotations = {**annotations_of(current), CHANGED: self.kernel.timestamp()}
        new = {**current, "metadata": {**meta(current), "annotations": annotations, "labels": labels}}
        new["subsets"] = subsets
        if not subsets:
            del new["subsets"]
        self.api.replace_internal("endpoints", new)


def _subsets(service: str, found: list[Backend]) -> list[Object]:
    subsets = []
    for members in grouped(found, lambda backend: backend.ports).values():
        subset: Object = {}
        for field, ready in (("addresses", True), ("notReadyAddresses", False)):
            addresses = [_address(service, each) for each in members if each.ready is ready]
            if addresses:
                subset[field] = addresses
        ports = [port_object(port) for port in members[0].ports]
        for port in ports:
            if not port["name"]:
                del port["name"]
        if ports:
            subset["ports"] = ports
        subsets.append(subset)
    return subsets


def _address(service: str, backend: Backend) -> Object:
    address: Object = {"ip": backend.ip, "nodeName": spec_of(backend.pod)["nodeName"]}
    address["targetRef"] = target_reference(backend.pod)
    if backend.hostname(service):
        address["hostname"] = backend.hostname(service)
    return address
