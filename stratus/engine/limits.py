"""A3, counted by the engine: K steps, N objects, and the share of a workload's replicas at risk (I8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stratus.domain.base import JsonObject
from stratus.domain.policy import Limits
from stratus.domain.steps import DeleteStep, EvictStep, Proposal, ScaleStep, Step


def over_limits(proposal: Proposal, limits: Limits) -> str:
    """Why the proposal is too large; "" when it is not."""
    if len(proposal.steps) > limits.steps:
        return f"{len(proposal.steps)} steps, and a transaction may have {limits.steps}: split the change"
    objects = len({step.target.path for step in proposal.steps})
    if objects > limits.objects:
        return f"{objects} objects, and a transaction may touch {limits.objects}: split the change"
    return ""


def over_share(
    steps: Sequence[Step], images: Sequence[JsonObject | None], owners: dict[str, int], limits: Limits
) -> str:
    """Why too many replicas of one workload would be away at once; "" when they are not.

    ``owners`` maps the uid of a pod's controller to its replica count.
    """
    taken: Counter[str] = Counter()
    for step, image in zip(steps, images, strict=True):
        if image is None:
            continue
        share = _share(step, image)
        if share > limits.replica_share:
            return f"{step.target} would lose {share:.0%} of its replicas at once, and {limits.replica_share:.0%} is the limit"
        if isinstance(step, DeleteStep | EvictStep) and step.target.kind == "Pod":
            taken.update([controller_uid(image)])
    for uid, count in taken.items():
        if uid in owners and count > limits.replica_share * max(owners[uid], 1):
            return f"{count} of {owners[uid]} pods of one workload at once, and {limits.replica_share:.0%} is the limit"
    return ""


def controller_uid(image: JsonObject) -> str:
    """The uid of the controller that owns an object; "" when nobody does."""
    owners = image.get("metadata", {}).get("ownerReferences") or []
    return next((owner["uid"] for owner in owners if owner.get("controller")), "")


def _share(step: Step, image: JsonObject) -> float:
    replicas = image.get("spec", {}).get("replicas") if isinstance(image.get("spec"), dict) else None
    if isinstance(step, ScaleStep) and replicas:
        return max(0.0, (int(replicas) - step.replicas) / int(replicas))
    return 0.0
