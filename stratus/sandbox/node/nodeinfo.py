"""What the scheduler knows of each node, kept in step with pods and nodes so that placing one pod costs one look per node."""

from __future__ import annotations

from collections.abc import Iterable

from stratus.sandbox.objects import (
    Object,
    containers_of,
    controller_of,
    is_pod_finished,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from stratus.sandbox.quantities import milli, value

Amounts = dict[str, int]
"""Resource name to amount: cpu in thousandths, everything else in whole units."""
LEAST: Amounts = {"cpu": 100, "memory": 200 << 20}
"""What a pod that requests nothing counts as when nodes are compared: thousandths of a core, bytes."""
HostPort = tuple[str, str, int]
"""Host address, protocol and number."""


def amount(resource: str, quantity: str) -> int:
    return milli(quantity) if resource == "cpu" else value(quantity)


def amounts(quantities: dict[str, str]) -> Amounts:
    return {resource: amount(resource, quantity) for resource, quantity in quantities.items()}


def _requests(container: Object) -> Amounts:
    return amounts((container.get("resources") or {}).get("requests") or {})


def _add(total: Amounts, more: Amounts) -> None:
    for resource, number in more.items():
        total[resource] = total.get(resource, 0) + number


def pod_requests(pod: Object) -> Amounts:
    """A pod's effective requests: the larger of its containers' sum and its init containers' peak, plus overhead."""
    spec = spec_of(pod)
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _requests(container))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _requests(container)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, own)
            own = {}
        for resource in {*own, *sidecars}:
            need = own.get(resource, 0) + sidecars.get(resource, 0)
            peak[resource] = max(peak.get(resource, 0), need)
    _add(total, sidecars)
    for resource, number in peak.items():
        total[resource] = max(total.get(resource, 0), number)
    _add(total, amounts(spec.get("overhead") or {}))
    return total


def weight(pod: Object) -> Amounts:
    """A pod's cpu and memory when nodes are compared."""
    wanted = pod_requests(pod)
    return {resource: wanted.get(resource) or least for resource, least in LEAST.items()}


def host_ports(pod: Object) -> list[HostPort]:
    return [
        (port.get("hostIP") or "0.0.0.0", port.get("protocol", "TCP"), int(port["hostPort"]))
        for container in containers_of(spec_of(pod))
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


class NodeInfo:
    """One node with the pods placed on it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.node: Object | None = None
        self.allocatable: Amounts = {}
        self.requested: Amounts = {}
        self.weight: Amounts = {}
        self.pods: dict[str, Object] = {}
        self.ports: dict[HostPort, int] = {}
        self.owners: dict[str, int] = {}
        """Pods by the uid of their controller."""

    def set_node(self, node: Object | None) -> None:
        self.node = node
        self.allocatable = amounts(status_of(node).get("allocatable") or {}) if node else {}

    def add(self, pod: Object) -> None:
        self.pods[uid_of(pod)] = pod
        _add(self.requested, pod_requests(pod))
        _add(self.weight, weight(pod))
        for port in host_ports(pod):
            self.ports[port] = self.ports.get(port, 0) + 1
        owner = controller_of(pod)
        if owner:
            self.owners[owner["uid"]] = self.owners.get(owner["uid"], 0) + 1

    def remove(self, uid: str) -> None:
        pod = self.pods.pop(uid, None)
        if pod is None:
            return
        for resource, number in pod_requests(pod).items():
            self.requested[resource] -= number
        for resource, number in weight(pod).items():
            self.weight[resource] -= number
        for port in host_ports(pod):
            self.ports[port] -= 1
            if not self.ports[port]:
                del self.ports[port]
        owner = controller_of(pod)
        if owner:
            self.owners[owner["uid"]] -= 1
            if not self.owners[owner["uid"]]:
                del self.owners[owner["uid"]]

    def without(self, victims: Iterable[Object]) -> NodeInfo:
        """A copy as if these pods were gone."""
        copy = NodeInfo(self.name)
        copy.node, copy.allocatable = self.node, self.allocatable
        copy.weight = dict(self.weight)
        copy.requested, copy.pods = dict(self.requested), dict(self.pods)
        copy.ports, copy.owners = dict(self.ports), dict(self.owners)
        for pod in victims:
            copy.remove(uid_of(pod))
        return copy

    def has_free(self, wanted: HostPort) -> bool:
        address, protocol, number = wanted
        for taken_address, taken_protocol, taken in self.ports:
            same = taken == number and taken_protocol == protocol
            if same and (address == taken_address or "0.0.0.0" in (address, taken_address)):
                return False
        return True


class Snapshot:
    """All nodes by name; `place` and `forget` keep them right as pods come, go and end."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.repelling: dict[str, Object] = {}
        """Placed pods with required anti-affinity by uid: the only ones that can keep others away."""
        self._where: dict[str, str] = {}

    def info(self, name: str) -> NodeInfo:
        return self.nodes.setdefault(name, NodeInfo(name))

    def available(self) -> list[NodeInfo]:
        return [info for info in self.nodes.values() if info.node is not None]

    def set_node(self, node: Object) -> None:
        self.info(name_of(node)).set_node(node)

    def drop_node(self, node: Object) -> None:
        info = self.info(name_of(node))
        info.set_node(None)
        if not info.pods:
            del self.nodes[name_of(node)]

    def place(self, pod: Object) -> None:
        """Takes account of a pod that has a node; one that has ended needs nothing any more."""
        name, uid = spec_of(pod).get("nodeName"), uid_of(pod)
        if not name:
            return
        if is_pod_finished(pod):
            return self.forget(pod)
        known = self._where.get(uid)
        if known == name and labels_of(self.info(name).pods[uid]) == labels_of(pod):
            self.info(name).pods[uid] = pod
            return
        self.forget(pod)
        self._where[uid] = name
        self.info(name).add(pod)
        if (spec_of(pod).get("affinity") or {}).get("podAntiAffinity"):
            self.repelling[uid] = pod

    def forget(self, pod: Object) -> None:
        name = self._where.pop(uid_of(pod), None)
        self.repelling.pop(uid_of(pod), None)
        if name is not None:
            self.nodes[name].remove(uid_of(pod))

    def same_place(self, key: str, value_: str) -> list[NodeInfo]:
        """Nodes of one topology domain."""
        return [info for info in self.available() if info.node and labels_of(info.node).get(key) == value_]


def in_namespaces(pod: Object, term: Object, own: str) -> bool:
    """Whether an affinity term looks at this pod's namespace."""
    if "namespaceSelector" in term and term["namespaceSelector"] == {}:
        return True
    return namespace_of(pod) in (term.get("namespaces") or [own])
