"""Which of the nodes that a pod fits is the best: room left, replicas apart, preferences of the pod."""

from __future__ import annotations

from stratus.sandbox.node import affinity
from stratus.sandbox.node.filters import matches_term, tolerates
from stratus.sandbox.node.nodeinfo import Amounts, NodeInfo, Snapshot, weight
from stratus.sandbox.objects import Object, controller_of, spec_of


def best(pod: Object, fitting: list[NodeInfo], snapshot: Snapshot) -> NodeInfo:
    """The node with the highest score; the first of equals."""
    wanted = weight(pod)
    return max(fitting, key=lambda info: score(pod, wanted, info, snapshot))


def score(pod: Object, wanted: Amounts, info: NodeInfo, snapshot: Snapshot) -> float:
    total = _room(wanted, info) + _apart(pod, info)
    return total + _node_preference(pod, info) + _pod_preference(pod, info, snapshot) - _soft_taints(pod, info)


def _room(wanted: Amounts, info: NodeInfo) -> float:
    """0 to 100: the mean share of cpu and memory that stays free."""
    free = 0.0
    for resource, amount in wanted.items():
        total = info.allocatable.get(resource, 0)
        free += max(0.0, 1 - (info.weight.get(resource, 0) + amount) / total) if total else 0.0
    return 50 * free


def _apart(pod: Object, info: NodeInfo) -> float:
    """Replicas of one owner on different nodes."""
    owner = controller_of(pod)
    if owner is None:
        return 0.0
    siblings = info.owners.get(owner["uid"], 0)
    return 100 / (1 + siblings)


def _node_preference(pod: Object, info: NodeInfo) -> float:
    found = (spec_of(pod).get("affinity") or {}).get("nodeAffinity") or {}
    terms = found.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(float(term["weight"]) for term in terms if info.node and matches_term(term["preference"], info.node))


def _pod_preference(pod: Object, info: NodeInfo, snapshot: Snapshot) -> float:
    total = 0.0
    for kind, sign in (("podAffinity", 1.0), ("podAntiAffinity", -1.0)):
        for weighted in affinity.preferred(pod, kind):
            term = weighted["podAffinityTerm"]
            others = affinity.domain(info, term, snapshot)
            total += sign * weighted["weight"] * sum(affinity.matches(term, pod, other) for other in others)
    return total


def _soft_taints(pod: Object, info: NodeInfo) -> float:
    tolerations = spec_of(pod).get("tolerations") or ()
    soft = [each for each in spec_of(info.node or {}).get("taints") or () if each["effect"] == "PreferNoSchedule"]
    return 100.0 * sum(not tolerates(tolerations, taint) for taint in soft)
