"""Events of an incident: the machine's moves, what the agents said and believed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stratus.domain.base import Value
from stratus.domain.machine import IncidentState
from stratus.domain.severity import Finding


class IncidentEvent(Value):
    """An event of one incident."""

    event: str
    incident: str

    @property
    def stream(self) -> str:
        return f"incident/{self.incident}"


class IncidentOpened(IncidentEvent):
    """Findings appeared. ``severity`` is b, the bound of everything that follows."""

    event: Literal["incident.opened"] = "incident.opened"
    title: str
    severity: float
    findings: tuple[Finding, ...]


class PhaseChanged(IncidentEvent):
    """The incident machine moved."""

    event: Literal["phase.changed"] = "phase.changed"
    before: IncidentState
    after: IncidentState
    reason: str = ""


class AgentSaid(IncidentEvent):
    """A thought, a look or a conclusion of one role, for the transcript."""

    event: Literal["agent.said"] = "agent.said"
    role: Literal["detection", "diagnosis", "mitigation", "undo", "conductor"]
    kind: Literal["thought", "tool", "observation", "conclusion"]
    text: str


class DiagnosisMade(IncidentEvent):
    """Where the cause is, what it is, how sure, and why."""

    event: Literal["diagnosis.made"] = "diagnosis.made"
    component: str = Field(description='"deployment/geo"')
    namespace: str = ""
    fault_class: str
    confidence: float = Field(ge=0, le=1)
    summary: str = ""
    evidence: tuple[str, ...] = ()


class ModelCalled(IncidentEvent):
    """One call of a language model."""

    event: Literal["llm.call"] = "llm.call"
    role: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0
    outcome: str = "ok"


class EvidenceCaptured(IncidentEvent):
    """Logs, events and YAML of a failed attempt, kept in the snapshot store before the undo removes their source."""

    event: Literal["evidence.captured"] = "evidence.captured"
    tx: str = ""
    what: str
    snapshot: str
