"""Severity μ: findings of subjects, their weights, and the commit rule (tnr.md, "The property")."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from pydantic import Field

from stratus.domain.base import Value
from stratus.domain.objects import Subject

CRASHED = math.inf
"""μ of a state that is crashed, or that an oracle which observed at the checkpoint cannot observe."""

DEFAULT_WEIGHTS: dict[str, float] = {
    # reason: weight. One row, one reason; configuration can change any of them.
    "RequestsFail": 5.0,  # what users feel: a probe or an SLO fails
    "RequestsDegraded": 3.0,  # a share of requests fails, or they are slow
    "NoReadyEndpoints": 4.0,  # a Service that nobody can reach takes all its callers with it
    "DoesNotAnswer": 4.0,  # endpoints are there, and yet nothing answers on the Service's port
    "ServiceMissing": 4.0,  # callers name a Service that is not there
    "Unavailable": 3.0,  # a workload without any ready replica
    "ScaledToZero": 3.0,  # the same by intent of the spec, with callers waiting
    "Degraded": 1.0,  # some replicas ready, not all
    "RolloutStuck": 1.0,  # the old replicas still serve, the new ones never will
    "NotSettled": 0.5,  # still moving after its deadline
    "Restarting": 1.0,  # ready now, but containers keep being restarted
    "JobFailed": 1.0,
    "JobsPilingUp": 1.0,
    "ClaimPending": 1.0,  # a PersistentVolumeClaim that does not bind
    "QuotaExceeded": 1.0,
    "AutoscalerBlind": 0.5,  # an HPA that cannot compute a replica count
    "WebhookUnreachable": 1.0,  # admission fails closed for want of its Service
    "NodeNotReady": 3.0,
    "NodePressure": 1.0,
    "AlertCritical": 3.0,
    "AlertWarning": 1.0,
}
DEFAULT_WEIGHT = 1.0
"""Weight of a reason that has no row."""


class Finding(Value):
    """One problem of one subject. Its identity is (oracle, subject, reason); the message is for people only."""

    oracle: str
    subject: Subject
    reason: str
    weight: float = Field(gt=0)
    message: str = ""
    lingers: float = Field(default=0.0, ge=0, description="seconds for which it may outlive its cause")

    @property
    def key(self) -> tuple[str, str, str]:
        """The identity, by which findings of two observations are the same."""
        return (self.oracle, self.subject.path, self.reason)


class OracleState(StrEnum):
    """Whether an oracle can be believed now."""

    OFF = "off"
    OBSERVING = "observing"
    BLIND = "blind"


class Reading(Value):
    """What one oracle says now."""

    oracle: str
    state: OracleState
    findings: tuple[Finding, ...] = ()
    lag: float = Field(default=0.0, description="seconds until a change of the cluster shows in this oracle")
    note: str = Field(default="", description="why it is blind")
    moving: tuple[Subject, ...] = Field(default=(), description="workloads whose controllers are not done")
    stuck: tuple[Subject, ...] = Field(default=(), description="workloads that waiting does not heal")
    pending: tuple[Finding, ...] = Field(default=(), description="what will be a finding if it stays as it is")
    unjudged: tuple[Subject, ...] = Field(
        default=(), description="what it watches and knows too little of to judge now"
    )


class Observation(Value):
    """All oracles at one moment."""

    readings: tuple[Reading, ...]
    crashed: bool = Field(default=False, description="the API server or a scoped namespace is gone")

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in a stable order: heaviest first, then by identity."""
        every = {finding.key: finding for reading in self.readings for finding in reading.findings}
        return tuple(sorted(every.values(), key=lambda finding: (-finding.weight, finding.key)))

    @property
    def blind(self) -> tuple[str, ...]:
        """Names of the oracles that are configured but cannot observe."""
        return tuple(reading.oracle for reading in self.readings if reading.state is OracleState.BLIND)

    @property
    def why_blind(self) -> dict[str, str]:
        """What each blind oracle says of it."""
        return {each.oracle: each.note for each in self.readings if each.state is OracleState.BLIND}

    @property
    def observing(self) -> frozenset[str]:
        """Names of the oracles that observe."""
        return frozenset(reading.oracle for reading in self.readings if reading.state is OracleState.OBSERVING)

    @property
    def moving(self) -> frozenset[Subject]:
        """Workloads whose controllers are still at work and can still finish."""
        return frozenset(subject for reading in self.readings for subject in reading.moving)

    @property
    def stuck(self) -> frozenset[Subject]:
        """Workloads that waiting does not heal."""
        return frozenset(subject for reading in self.readings for subject in reading.stuck)

    @property
    def pending(self) -> tuple[Finding, ...]:
        """What will be a finding if it stays as it is: no health, and no finding yet."""
        return tuple(finding for reading in self.readings for finding in reading.pending)

    @property
    def lingering(self) -> float:
        """Seconds for which the longest-lived finding may outlive its cause."""
        return max((finding.lingers for finding in self.findings), default=0.0)

    def without_lingering(self) -> Observation:
        """Without the findings that may outlive their cause."""
        kept = [r.model_copy(update={"findings": tuple(f for f in r.findings if not f.lingers)}) for r in self.readings]
        return self.model_copy(update={"readings": tuple(kept)})

    @property
    def unjudged(self) -> tuple[tuple[str, Subject], ...]:
        """(oracle, subject) of what an oracle watches and could not judge: neither healthy nor sick."""
        return tuple((reading.oracle, subject) for reading in self.readings for subject in reading.unjudged)

    @property
    def lag(self) -> float:
        """Seconds after a change until every observing oracle can have seen it."""
        return max((r.lag for r in self.readings if r.state is OracleState.OBSERVING), default=0.0)

    @property
    def severity(self) -> float:
        """μ of this observation by itself; ∞ when crashed or any configured oracle is blind."""
        return CRASHED if self.crashed or self.blind else total(self.findings)


class Checkpoint(Value):
    """μ_pre, the findings and the observing oracles of a settled state, taken just before the first write."""

    severity: float
    findings: tuple[Finding, ...]
    observing: tuple[str, ...]
    pending: tuple[Finding, ...] = Field(default=(), description="what was on its way to be a finding")
    stuck: tuple[Subject, ...] = Field(default=(), description="workloads that waiting would not have healed")
    initial: float = Field(description="b: μ when the incident opened; for a person's own command, μ_pre")
    unjudged: tuple[tuple[str, Subject], ...] = Field(
        default=(), description="(oracle, subject) that was neither known to be healthy nor to be sick"
    )


class Verdict(Value):
    """Whether a transaction may commit, and why."""

    commit: bool
    reason: str


def total(findings: Iterable[Finding]) -> float:
    """The sum of the weights."""
    return sum(finding.weight for finding in findings)


def severity_since(checkpoint: Checkpoint, now: Observation) -> float:
    """μ of ``now`` seen from a checkpoint: ∞ when an oracle that observed then does not observe now (tnr.md, Terms)."""
    if now.crashed or now.blind or not set(checkpoint.observing) <= now.observing:
        return CRASHED
    return total(now.findings)


def commit_verdict(checkpoint: Checkpoint, now: Observation, *, no_new_victims: bool = True) -> Verdict:
    """The commit rule of tnr.md, clause 2."""
    if now.crashed:
        return Verdict(commit=False, reason="the cluster cannot be reached or a scoped namespace is gone")
    unseen = set(checkpoint.observing) - now.observing
    if now.blind or unseen:
        return Verdict(commit=False, reason=f"cannot observe: {', '.join(sorted(set(now.blind) | unseen))}")
    after, bound = total(now.findings), min(checkpoint.severity, checkpoint.initial)
    if after > bound:
        return Verdict(commit=False, reason=f"severity {after:g} is above {bound:g}")
    victims = new_victims(checkpoint, now) if no_new_victims else ()
    if victims:
        return Verdict(commit=False, reason=f"healthy before, not now: {', '.join(s.path for s in victims)}")
    return Verdict(commit=True, reason=f"severity {checkpoint.severity:g} → {after:g}")


def new_victims(checkpoint: Checkpoint, now: Observation) -> tuple[Subject, ...]:
    """Subjects that were known to be healthy at the checkpoint and have a finding now.

    Not known to be healthy: what had a finding, what had this one pending, and what the finding's oracle could not judge
    (no request reached it, for example).
    """
    before = {finding.subject for finding in checkpoint.findings}
    pending = {finding.key for finding in checkpoint.pending}
    known = {
        f.subject for f in now.findings if f.key not in pending and (f.oracle, f.subject) not in checkpoint.unjudged
    }
    return tuple(sorted(known - before, key=lambda subject: subject.path))
