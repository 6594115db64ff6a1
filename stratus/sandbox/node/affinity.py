"""Affinity between pods, and topology spread constraints, as the scheduler judges them for one node."""

from __future__ import annotations

from stratus.sandbox.node.nodeinfo import NodeInfo, Snapshot, in_namespaces
from stratus.sandbox.objects import Object, is_deleting, labels_of, namespace_of, selects, spec_of

AFFINITY = "node(s) didn't match pod affinity/anti-affinity"
RULES = "node(s) didn't match pod affinity rules"
ANTI_RULES = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
SPREAD_LABEL = "node(s) didn't match pod topology spread constraints (missing required label)"


def required(pod: Object, kind: str) -> list[Object]:
    """The required terms of podAffinity or podAntiAffinity."""
    found = (spec_of(pod).get("affinity") or {}).get(kind) or {}
    return found.get("requiredDuringSchedulingIgnoredDuringExecution") or []


def preferred(pod: Object, kind: str) -> list[Object]:
    """The weighted terms of podAffinity or podAntiAffinity."""
    found = (spec_of(pod).get("affinity") or {}).get(kind) or {}
    return found.get("preferredDuringSchedulingIgnoredDuringExecution") or []


def matches(term: Object, owner: Object, other: Object) -> bool:
    """Whether an affinity term of `owner` looks at `other`."""
    return in_namespaces(other, term, namespace_of(owner)) and selects(term.get("labelSelector"), labels_of(other))


def domain(info: NodeInfo, term: Object, snapshot: Snapshot) -> list[Object]:
    """The pods in the topology domain of a node."""
    value = labels_of(info.node or {}).get(term["topologyKey"])
    if value is None:
        return []
    return [pod for each in snapshot.same_place(term["topologyKey"], value) for pod in each.pods.values()]


def pod_affinity(pod: Object, info: NodeInfo, snapshot: Snapshot) -> list[str]:
    """Reasons against the node; none when it fits."""
    for term in required(pod, "podAffinity"):
        if not _has_company(pod, term, info, snapshot):
            return [AFFINITY, RULES]
    for term in required(pod, "podAntiAffinity"):
        if any(matches(term, pod, other) for other in domain(info, term, snapshot)):
            return [AFFINITY, ANTI_RULES]
    return [AFFINITY, EXISTING] if _blocked_by_existing(pod, info, snapshot) else []


def _has_company(pod: Object, term: Object, info: NodeInfo, snapshot: Snapshot) -> bool:
    if term["topologyKey"] not in labels_of(info.node or {}):
        return False
    if any(matches(term, pod, other) for other in domain(info, term, snapshot)):
        return True
    everywhere = (other for each in snapshot.available() for other in each.pods.values())
    return matches(term, pod, pod) and not any(matches(term, pod, other) for other in everywhere)


def _blocked_by_existing(pod: Object, info: NodeInfo, snapshot: Snapshot) -> bool:
    labels = labels_of(info.node or {})
    for other in snapshot.repelling.values():
        where = labels_of(snapshot.info(spec_of(other)["nodeName"]).node or {})
        for term in required(other, "podAntiAffinity"):
            key = term["topologyKey"]
            if key in labels and where.get(key) == labels[key] and matches(term, other, pod):
                return True
    return False


def topology_spread(pod: Object, info: NodeInfo, snapshot: Snapshot) -> list[str]:
    """Reasons from constraints with whenUnsatisfiable: DoNotSchedule."""
    for constraint in spec_of(pod).get("topologySpreadConstraints") or ():
        if constraint.get("whenUnsatisfiable") != "DoNotSchedule":
            continue
        key = constraint["topologyKey"]
        own = labels_of(info.node or {}).get(key)
        if own is None:
            return [SPREAD_LABEL]
        counts = _counts(pod, constraint, snapshot)
        joining = int(selects(constraint.get("labelSelector"), labels_of(pod)))
        if counts.get(own, 0) + joining - min(counts.values(), default=0) > constraint.get("maxSkew", 1):
            return [SPREAD]
    return []


def _counts(pod: Object, constraint: Object, snapshot: Snapshot) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in snapshot.available():
        value = labels_of(each.node or {}).get(constraint["topologyKey"])
        if value is None:
            continue
        matching = sum(
            namespace_of(other) == namespace_of(pod)
            and not is_deleting(other)
            and selects(constraint.get("labelSelector"), labels_of(other))
            for other in each.pods.values()
        )
        counts[value] = counts.get(value, 0) + matching
    return counts
