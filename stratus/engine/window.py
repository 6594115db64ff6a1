"""The decision window: one for the whole proposal; acts only when the mode, a person or the clock says so (I3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from stratus.domain.commands import Posted
from stratus.domain.events import TxAwaiting, TxDecided
from stratus.domain.policy import Mode
from stratus.domain.severity import Observation
from stratus.engine.context import Context


@dataclass(frozen=True)
class Decision:
    """Go ahead, or why not. ``cause`` is that of TxCancelled."""

    go: bool
    cause: str = ""
    reason: str = ""
    by: str = ""


LOOK_EVERY = 5.0
"""Seconds between two looks at the cluster while a decision is awaited: whoever decides sees how things are now."""
HEALED = Decision(False, "refused", "healthy again: there is nothing left to repair")


async def decide(ctx: Context, tx: str, mode: Mode, *, people: bool) -> Decision:
    """Wait as the mode demands. ``people`` False: nobody can answer, so what needs an approval is denied at once."""
    if mode is Mode.OBSERVE:
        return Decision(False, "denied", "mode observe: nothing is written")
    if mode is Mode.AUTO:
        ctx.ledger.emit(TxDecided(tx=tx, decision="go", by="policy", reason="mode auto"))
        return Decision(True)
    if mode is Mode.APPROVE and not people:
        return Decision(False, "denied", "needs an approval, and nobody is there to give it")
    return await _window(ctx, tx, mode)


async def _window(ctx: Context, tx: str, mode: Mode) -> Decision:
    wants, seconds = (
        ("veto", ctx.policy.veto_window) if mode is Mode.VETO else ("approval", ctx.policy.approval_timeout)
    )
    paused, health = True, _Health(ctx, tx)
    while True:
        if paused and not (paused := _paused(ctx, tx)):  # people get the whole window, also after a pause
            deadline = ctx.clock.now() + timedelta(seconds=seconds)
            ctx.ledger.emit(TxAwaiting(tx=tx, wants=wants, seconds=seconds, deadline=deadline), durable=True)
        ctx.desk.take()
        decided = ctx.desk.decision(tx)
        if decided is not None:
            return _by_person(ctx, tx, *decided)
        if ctx.stopping():
            return Decision(False, "stopped", "the engine is stopping")
        paused = paused or _paused(ctx, tx)
        left = None if paused else _seconds_left(ctx, tx)
        if left is not None and left <= 0:
            return _by_time(ctx, tx, wants)
        if await health.returned():
            return HEALED
        await ctx.wait(ctx.settings.slice if left is None else min(left, ctx.settings.slice))


class _Health:
    """Looks at the cluster during a window. Somebody may repair it meanwhile, or it heals by itself."""

    def __init__(self, ctx: Context, tx: str) -> None:
        self._ctx = ctx
        self._repairs = bool(ctx.ledger.transaction(tx).incident)
        self._looked, self._healthy = ctx.clock.monotonic(), False

    async def returned(self) -> bool:
        """Whether two looks in a row found nothing to repair; a person's own command has its own reasons."""
        if not self._repairs or self._ctx.clock.monotonic() - self._looked < LOOK_EVERY:
            return False
        before, now = self._healthy, await self._ctx.observe()
        self._looked, self._healthy = self._ctx.clock.monotonic(), healthy(now)
        return before and self._healthy


def healthy(now: Observation) -> bool:
    """Nothing is wrong, and everything that is watched can be seen."""
    return not now.findings and not now.pending and now.severity == 0


def _paused(ctx: Context, tx: str) -> bool:
    return ctx.desk.paused({step.target.namespace for step in ctx.ledger.transaction(tx).steps})


def _seconds_left(ctx: Context, tx: str) -> float | None:
    """Seconds until the clock decides; None while it is held."""
    window, now = ctx.ledger.transaction(tx).window, ctx.clock.now()
    if window is None:
        return None
    if window.held_by:
        return None if window.held_until is None else (window.held_until - now).total_seconds()
    return None if window.deadline is None else (window.deadline - now).total_seconds()


def _by_person(ctx: Context, tx: str, verb: str, posted: Posted) -> Decision:
    if verb == "veto":
        reason = getattr(posted.command, "reason", "") or "vetoed"
        ctx.ledger.emit(
            TxDecided(tx=tx, decision="vetoed", by=posted.actor, surface=posted.surface, reason=reason), durable=True
        )
        return Decision(False, "vetoed", reason, posted.actor)
    ctx.ledger.emit(TxDecided(tx=tx, decision="approved", by=posted.actor, surface=posted.surface), durable=True)
    return Decision(True, by=posted.actor)


def _by_time(ctx: Context, tx: str, wants: str) -> Decision:
    if wants == "veto":
        ctx.ledger.emit(TxDecided(tx=tx, decision="go", by="clock", reason="nobody objected"))
        return Decision(True)
    ctx.ledger.emit(TxDecided(tx=tx, decision="expired", by="clock", reason="nobody answered"))
    return Decision(False, "expired", "nobody answered before the approval's time limit")
