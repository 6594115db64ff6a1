"""Settled, moving or stuck: the judgement of one workload at one moment, without memory and without I/O."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from stratus.domain.base import JsonObject
from stratus.domain.events import WorkloadRow
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding
from stratus.oracles.crashes import lived
from stratus.oracles.judge import finding
from stratus.oracles.pods import PodContext, Trouble, is_terminating, restarting, trouble_of
from stratus.oracles.rollouts import Rollout
from stratus.oracles.times import when

ORACLE = "workloads"
LINGERING = 10.0
"""Seconds after the end of a pod's grace period from which nobody waits for it any more: its node may be dead."""

RowState = Literal["ok", "moving", "degraded", "failed", "off"]


class State(StrEnum):
    """Where a workload is."""

    OFF = "off"
    SETTLED = "settled"
    MOVING = "moving"
    STUCK = "stuck"


STATES: tuple[tuple[State, str, str], ...] = (
    (State.OFF, "no replica is wanted and none is left", "nothing can move"),
    (
        State.MOVING,
        "as settled, but it crashed before and its new pods have not lived twice as long as those that crashed",
        "replacing a pod that leaks or is killed looks like a cure for about as long as it takes to fail",
    ),
    (
        State.SETTLED,
        "the controller observed the latest generation; replicas are as wanted: updated, ready, available; old pods are gone",
        "the controller has nothing left to do",
    ),
    (
        State.MOVING,
        "a pod failed for good, but something around it changed since it was last tried, and the next try is close",
        "it may heal within a moment; until then its findings stand",
    ),
    (
        State.STUCK,
        "every newest pod that is not ready has a cause that waiting does not heal, or new pods are refused",
        "more time changes nothing",
    ),
    (State.STUCK, "no count changed for the stall time while the controller is not done", "more time changed nothing"),
    (State.MOVING, "neither", "its controller, its pods or the kubelet are still at work within their time"),
)
"""The definition as a table: state, when, why. The first row that holds decides."""


@dataclass(frozen=True)
class Verdict:
    """What is said about one workload."""

    subject: Subject
    state: State
    ready: int
    desired: int
    note: str = ""
    findings: tuple[Finding, ...] = ()
    progress: tuple[int, ...] = ()
    """Changes whenever a rollout comes nearer to its end."""

    @property
    def row(self) -> WorkloadRow:
        """As the screens show it."""
        return WorkloadRow(
            subject=self.subject, ready=self.ready, desired=self.desired, state=self._row_state(), note=self.note
        )

    def _row_state(self) -> RowState:
        reasons = {each.reason for each in self.findings}
        if reasons & {"Unavailable", "ScaledToZero", "JobFailed"}:
            return "failed"
        if reasons:
            return "degraded"
        return {State.OFF: "off", State.MOVING: "moving"}.get(self.state, "ok")  # type: ignore[return-value]

    def with_finding(self, reason: str, message: str) -> Verdict:
        """The same with one more finding."""
        added = finding(ORACLE, self.subject, reason, message)
        return replace(self, findings=(*self.findings, added), note=self.note or message)


def verdict(rollout: Rollout, now: datetime, context: Callable[[JsonObject], PodContext]) -> Verdict:
    """Judge one workload. ``context`` says what judging one of its pods needs."""
    staying = [pod for pod in rollout.pods if not is_terminating(pod)]
    leaving = [pod for pod in rollout.pods if is_terminating(pod) and _lingers(pod, now)]
    troubles = {pod["metadata"]["uid"]: trouble_of(pod, context(pod)) for pod in staying}
    ready = sum(trouble is None for trouble in troubles.values())
    new = [troubles[pod["metadata"]["uid"]] for pod in rollout.newest if pod["metadata"]["uid"] in troubles]
    failing = [trouble for trouble in new if trouble]
    if rollout.refusal and rollout.desired:
        failing.append(refused(rollout.refusal))
    state = _state(rollout, ready, len(staying) + len(leaving), bool(leaving), failing)
    progress = (rollout.generation, ready, len(staying), len(leaving), len(failing), int(rollout.observed))
    worst = min(failing, key=lambda trouble: not trouble.stuck, default=None)
    said = Verdict(rollout.subject, state, ready, rollout.desired, worst.note if worst else "", progress=progress)
    if state is State.STUCK or _hopeful(state, rollout, failing):
        said = _stuck(said, new_ready=sum(trouble is None for trouble in new))
    return _restarts(said, staying, now)


def refused(message: str) -> Trouble:
    """The API server refuses new pods."""
    return Trouble("FailedCreate", message)


def _lingers(pod: JsonObject, now: datetime) -> bool:
    return (now - when(pod["metadata"]["deletionTimestamp"])).total_seconds() < LINGERING


def _state(rollout: Rollout, ready: int, pods: int, leaving: bool, failing: list[Trouble]) -> State:
    if rollout.desired == 0:
        return State.OFF if rollout.observed and not pods else State.MOVING
    done = rollout.observed and rollout.complete and ready >= rollout.desired and not leaving and not failing
    if done:
        return State.SETTLED
    if rollout.observed and failing and all(trouble.stuck and not trouble.hopeful for trouble in failing):
        return State.STUCK
    return State.MOVING


def _hopeful(state: State, rollout: Rollout, failing: list[Trouble]) -> bool:
    """It failed for good before something around it changed: worth waiting for, and a finding until it heals."""
    stuck = bool(failing) and all(trouble.stuck for trouble in failing)
    return state is State.MOVING and rollout.observed and rollout.desired > 0 and stuck


def _stuck(said: Verdict, new_ready: int) -> Verdict:
    message = said.note
    if said.ready == 0:
        return said.with_finding("Unavailable", message)
    if said.ready < said.desired:
        said = said.with_finding("Degraded", message)
    if new_ready < said.ready or said.ready >= said.desired:
        said = said.with_finding("RolloutStuck", message)
    return said


def proving(said: Verdict, rollout: Rollout, now: datetime, to_outlive: float) -> Verdict:
    """A settled workload whose pods have not yet lived as long as those before them that crashed."""
    young = [pod for pod in rollout.pods if not is_terminating(pod) and lived(pod, now) < to_outlive]
    if said.state is not State.SETTLED or not young:
        return said
    return replace(said, state=State.MOVING, note=f"not yet {to_outlive:.0f} s without a crash")


def stalled(said: Verdict, seconds: float) -> Verdict:
    """A moving workload that made no progress for ``seconds``: it will not finish."""
    why = said.note or f"no progress for {seconds:.0f} s"
    stuck = replace(said, state=State.STUCK, note=why)
    if said.findings:
        return stuck
    if said.desired and said.ready == 0:
        return stuck.with_finding("Unavailable", why)
    if said.ready < said.desired:
        return stuck.with_finding("Degraded", why)
    return stuck.with_finding("NotSettled", why)


def _restarts(said: Verdict, staying: list[JsonObject], now: datetime) -> Verdict:
    again = next(filter(None, (restarting(pod, now) for pod in staying)), None)
    if again is None or said.state is State.MOVING or any(each.reason == "Unavailable" for each in said.findings):
        return said
    return replace(said.with_finding("Restarting", again.note), state=State.STUCK)
