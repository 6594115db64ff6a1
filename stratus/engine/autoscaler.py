"""What a new autoscaler did besides being there: an undo that only deleted it would leave the replicas that it chose."""

from __future__ import annotations

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import ApplyStep, CreateStep, Step
from stratus.engine.context import Context
from stratus.engine.patience import patiently

KIND = "HorizontalPodAutoscaler"


async def scaled_by(ctx: Context, step: Step) -> list[JsonObject]:
    """The workload that the autoscaler which ``step`` creates will scale; none for other kinds, or when it does not exist."""
    if step.target.kind != KIND or not isinstance(step, CreateStep | ApplyStep):
        return []
    named = (step.manifest.get("spec") or {}).get("scaleTargetRef") or {}
    if not all(named.get(field) for field in ("apiVersion", "kind", "name")):
        return []
    target = ObjectRef(
        api_version=named["apiVersion"], kind=named["kind"], namespace=step.target.namespace, name=named["name"]
    )
    try:
        return [await patiently(ctx, lambda: ctx.reader.get(target), ctx.settings.read_patience)]
    except Refused:
        return []


def as_it_scaled(scaled: JsonObject, autoscaler: JsonObject | None, live: JsonObject | None) -> JsonObject | None:
    """``scaled``, the workload before, as the autoscaler made it: with the replicas of now, if those are its choice.

    None when it never scaled, or is gone already: then the replicas are somebody else's.
    """
    if autoscaler is None or live is None or not autoscaler.get("status", {}).get("lastScaleTime"):
        return None
    if live["metadata"].get("uid") != scaled["metadata"].get("uid"):
        return None
    return {**scaled, "spec": {**scaled["spec"], "replicas": live["spec"].get("replicas")}}
