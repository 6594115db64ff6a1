"""Making room for a pod of higher priority by removing pods of lower priority, as few and as unimportant as possible."""

from __future__ import annotations

from dataclasses import dataclass

from stratus.sandbox.node.filters import fits
from stratus.sandbox.node.nodeinfo import NodeInfo, Snapshot
from stratus.sandbox.objects import Object, is_deleting, labels_of, meta, namespace_of, selects, spec_of, status_of
from stratus.sandbox.store import Store


@dataclass(frozen=True)
class Candidate:
    """A node, and the pods that have to leave it."""

    node: str
    victims: list[Object]
    violations: int


def priority(pod: Object) -> int:
    return int(spec_of(pod).get("priority") or 0)


def find(pod: Object, snapshot: Snapshot, store: Store) -> Candidate | None:
    """The node where the fewest and least important pods have to go; None when no removal helps."""
    if spec_of(pod).get("preemptionPolicy") == "Never":
        return None
    candidates = [found for info in snapshot.available() if (found := _on(pod, info, snapshot, store))]
    if not candidates:
        return None
    return min(candidates, key=_cost)


def _cost(candidate: Candidate) -> tuple[int, int, int, int]:
    ranks = [priority(victim) for victim in candidate.victims]
    return candidate.violations, max(ranks), sum(ranks), len(ranks)


def _on(pod: Object, info: NodeInfo, snapshot: Snapshot, store: Store) -> Candidate | None:
    lower = [other for other in info.pods.values() if priority(other) < priority(pod)]
    if not lower or fits(pod, info.without(lower), snapshot, store):
        return None
    victims = list(lower)
    for other in sorted(lower, key=lambda each: (-priority(each), meta(each)["creationTimestamp"])):
        spared = [each for each in victims if each is not other]
        if not fits(pod, info.without(spared), snapshot, store):
            victims = spared
    violations = sum(_is_protected(victim, store) for victim in victims)
    return Candidate(info.name, victims, violations) if victims else None


def _is_protected(pod: Object, store: Store) -> bool:
    """Whether a disruption budget allows no more disruptions of this pod."""
    if is_deleting(pod):
        return False
    return any(
        selects(spec_of(budget).get("selector"), labels_of(pod)) and not status_of(budget).get("disruptionsAllowed")
        for budget in store.list("poddisruptionbudgets.policy", namespace_of(pod))
    )
