"""Everything that ever happened, as a closed union. State is a fold over these and nothing else is remembered (I12).

``stream`` says whose history an event belongs to: ``engine``, ``incident/12`` or ``tx/12.2``; versions count up within it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from stratus.domain.base import Value
from stratus.domain.events.engine import (
    BaselineTaken,
    CommandHandled,
    EngineStarted,
    EngineStopped,
    HealthSample,
    LeaseChanged,
    ModeChanged,
    Paused,
    Resumed,
    RunFinished,
    WorkloadRow,
    WorkloadsChanged,
)
from stratus.domain.events.incident import (
    AgentSaid,
    DiagnosisMade,
    EvidenceCaptured,
    IncidentEvent,
    IncidentOpened,
    ModelCalled,
    PhaseChanged,
)
from stratus.domain.events.transaction import (
    TX_EVENT_STATE,
    CheckpointTaken,
    SnapshotTaken,
    StepEvent,
    StepExecuted,
    StepIntended,
    StepRefused,
    StepRehearsed,
    StepSettledByReading,
    StepUndone,
    TxAwaiting,
    TxCancelled,
    TxClassified,
    TxCommitted,
    TxDecided,
    TxDiverged,
    TxEvent,
    TxHeld,
    TxProposed,
    TxRestored,
    TxSettled,
    UndoStarted,
)

SCHEMA = 1
"""Version of the event format; it only grows, and old logs stay readable."""

Event = Annotated[
    EngineStarted
    | EngineStopped
    | ModeChanged
    | Paused
    | Resumed
    | LeaseChanged
    | HealthSample
    | WorkloadsChanged
    | BaselineTaken
    | CommandHandled
    | IncidentOpened
    | PhaseChanged
    | AgentSaid
    | DiagnosisMade
    | ModelCalled
    | EvidenceCaptured
    | TxProposed
    | TxClassified
    | SnapshotTaken
    | StepRehearsed
    | StepRefused
    | TxAwaiting
    | TxHeld
    | TxDecided
    | CheckpointTaken
    | StepIntended
    | StepExecuted
    | StepSettledByReading
    | TxSettled
    | TxCommitted
    | UndoStarted
    | StepUndone
    | TxRestored
    | TxDiverged
    | TxCancelled
    | RunFinished,
    Field(discriminator="event"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
"""Decodes one event; raises pydantic.ValidationError."""


class Recorded(Value):
    """An event with its place in the log."""

    seq: int
    at: datetime
    stream: str
    version: int
    hash: str
    event: Event

    def line(self) -> dict[str, Any]:
        """One JSON line of the machine output: ``{"schema": 1, "seq": …, "ts": …, "event": …, …}``."""
        body = self.event.model_dump(mode="json")
        stamp = self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"schema": SCHEMA, "seq": self.seq, "ts": stamp, "event": body.pop("event"), **body}


__all__ = [
    "EVENT",
    "SCHEMA",
    "TX_EVENT_STATE",
    "AgentSaid",
    "BaselineTaken",
    "CheckpointTaken",
    "CommandHandled",
    "DiagnosisMade",
    "EngineStarted",
    "EngineStopped",
    "Event",
    "EvidenceCaptured",
    "HealthSample",
    "IncidentEvent",
    "IncidentOpened",
    "LeaseChanged",
    "ModeChanged",
    "ModelCalled",
    "Paused",
    "PhaseChanged",
    "Recorded",
    "Resumed",
    "RunFinished",
    "SnapshotTaken",
    "StepEvent",
    "StepExecuted",
    "StepIntended",
    "StepRefused",
    "StepRehearsed",
    "StepSettledByReading",
    "StepUndone",
    "TxAwaiting",
    "TxCancelled",
    "TxClassified",
    "TxCommitted",
    "TxDecided",
    "TxDiverged",
    "TxEvent",
    "TxHeld",
    "TxProposed",
    "TxRestored",
    "TxSettled",
    "UndoStarted",
    "WorkloadRow",
    "WorkloadsChanged",
]
