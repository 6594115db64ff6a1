"""The working memory of one incident: where the machine is, what was said, tried and learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from agents.evidence import Evidence
from agents.minds.base import Candidate, Hypothesis, Reflection
from stratus.domain.events import AgentSaid, DiagnosisMade, PhaseChanged
from stratus.domain.machine import INCIDENT_ENDED, IncidentState, check_incident
from stratus.domain.severity import Finding
from stratus.ports import Transactor, TxResult

Role = Literal["detection", "diagnosis", "mitigation", "undo", "conductor"]
Kind = Literal["thought", "tool", "observation", "conclusion"]


@dataclass(frozen=True)
class Attempt:
    """One transaction of this incident."""

    candidate: Candidate
    hypothesis: Hypothesis
    result: TxResult
    before: tuple[Finding, ...] = ()
    """What was wrong when it was proposed."""

    @property
    def committed(self) -> bool:
        """Whether its change stands."""
        return self.result.outcome == "committed"

    @property
    def helped(self) -> bool:
        """Whether it lowered μ."""
        before, after = self.result.severity_before, self.result.severity_after
        return self.committed and before is not None and after is not None and after < before

    def refuted(self, now: tuple[Finding, ...]) -> bool:
        """Whether everything that went away with it is back: it only seemed to help."""
        left = {finding.key for finding in self.result.findings_after}
        gone = {finding.key for finding in self.before} - left
        return bool(gone) and gone <= {finding.key for finding in now}


@dataclass
class Incident:
    """Mutable: the conductor and the roles write into it as the incident goes on."""

    id: str
    initial: float
    findings: tuple[Finding, ...]
    transactor: Transactor
    state: IncidentState = IncidentState.DETECTING
    evidence: Evidence | None = None
    hypotheses: Sequence[Hypothesis] = ()
    options: Sequence[tuple[Candidate, Hypothesis]] = ()
    """Candidates left, best first."""
    attempts: list[Attempt] = field(default_factory=list)
    reflections: list[Reflection] = field(default_factory=list)
    undone: set[str] = field(default_factory=set)
    """Committed transactions of this incident that were taken back."""
    diagnosis: DiagnosisMade | None = None
    denied: list[str] = field(default_factory=list)

    def say(self, role: Role, kind: Kind, text: str) -> None:
        """One line of the transcript."""
        self.transactor.emit(AgentSaid(incident=self.id, role=role, kind=kind, text=text))

    def move(self, after: IncidentState, reason: str = "") -> None:
        """Move the machine. Raises Bug when its table does not allow it."""
        check_incident(self.state, after)
        self.transactor.emit(PhaseChanged(incident=self.id, before=self.state, after=after, reason=reason))
        self.state = after

    @property
    def ended(self) -> bool:
        """Resolved or escalated."""
        return self.state in INCIDENT_ENDED

    @property
    def standing(self) -> list[Attempt]:
        """Commits that were not taken back, oldest first."""
        return [a for a in self.attempts if a.committed and a.result.tx not in self.undone]

    @property
    def needless(self) -> list[Attempt]:
        """Standing commits that did not help, or whose help did not last, oldest first."""
        now = self.evidence.findings if self.evidence else ()
        return [a for a in self.standing if not a.helped or a.refuted(now)]

    @property
    def results(self) -> tuple[TxResult, ...]:
        """How the attempts ended."""
        return tuple(attempt.result for attempt in self.attempts)
