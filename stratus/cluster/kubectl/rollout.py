"""rollout restart, undo, pause and resume."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.kubectl.edits import patch_between, pod_template
from stratus.cluster.kubectl.history import template_of_revision
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.targets import live_objects
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import Step

_RESTARTABLE = ("Deployment", "DaemonSet", "StatefulSet")
_RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"


async def restart(inv: Invocation) -> Sequence[Step]:
    """``kubectl rollout restart``: a new annotation in the template makes the owner replace its pods."""
    stamp = inv.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    steps: list[Step] = []
    for obj in await _targets(inv, _RESTARTABLE):
        if obj["spec"].get("paused"):
            raise InvalidInput(f"{ObjectRef.of(obj)} is paused: run rollout resume first")
        after = copy.deepcopy(obj)
        meta = pod_template(after).setdefault("metadata", {})
        meta["annotations"] = {**(meta.get("annotations") or {}), _RESTARTED_AT: stamp}
        steps += patch_between(obj, after)
    return steps


async def undo(inv: Invocation) -> Sequence[Step]:
    """``kubectl rollout undo``: the template of an earlier revision, as a change of its own that can be undone."""
    revision = inv.flags.number("to-revision")
    if revision < 0:
        raise InvalidInput("--to-revision is 0 (the previous one) or a revision of rollout history")
    steps: list[Step] = []
    for obj in await _targets(inv, _RESTARTABLE):
        if obj["spec"].get("paused"):
            raise InvalidInput(f"{ObjectRef.of(obj)} is paused and cannot be rolled back: run rollout resume first")
        after = copy.deepcopy(obj)
        after["spec"]["template"], annotations = await template_of_revision(inv.reader, obj, revision)
        if annotations is not None:
            after["metadata"]["annotations"] = annotations
        steps += [] if after["spec"]["template"] == obj["spec"]["template"] else patch_between(obj, after)
    return steps


async def pause(inv: Invocation) -> Sequence[Step]:
    """``kubectl rollout pause``."""
    return await _set_paused(inv, True)


async def resume(inv: Invocation) -> Sequence[Step]:
    """``kubectl rollout resume``."""
    return await _set_paused(inv, False)


async def _set_paused(inv: Invocation, paused: bool) -> Sequence[Step]:
    steps: list[Step] = []
    for obj in await _targets(inv, ("Deployment",)):
        if bool(obj["spec"].get("paused")) is paused:
            raise InvalidInput(f"{ObjectRef.of(obj)} is {'already' if paused else 'not'} paused")
        after = copy.deepcopy(obj)
        after["spec"].pop("paused", None)
        if paused:
            after["spec"]["paused"] = True
        steps += patch_between(obj, after)
    return steps


async def _targets(inv: Invocation, kinds: Sequence[str]) -> list[JsonObject]:
    found = await live_objects(inv, inv.words, everything=True)
    for obj in found:
        if obj["kind"] not in kinds:
            raise InvalidInput(f"kubectl {inv.verb} works on {', '.join(kinds)}, not on {ObjectRef.of(obj)}")
    return found
