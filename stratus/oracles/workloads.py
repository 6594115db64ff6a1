"""The workload oracle: which workloads are settled, moving or stuck, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from stratus.domain.base import JsonObject
from stratus.domain.events import WorkloadRow
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Reading
from stratus.oracles import constraints, jobs
from stratus.oracles.idle import scaled_to_zero
from stratus.oracles.judge import observed
from stratus.oracles.pods import is_finished, notice_seconds
from stratus.oracles.rollouts import Rollout, rollouts
from stratus.oracles.settings import WorkloadSettings
from stratus.oracles.surroundings import Lives, Startups, Surroundings, last_seen, survey
from stratus.oracles.verdicts import ORACLE, State, Verdict, proving, stalled, verdict
from stratus.oracles.world import World
from stratus.ports import ClusterReader

FRESH = 120.0
"""Seconds: an event about pods that could not be created counts for so long."""


class WorkloadOracle:
    """Judges workloads, Jobs, claims, quotas and autoscalers. It remembers how long starts take and since when nothing
    has moved; everything else comes from the World."""

    name = ORACLE

    def __init__(
        self,
        reader: ClusterReader,
        settings: WorkloadSettings | None = None,
        probed: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        """``probed``: (namespace, Service) that configured probes ask: they have callers."""
        self._reader = reader
        self._settings = settings or WorkloadSettings()
        self._probed = probed
        self._startups = Startups(self._settings)
        self._lives = Lives(self._settings.proving)
        self._progress: dict[Subject, tuple[tuple[int, ...], float]] = {}
        self.rows: tuple[WorkloadRow, ...] = ()
        """Every workload at the last look, for the screens."""
        self.coming: frozenset[Subject] = frozenset()
        """Those that were moving and had no finding: their pods are on their way."""

    async def judge(self, world: World) -> Reading:
        """One look."""
        every = rollouts(world)
        around = await survey(self._reader, world, every)
        every = tuple(_with_refusal(each, around) for each in every)
        verdicts = [self._with_memory(self._verdict(each, around), world, each.min_ready) for each in every]
        verdicts = await self._idle(world, verdicts)
        verdicts += jobs.verdicts(world, around, self._settings)
        self.rows = tuple(each.row for each in verdicts)
        self.coming = frozenset(each.subject for each in verdicts if each.state is State.MOVING and not each.findings)
        findings: list[Finding] = [found for each in verdicts for found in each.findings]
        findings += constraints.findings(world, every, self._settings)
        return observed(
            self.name,
            findings,
            lag=_lag(every, self._settings.lag_ceiling),
            moving=_in(verdicts, State.MOVING),
            stuck=_in(verdicts, State.STUCK),
        )

    def _verdict(self, rollout: Rollout, around: Surroundings) -> Verdict:
        self._startups.learn(rollout)
        self._lives.learn(rollout, around.world.monotonic)
        window = self._startups.window(rollout)
        said = verdict(rollout, around.world.at, around.context(rollout, window, self._settings.window))
        return proving(said, rollout, around.world.at, self._lives.to_outlive(rollout))

    def _with_memory(self, said: Verdict, world: World, min_ready: float) -> Verdict:
        """A workload that moves without progress for the stall time, and longer than it was told to wait, is stuck."""
        if said.state is not State.MOVING:
            self._progress.pop(said.subject, None)
            return said
        progress, since = self._progress.get(said.subject, ((), -math.inf))
        if progress != said.progress:
            since = world.monotonic
            self._progress[said.subject] = (said.progress, since)
        waited = world.monotonic - since
        allowed = max(self._settings.stall, self._startups.known_window(said.subject) + 5, min_ready + 5)
        return stalled(said, waited) if waited >= allowed else said

    async def _idle(self, world: World, verdicts: list[Verdict]) -> list[Verdict]:
        called = await scaled_to_zero(self._reader, world, self._probed)
        return [
            replace(each.with_finding("ScaledToZero", called[each.subject]), state=State.STUCK)
            if each.subject in called
            else each
            for each in verdicts
        ]


def _in(verdicts: Iterable[Verdict], state: State) -> list[Subject]:
    return [each.subject for each in verdicts if each.state is state]


def _with_refusal(rollout: Rollout, around: Surroundings) -> Rollout:
    """With the reason why a StatefulSet or DaemonSet lacks pods: they carry no condition for it, only events."""
    if not rollout.short:
        return rollout
    for event in sorted(around.events, key=last_seen, reverse=True):
        about = event.get("involvedObject") or {}
        same = (about.get("kind"), about.get("name")) == (rollout.subject.kind, rollout.subject.name)
        fresh = (around.world.at - last_seen(event)).total_seconds() < FRESH
        if same and fresh and event.get("reason") == "FailedCreate":
            return replace(rollout, refusal=str(event.get("message", "")))
    return rollout


def _lag(every: Iterable[Rollout], ceiling: float) -> float:
    """Until every readiness probe in scope would have noticed a failure."""
    probes: list[JsonObject] = [
        container["readinessProbe"]
        for rollout in every
        if any(not is_finished(pod) for pod in rollout.pods)
        for container in (rollout.template.get("spec") or {}).get("containers") or ()
        if container.get("readinessProbe")
    ]
    return min(ceiling, max(map(notice_seconds, probes), default=0.0))
