"""Cluster IPs and node ports of Services: a Service gets back the one it names if it is free, and is refused if not."""

from __future__ import annotations

import ipaddress
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.store import Change

Object = dict[str, Any]

NODE_PORTS = range(30000, 32768)


class Addresses:
    """Allocates, and remembers what is taken by following the store."""

    def __init__(self, api: Api, network: str) -> None:
        self._rng = api.kernel.rng
        self._network = ipaddress.ip_network(network)
        self._addresses: dict[str, str] = {}
        self._ports: dict[int, str] = {}
        api.store.subscribe(self._changed, "services")

    def __call__(self, review: Review) -> None:
        if review.kind.store != "services" or review.subresource == "status":
            return
        obj, old = review.object, review.old
        spec = obj["spec"]
        if spec.get("type") == "ExternalName":
            for field in ("clusterIP", "clusterIPs"):
                spec.pop(field, None)
            return
        if old is not None and "clusterIP" not in spec and (old["spec"].get("type") == "ExternalName"):
            old = None
        own = obj["metadata"]["uid"]
        if old is None or self._address_is_new(spec, old["spec"]):
            self._allocate_address(review, spec, own)
            spec["clusterIPs"] = [spec["clusterIP"]]
        else:
            _align(spec, old["spec"])
        self._allocate_ports(review, spec, (review.old or {}).get("spec") or {}, own)

    def _address_is_new(self, spec: Object, old: Object) -> bool:
        return not old.get("clusterIP") and spec.get("clusterIP", "") != "None"

    def _allocate_address(self, review: Review, spec: Object, own: str) -> None:
        wanted = spec.get("clusterIP", "") or (spec.get("clusterIPs") or [""])[0]
        if wanted == "None":
            spec["clusterIP"] = wanted
            return
        if not wanted:
            spec["clusterIP"] = self._free_address()
            return
        problem = self._problem(wanted, own)
        if problem:
            raise errors.invalid(review.kind, review.name, [problem])
        spec["clusterIP"] = wanted

    def _problem(self, wanted: str, own: str) -> FieldError | None:
        path = "spec.clusterIPs"
        try:
            inside = ipaddress.ip_address(wanted) in self._network
        except ValueError:
            detail = "must be empty, 'None', or a valid IP address"
            return errors.invalid_value(path, wanted, detail)
        if not inside:
            bounds = f"provided IP is not in the valid range. The range of valid IPs is {self._network}"
            detail = f"failed to allocated ip:{wanted} with error:{bounds}"
            return errors.invalid_value(path, wanted, detail)
        if self._addresses.get(wanted, own) != own:
            return errors.invalid_value(
                path, wanted, f"failed to allocated ip:{wanted} with error:provided IP is already allocated"
            )
        return None

    def _free_address(self) -> str:
        first, size = int(self._network.network_address), self._network.num_addresses
        while True:
            address = str(ipaddress.ip_address(first + self._rng.randrange(16, size - 1)))
            if address not in self._addresses:
                return address

    def _allocate_ports(self, review: Review, spec: Object, old: Object, own: str) -> None:
        if spec.get("type") not in ("NodePort", "LoadBalancer"):
            if old.get("type") in ("NodePort", "LoadBalancer"):
                for port in spec.get("ports", ()):
                    port.pop("nodePort", None)
                spec.pop("externalTrafficPolicy", None)
            return
        held = {(each.get("port"), each.get("protocol")): each.get("nodePort") for each in old.get("ports", ())}
        for index, port in enumerate(spec.get("ports", ())):
            wanted = port.get("nodePort")
            if not wanted:
                port["nodePort"] = held.get((port.get("port"), port.get("protocol"))) or self._free_port()
                continue
            path = f"spec.ports[{index}].nodePort"
            if wanted not in NODE_PORTS:
                bounds = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
                detail = f"provided port is not in the valid range. The range of valid ports is {bounds}"
                raise errors.invalid(review.kind, review.name, [errors.invalid_value(path, wanted, detail)])
            if self._ports.get(wanted, own) != own:
                problem = errors.invalid_value(path, wanted, "provided port is already allocated")
                raise errors.invalid(review.kind, review.name, [problem])

    def _free_port(self) -> int:
        while True:
            port = self._rng.choice(NODE_PORTS)
            if port not in self._ports:
                return port

    def _changed(self, change: Change) -> None:
        if change.previous is not None:
            self._forget(change.previous)
        if change.type != "DELETED":
            uid = change.object["metadata"]["uid"]
            for address in change.object["spec"].get("clusterIPs") or ():
                if address != "None":
                    self._addresses[address] = uid
            for port in change.object["spec"].get("ports") or ():
                if port.get("nodePort"):
                    self._ports[port["nodePort"]] = uid

    def _forget(self, service: Object) -> None:
        for address in service["spec"].get("clusterIPs") or ():
            self._addresses.pop(address, None)
        for port in service["spec"].get("ports") or ():
            self._ports.pop(port.get("nodePort"), None)


def _align(spec: Object, old: Object) -> None:
    """Keep clusterIP and clusterIPs of a changed Service in step when the client named only one of them."""
    address, addresses = spec.get("clusterIP"), spec.get("clusterIPs")
    if addresses is None and address == old.get("clusterIP") and "clusterIPs" in old:
        spec["clusterIPs"] = old["clusterIPs"]
    elif addresses == old.get("clusterIPs") and address != old.get("clusterIP"):
        if address:
            spec["clusterIPs"] = [address]
        else:
            spec.pop("clusterIPs", None)
