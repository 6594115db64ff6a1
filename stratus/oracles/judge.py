"""What every oracle of this room is: a judge of one World, with findings in the default weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from stratus.domain.objects import Subject
from stratus.domain.severity import DEFAULT_WEIGHT, DEFAULT_WEIGHTS, Finding, OracleState, Reading
from stratus.oracles.world import World


class Judge(Protocol):
    """Judges a World that the panel read for all of them. Raises Unobservable for what it cannot see."""

    name: str

    async def judge(self, world: World) -> Reading:
        """What it says about ``world``."""
        ...


def finding(oracle: str, subject: Subject, reason: str, message: str = "", *, lingers: float = 0.0) -> Finding:
    """A finding in its default weight; the panel applies the configured ones."""
    weight = DEFAULT_WEIGHTS.get(reason, DEFAULT_WEIGHT)
    return Finding(oracle=oracle, subject=subject, reason=reason, weight=weight, message=message, lingers=lingers)


def observed(
    oracle: str,
    findings: Iterable[Finding] = (),
    *,
    lag: float = 0.0,
    note: str = "",
    moving: Iterable[Subject] = (),
    stuck: Iterable[Subject] = (),
    pending: Iterable[Finding] = (),
    unjudged: Iterable[Subject] = (),
) -> Reading:
    """A reading of an oracle that sees."""
    return Reading(
        oracle=oracle,
        state=OracleState.OBSERVING,
        findings=tuple(findings),
        lag=lag,
        note=note,
        moving=tuple(dict.fromkeys(moving)),
        stuck=tuple(dict.fromkeys(stuck)),
        pending=tuple(pending),
        unjudged=tuple(dict.fromkeys(unjudged)),
    )


def blind(oracle: str, why: str) -> Reading:
    """A configured oracle that cannot observe now."""
    return Reading(oracle=oracle, state=OracleState.BLIND, note=why)


def off(oracle: str, why: str = "") -> Reading:
    """An oracle that is not configured."""
    return Reading(oracle=oracle, state=OracleState.OFF, note=why)
