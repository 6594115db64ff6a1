"""One incident as every reader sees it, folded from its events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stratus.domain import events as e
from stratus.domain.errors import Bug
from stratus.domain.machine import INCIDENT_ENDED, IncidentState, check_incident
from stratus.domain.severity import Finding

TRANSCRIPT_KEPT = 500


@dataclass(frozen=True)
class Said:
    """One line of the agents' transcript."""

    at: datetime
    role: str
    kind: str
    text: str


@dataclass(frozen=True)
class Visit:
    """One stay in a state."""

    state: IncidentState
    since: datetime
    until: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class IncidentView:
    """An incident with its path through the machine, its diagnosis and its transcript."""

    id: str
    title: str
    opened: datetime
    initial: float
    """b: severity when it opened."""
    findings: tuple[Finding, ...]
    path: tuple[Visit, ...]
    diagnosis: e.DiagnosisMade | None = None
    """What is believed now."""
    cause: e.DiagnosisMade | None = None
    """What was believed when the first change that stands was made: what is believed of the rest comes after the cause."""
    transactions: tuple[str, ...] = ()
    transcript: tuple[Said, ...] = ()
    evidence: tuple[e.EvidenceCaptured, ...] = ()

    @property
    def state(self) -> IncidentState:
        """Where the machine is."""
        return self.path[-1].state

    @property
    def ended(self) -> bool:
        """Resolved or escalated."""
        return self.state in INCIDENT_ENDED

    @property
    def ended_at(self) -> datetime | None:
        """When it was resolved or escalated."""
        return self.path[-1].since if self.ended else None


def incident_after(incident: IncidentView | None, event: e.IncidentEvent, at: datetime) -> IncidentView:
    """The incident after one more of its events. Raises Bug when the machine's table does not allow it."""
    if isinstance(event, e.IncidentOpened):
        path = (Visit(IncidentState.DETECTING, at),)
        return IncidentView(event.incident, event.title, at, event.severity, event.findings, path)
    if incident is None:
        raise Bug(f"{event.event} for incident {event.incident}, which was never opened")
    match event:
        case e.PhaseChanged():
            check_incident(incident.state, event.after)
            closed = replace(incident.path[-1], until=at)
            return replace(incident, path=(*incident.path[:-1], closed, Visit(event.after, at, reason=event.reason)))
        case e.AgentSaid():
            said = Said(at, event.role, event.kind, event.text)
            return replace(incident, transcript=(*incident.transcript, said)[-TRANSCRIPT_KEPT:])
        case e.DiagnosisMade():
            return replace(incident, diagnosis=event)
        case e.EvidenceCaptured():
            return replace(incident, evidence=(*incident.evidence, event))
        case _:
            return incident
