"""label and annotate: merge patches of exactly the keys that were named."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.cluster.kubectl.edits import merge_patch
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.targets import live_objects, split_pairs
from stratus.domain.base import JsonObject
from stratus.domain.errors import Conflict, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import PatchStep, Step

_CHANGE_CAUSE = "kubernetes.io/change-cause"


async def label(inv: Invocation) -> Sequence[Step]:
    """``kubectl label``."""
    return await _change(inv, "labels")


async def annotate(inv: Invocation) -> Sequence[Step]:
    """``kubectl annotate``."""
    return await _change(inv, "annotations")


async def _change(inv: Invocation, field: str) -> Sequence[Step]:
    if inv.flags.truth("list"):
        raise InvalidInput("with --list nothing changes; use kubectl for reading")
    words, pairs = split_pairs(inv.words)
    wanted = changes(pairs, what=field)
    if not wanted:
        raise InvalidInput(f"kubectl {inv.verb} needs at least one KEY=VALUE or KEY-")
    steps: list[Step] = []
    for obj in await live_objects(inv, words):
        check_resource_version(inv, obj)
        steps += _patch(inv, obj, field, wanted)
    return steps


def changes(pairs: Sequence[str], *, what: str) -> dict[str, str | None]:
    """``key=value`` and ``key-`` as a map; None removes. Raises InvalidInput when a key is both set and removed."""
    found: dict[str, str | None] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            key = key.removesuffix("-")
        if not key:
            raise InvalidInput(f'"{pair}" has no key')
        if key in found and (found[key] is None) != (not equals):
            raise InvalidInput(f"{what}: {key} cannot be both set and removed")
        found[key] = value if equals else None
    return found


def check_resource_version(inv: Invocation, obj: JsonObject) -> None:
    """Honour --resource-version. Raises Conflict when the object has moved on."""
    wanted = inv.flags.text("resource-version")
    if wanted and obj["metadata"].get("resourceVersion") != wanted:
        raise Conflict(f"{ObjectRef.of(obj)} is not at resourceVersion {wanted}", status=409, reason="Conflict")


def _patch(inv: Invocation, obj: JsonObject, field: str, wanted: dict[str, str | None]) -> list[PatchStep]:
    now = obj["metadata"].get(field) or {}
    for key, value in wanted.items():
        taken = key in now and value is not None and now[key] != value
        if taken and key != _CHANGE_CAUSE and not inv.flags.truth("overwrite"):
            raise InvalidInput(f"{ObjectRef.of(obj)}: {key} already has a value ({now[key]}); add --overwrite")
    patch = {key: value for key, value in wanted.items() if now.get(key) != value}
    return merge_patch(obj, {"metadata": {field: patch}} if patch else {})
