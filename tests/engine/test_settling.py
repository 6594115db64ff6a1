"""How long a verdict is waited for: findings that may outlive their cause get the time to go, others do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from stratus.domain.objects import Subject
from stratus.domain.policy import Policy
from stratus.domain.severity import Checkpoint, Finding, Observation, OracleState, Reading
from stratus.engine.context import Context, EngineSettings
from stratus.engine.settling import verdict_on
from stratus.testing.clock import FakeClock

SICK = Subject(kind="Service", namespace="shop", name="cart")


def finding(oracle: str, subject: Subject, lingers: float = 0.0) -> Finding:
    return Finding(oracle=oracle, subject=subject, reason="AlertWarning", weight=1.0, lingers=lingers)


class Scripted:
    """As much of a Context as a verdict needs: what is seen depends on the seconds that have passed."""

    def __init__(self, seen: Callable[[float], tuple[Finding, ...]], stuck: tuple[Subject, ...] = ()) -> None:
        self.clock = FakeClock()
        self.settings = EngineSettings(look_every=1.0, settle_least=1.0, grace=2.0)
        self.policy = Policy()
        self._seen = seen
        self._stuck = stuck

    async def observe(self) -> Observation:
        findings = self._seen(self.clock.monotonic())
        state = OracleState.OBSERVING
        reading = Reading(oracle="alerts", state=state, findings=findings, lag=5.0, stuck=self._stuck)
        return Observation(readings=(reading,))

    async def wait(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@pytest.mark.parametrize(
    ("lingers", "gone_at", "commits", "earliest", "latest"),
    [
        (60.0, 40.0, True, 40.0, 45.0),  # the alert looks back over a minute: it is over in time
        (60.0, 999.0, False, 65.0, 70.0),  # it should be over, and is not
        (0.0, 40.0, False, 7.0, 12.0),  # what shows at once is believed at once
    ],
)
async def test_what_outlives_its_cause_gets_the_time_to_go(
    lingers: float, gone_at: float, commits: bool, earliest: float, latest: float
) -> None:
    alert = finding("alerts", Subject(kind="Service", namespace="shop", name="ad"), lingers)
    ctx = Scripted(lambda now: (alert,) if now < gone_at else ())
    point = Checkpoint(severity=1.0, findings=(finding("alerts", SICK),), observing=("alerts",), initial=1.0)
    settled = await verdict_on(cast(Context, cast(Any, ctx)), point, 300.0, lambda: "")
    assert settled.verdict.commit is commits
    assert earliest <= ctx.clock.monotonic() <= latest


async def test_a_workload_that_answered_badly_and_is_stuck_now_needs_no_more_waiting() -> None:
    """It had a finding at the checkpoint, but it was not stuck: no grace heals what our write did to it."""
    before = finding("traffic", SICK)
    worse = Finding(oracle="workloads", subject=SICK, reason="Unavailable", weight=3.0)
    ctx = Scripted(lambda now: (before, worse), stuck=(SICK,))
    point = Checkpoint(severity=1.0, findings=(before,), observing=("alerts",), initial=1.0)
    settled = await verdict_on(cast(Context, cast(Any, ctx)), point, 300.0, lambda: "")
    assert not settled.verdict.commit and ctx.clock.monotonic() <= 2.0
    ctx = Scripted(lambda now: (before, worse), stuck=(SICK,))
    known = point.model_copy(update={"stuck": (SICK,)})
    assert not (await verdict_on(cast(Context, cast(Any, ctx)), known, 300.0, lambda: "")).verdict.commit
    assert ctx.clock.monotonic() >= 7.0, "stuck before as well: the data plane gets its grace"
