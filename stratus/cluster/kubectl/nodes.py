"""cordon, uncordon and taint."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence

from stratus.cluster.kubectl.edits import patch_between
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.targets import live_objects, split_pairs
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import PatchStep, Step

_TAINT = re.compile(r"^(?P<key>[^=:]+?)(?:=(?P<value>[^:]*))?(?::(?P<effect>[A-Za-z]*?))?(?P<removed>-)?$")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


async def cordon(inv: Invocation) -> Sequence[Step]:
    """``kubectl cordon``."""
    return [step for node in await nodes(inv) for step in schedulable(node, False)]


async def uncordon(inv: Invocation) -> Sequence[Step]:
    """``kubectl uncordon``."""
    return [step for node in await nodes(inv) for step in schedulable(node, True)]


async def nodes(inv: Invocation) -> list[JsonObject]:
    """The nodes that are named or selected."""
    names = [word.removeprefix("node/").removeprefix("nodes/") for word in inv.words]
    if not names and not inv.flags.text("selector"):
        raise InvalidInput(f"kubectl {inv.verb} needs a NODE, or -l")
    return await live_objects(inv, ["nodes", *names])


def schedulable(node: JsonObject, wanted: bool) -> list[PatchStep]:
    """The step that lets pods come to a node or not; none when it is so already."""
    if bool(node["spec"].get("unschedulable")) is not wanted:
        return []
    after = copy.deepcopy(node)
    after["spec"].pop("unschedulable", None)
    if not wanted:
        after["spec"]["unschedulable"] = True
    return patch_between(node, after)


async def taint(inv: Invocation) -> Sequence[Step]:
    """``kubectl taint``."""
    words, pairs = split_pairs(inv.words, also=":")
    if not pairs:
        raise InvalidInput("kubectl taint needs KEY=VALUE:EFFECT, or KEY:EFFECT- to remove")
    wanted, removed = _parse(pairs)
    if words and words[0].lower() not in ("node", "nodes", "no") and "/" not in words[0]:
        raise InvalidInput("only nodes can be tainted: kubectl taint nodes NODE KEY=VALUE:EFFECT")
    steps: list[Step] = []
    for node in await live_objects(inv, words):
        if node["kind"] != "Node":
            raise InvalidInput(f"{ObjectRef.of(node)} cannot be tainted; only nodes can")
        after = copy.deepcopy(node)
        after["spec"]["taints"] = _after(inv, node, wanted, removed)
        if not after["spec"]["taints"]:
            del after["spec"]["taints"]
        steps += patch_between(node, after)
    return steps


def _parse(pairs: Sequence[str]) -> tuple[list[JsonObject], list[tuple[str, str]]]:
    wanted: list[JsonObject] = []
    removed: list[tuple[str, str]] = []
    for pair in pairs:
        match = _TAINT.match(pair)
        effect = (match["effect"] or "") if match else ""
        if match is None or (effect and effect not in _EFFECTS) or (not effect and not match["removed"]):
            raise InvalidInput(f'"{pair}" is not KEY=VALUE:EFFECT with an effect of {", ".join(_EFFECTS)}')
        if match["removed"]:
            removed.append((match["key"], effect))
        else:
            value = {"value": match["value"]} if match["value"] else {}
            wanted.append({"key": match["key"], **value, "effect": effect})
    named = [(one["key"], one["effect"]) for one in wanted]
    if len(set(named)) != len(named) or set(named) & set(removed):
        raise InvalidInput("each KEY:EFFECT may be given once, to set or to remove")
    return wanted, removed


def _after(
    inv: Invocation, node: JsonObject, wanted: Sequence[JsonObject], removed: Sequence[tuple[str, str]]
) -> list[JsonObject]:
    current: list[JsonObject] = node["spec"].get("taints") or []
    name = ObjectRef.of(node)
    for key, effect in removed:
        if not any(one["key"] == key and effect in ("", one["effect"]) for one in current):
            raise InvalidInput(f"{name} has no taint {key}{':' + effect if effect else ''}")
    new = {(one["key"], one["effect"]): one for one in wanted}
    taken = [one for one in current if (one["key"], one["effect"]) in new]
    if taken and not inv.flags.truth("overwrite"):
        raise InvalidInput(f"{name} already has taint {taken[0]['key']}:{taken[0]['effect']}; add --overwrite")
    kept = [
        one
        for one in current
        if one not in taken and not {(one["key"], one["effect"]), (one["key"], "")} & set(removed)
    ]
    return [*wanted, *kept]
