"""A StatefulSet does not replace a pod that never became ready, even after its template is put back (kubernetes#67250).

So the undo of its template includes deleting such pods of the revision that was taken back; their owner creates them
again from the restored template. Pods that are ready are left to the controller.
"""

from __future__ import annotations

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep
from stratus.engine.context import Context
from stratus.engine.patience import patiently
from stratus.ports import Precondition

OBSERVED_WITHIN = 15.0
"""Seconds for the controller to see the restored template."""
POLL = 0.2


async def replace_broken_pods(ctx: Context, pre: JsonObject | None) -> None:
    """Delete the pods that keep a restored StatefulSet from becoming ready; nothing for other kinds."""
    if pre is None or pre.get("kind") != "StatefulSet":
        return
    live = await _observed(ctx, ObjectRef.of(pre))
    if live is None:
        return
    wanted = live.get("status", {}).get("updateRevision", "")
    namespace, uid = live["metadata"]["namespace"], live["metadata"]["uid"]
    for pod in await patiently(ctx, lambda: ctx.reader.list("Pod", namespace)):
        if _owned_by(pod, uid) and _revision(pod) != wanted and not _ready(pod):
            await _delete(ctx, pod)


async def _observed(ctx: Context, ref: ObjectRef) -> JsonObject | None:
    end = ctx.clock.monotonic() + OBSERVED_WITHIN
    while True:
        try:
            live = await patiently(ctx, lambda: ctx.reader.get(ref))
        except Absent:
            return None
        seen = live.get("status", {}).get("observedGeneration", 0) >= live["metadata"].get("generation", 0)
        if seen or ctx.clock.monotonic() >= end:
            return live
        await ctx.wait(POLL)


async def _delete(ctx: Context, pod: JsonObject) -> None:
    condition = Precondition(uid=pod["metadata"]["uid"])
    step = DeleteStep(target=ObjectRef.of(pod))
    try:
        await patiently(ctx, lambda: ctx.writer.send(step, condition))
    except Absent:
        return


def _owned_by(pod: JsonObject, uid: str) -> bool:
    return any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])


def _revision(pod: JsonObject) -> str:
    return str((pod["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def _ready(pod: JsonObject) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
