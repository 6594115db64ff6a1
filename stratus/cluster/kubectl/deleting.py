"""delete: one step for each object, with kubectl's rules for grace and cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.targets import refs
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep, Step

Propagation = Literal["Background", "Foreground", "Orphan"]
_CASCADE = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}


async def delete(inv: Invocation) -> Sequence[Step]:
    """``kubectl delete``."""
    if inv.flags.truth("all-namespaces") and not (inv.flags.truth("all") or inv.flags.text("selector")):
        raise InvalidInput("-A needs --all or -l: a name is in one namespace")
    targets = await refs(inv, inv.words)
    if inv.flags.truth("ignore-not-found"):
        targets = [target for target in targets if await _exists(inv, target)]
    propagation, grace = cascade(inv), grace_period(inv)
    return [DeleteStep(target=target, propagation=propagation, grace_period_seconds=grace) for target in targets]


def cascade(inv: Invocation) -> Propagation:
    """The value of --cascade. Raises InvalidInput for an unknown one."""
    value = inv.flags.text("cascade", "background").lower()
    if value not in _CASCADE:
        raise InvalidInput(f'--cascade is background, foreground or orphan, not "{value}"')
    return cast(Propagation, _CASCADE[value])


def grace_period(inv: Invocation) -> int | None:
    """Seconds, None for the object's own. Without --force kubectl makes 0 into 1, so that somebody still shuts down."""
    force, now = inv.flags.truth("force"), inv.flags.truth("now")
    seconds = inv.flags.number("grace-period", -1)
    if now and seconds >= 0:
        raise InvalidInput("--now and --grace-period exclude each other")
    if force and seconds > 0:
        raise InvalidInput("--force and a --grace-period above 0 exclude each other")
    if now:
        return 0 if force else 1
    if seconds < 0:
        return 0 if force else None
    return 1 if seconds == 0 and not force else seconds


async def _exists(inv: Invocation, target: ObjectRef) -> bool:
    try:
        await inv.reader.get(target)
    except Absent:
        return False
    return True
