"""Waiting for the state to settle, over at least every observing oracle's lag, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stratus.domain.objects import Subject
from stratus.domain.severity import Checkpoint, Observation, Verdict, commit_verdict
from stratus.engine.context import Context

CONFIRM_AFTER = 0.5
"""Seconds until a quiet look is confirmed by a second one."""
BLIND_PATIENCE = 30.0
"""Seconds for which an oracle may be blind while settling before the verdict is that nothing can be observed."""


@dataclass(frozen=True)
class Settled:
    """The last observation and what follows from it."""

    observation: Observation
    verdict: Verdict


def _identity(observation: Observation) -> frozenset[tuple[str, str, str]]:
    return frozenset(finding.key for finding in observation.findings)


async def at_rest(ctx: Context, seconds: float) -> Observation:
    """Observe until two looks in a row see nothing move and agree, for at most ``seconds``; the last one either way."""
    end = ctx.clock.monotonic() + seconds
    before: Observation | None = None
    while True:
        now = await ctx.observe()
        quiet = _quiet(now)
        agreed = quiet and before is not None and _identity(now) == _identity(before)
        if agreed or ctx.clock.monotonic() >= end or ctx.stopping():
            return now
        before = now if quiet else None
        await ctx.wait(min(ctx.settings.look_every, CONFIRM_AFTER) if quiet else ctx.settings.look_every)


def _quiet(now: Observation) -> bool:
    return not (now.moving - now.stuck) and not now.blind and not now.crashed


async def checkpoint_state(ctx: Context) -> Observation:
    """A settled state to start from: one look when nothing moves, else a bounded wait."""
    now = await ctx.observe()
    if _quiet(now) or now.blind or now.crashed:
        return now
    return await at_rest(ctx, ctx.settings.checkpoint_wait)


async def verdict_on(ctx: Context, point: Checkpoint, seconds: float, interrupted: Callable[[], str]) -> Settled:
    """Look until the verdict stands, for at most ``seconds``.

    A good verdict stands once nothing moves, the findings stayed the same for ``settle_least`` and every oracle's lag
    has passed. A bad one is final at the deadline, when a subject that was not stuck at the checkpoint is stuck now, or
    when nothing moves any more and the grace for slow data planes has passed as well. Where only findings stand against it
    that may outlive their cause (an alert over the last five minutes), these get the time to go.
    """
    started = ctx.clock.monotonic()
    same_since, last, blind_since = started, None, None
    while True:
        now = await ctx.observe()
        passed = ctx.clock.monotonic() - started
        verdict = commit_verdict(point, now, no_new_victims=ctx.policy.no_new_victims)
        if last is None or _identity(now) != last:
            same_since, last = ctx.clock.monotonic(), _identity(now)
        blind_since = (blind_since or ctx.clock.monotonic()) if now.blind or now.crashed else None
        stop = interrupted()
        if stop:
            return Settled(now, Verdict(commit=False, reason=stop))
        if passed >= seconds:
            return Settled(now, _at_deadline(now, verdict))
        if blind_since is not None and ctx.clock.monotonic() - blind_since >= BLIND_PATIENCE:
            return Settled(now, verdict)
        grace = max(ctx.settings.grace, _to_go(ctx, point, now, verdict))
        if _stands(ctx, now, verdict, passed, ctx.clock.monotonic() - same_since, frozenset(point.stuck), grace):
            return Settled(now, verdict)
        await ctx.wait(ctx.settings.look_every)


def _stands(
    ctx: Context,
    now: Observation,
    verdict: Verdict,
    passed: float,
    same: float,
    known: frozenset[Subject],
    grace: float,
) -> bool:
    if now.blind or now.crashed or same < ctx.settings.settle_least:
        return False
    if not verdict.commit and now.stuck - known:
        return True
    if now.moving - now.stuck or passed < now.lag:
        return False
    return verdict.commit or passed >= now.lag + grace


def _to_go(ctx: Context, point: Checkpoint, now: Observation, verdict: Verdict) -> float:
    """Seconds for findings that may outlive their cause, when without them the verdict would be good."""
    if verdict.commit or not now.lingering:
        return 0.0
    rest = commit_verdict(point, now.without_lingering(), no_new_victims=ctx.policy.no_new_victims)
    return now.lingering if rest.commit else 0.0


def _at_deadline(now: Observation, verdict: Verdict) -> Verdict:
    moving = sorted(subject.path for subject in now.moving - now.stuck)
    if verdict.commit and moving:
        return Verdict(commit=False, reason=f"not settled at the deadline: {', '.join(moving)}")
    return verdict
