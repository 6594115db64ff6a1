"""NetworkPolicy: whether one pod may open a connection to another.

The rules are those of networking.k8s.io/v1: a pod that no policy selects for a direction is open in it; otherwise at
least one rule of one selecting policy must allow the peer and the port. A denied connection is dropped, not refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

from stratus.sandbox.objects import labels_of, namespace_of, selects
from stratus.sandbox.store import Store

Object = dict[str, Any]
POLICIES = "networkpolicies.networking.k8s.io"


class Policies:
    """Answers for the policies that are in the store now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def allows(self, source: Object | None, target: Object, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` (None: somebody outside all pods) may reach `port` of `target`."""
        if not self._store.count(POLICIES):
            return True
        if source is not None and not self._direction("Egress", source, target, target, port, protocol):
            return False
        return self._direction("Ingress", target, source, target, port, protocol)

    def _direction(
        self, direction: str, subject: Object, peer: Object | None, target: Object, port: int, protocol: str
    ) -> bool:
        policies = list(self._selecting(direction, subject))
        if not policies:
            return True
        key, side = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        namespace = namespace_of(subject)
        return any(
            self._rule_allows(rule.get(side), rule.get("ports"), namespace, peer, target, port, protocol)
            for policy in policies
            for rule in policy["spec"].get(key) or ()
        )

    def _selecting(self, direction: str, pod: Object) -> Iterator[Object]:
        for policy in self._store.list(POLICIES, namespace_of(pod)):
            spec = policy["spec"]
            types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
            if direction in types and selects(spec.get("podSelector") or {}, labels_of(pod)):
                yield policy

    def _rule_allows(
        self,
        peers: Iterable[Object] | None,
        ports: Iterable[Object] | None,
        namespace: str,
        peer: Object | None,
        target: Object,
        port: int,
        protocol: str,
    ) -> bool:
        if ports and not any(_port_matches(entry, target, port, protocol) for entry in ports):
            return False
        return peers is None or not peers or any(self._peer_matches(entry, namespace, peer) for entry in peers)

    def _peer_matches(self, entry: Object, namespace: str, peer: Object | None) -> bool:
        if "ipBlock" in entry:
            address = (peer.get("status") or {}).get("podIP") if peer else None
            return bool(address) and _in_block(entry["ipBlock"], str(address))
        if peer is None:
            return False
        if "namespaceSelector" in entry:
            home = self._store.get("namespaces", "", namespace_of(peer)) or {}
            if not selects(entry["namespaceSelector"], labels_of(home)):
                return False
        elif namespace_of(peer) != namespace:
            return False
        return "podSelector" not in entry or selects(entry["podSelector"], labels_of(peer))


def _port_matches(entry: Object, target: Object, port: int, protocol: str) -> bool:
    if entry.get("protocol", "TCP") != protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return wanted <= port <= int(entry.get("endPort", wanted))
    declared = (ports for container in target["spec"]["containers"] for ports in container.get("ports") or ())
    return any(found.get("name") == wanted and found["containerPort"] == port for found in declared)


def _in_block(block: Object, address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
        inside = ip in ipaddress.ip_network(block["cidr"], strict=False)
        return inside and not any(ip in ipaddress.ip_network(cidr, strict=False) for cidr in block.get("except") or ())
    except ValueError:
        return False
