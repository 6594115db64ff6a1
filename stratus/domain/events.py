"""Everything that ever happened, as a closed union. State is a fold over these and nothing else is remembered (I12).

``stream`` says whose history an event belongs to: ``engine``, ``incident/12`` or ``tx/12.2``; versions count up within it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from stratus.domain.base import Value
from stratus.domain.machine import IncidentState, TxState
from stratus.domain.objects import ClusterIdentity, ObjectRef, Subject
from stratus.domain.policy import Classification, Mode
from stratus.domain.severity import Checkpoint, Finding
from stratus.domain.steps import FieldChange, Proposal, Step

SCHEMA = 1
"""Version of the event format; it only grows, and old logs stay readable."""


class _Engine(Value):
    @property
    def stream(self) -> str:
        return "engine"


class IncidentEvent(Value):
    """An event of one incident."""

    event: str
    incident: str

    @property
    def stream(self) -> str:
        return f"incident/{self.incident}"


class TxEvent(Value):
    """An event of one transaction."""

    event: str
    tx: str

    @property
    def stream(self) -> str:
        return f"tx/{self.tx}"


class StepEvent(TxEvent):
    """An event of one step."""

    step: int = Field(ge=1, description="counted from 1 within the transaction")


# --- engine -----------------------------------------------------------------------------------------------------------


class EngineStarted(_Engine):
    """A process became the writer of this journal."""

    event: Literal["engine.started"] = "engine.started"
    holder: str
    version: str
    cluster: ClusterIdentity
    namespaces: tuple[str, ...]
    mode: Mode
    veto_window: float
    mind: str
    oracles: tuple[str, ...] = ()


class EngineStopped(_Engine):
    """It stopped on purpose."""

    event: Literal["engine.stopped"] = "engine.stopped"
    reason: str


class ModeChanged(_Engine):
    """A person changed the mode, for everything (namespace "") or one namespace, until a time or for good."""

    event: Literal["mode.changed"] = "mode.changed"
    mode: Mode
    namespace: str = ""
    until: datetime | None = None
    by: str


class Paused(_Engine):
    """No new step until resumed, or until a time."""

    event: Literal["engine.paused"] = "engine.paused"
    namespace: str = ""
    until: datetime | None = None
    by: str


class Resumed(_Engine):
    """The end of a pause."""

    event: Literal["engine.resumed"] = "engine.resumed"
    namespace: str = ""
    by: str


class LeaseChanged(_Engine):
    """The writer's lease was acquired, lost or released."""

    event: Literal["lease.changed"] = "lease.changed"
    held: bool
    holder: str
    reason: str = ""


class HealthSample(_Engine):
    """What the oracles see, written only when it differs from the last sample. ``severity`` None means ∞."""

    event: Literal["health.sample"] = "health.sample"
    severity: float | None
    findings: tuple[Finding, ...] = ()
    blind: tuple[str, ...] = ()
    observing: tuple[str, ...] = ()
    crashed: bool = False


class WorkloadRow(Value):
    """One workload as a screen shows it."""

    subject: Subject
    ready: int
    desired: int
    state: Literal["ok", "moving", "degraded", "failed", "off"]
    note: str = ""


class WorkloadsChanged(_Engine):
    """Rows that appeared or changed, and subjects that went, since the last such event."""

    event: Literal["workloads.changed"] = "workloads.changed"
    changed: tuple[WorkloadRow, ...] = ()
    gone: tuple[Subject, ...] = ()


class BaselineTaken(_Engine):
    """The desired state of objects in scope while everything was healthy: what "what changed?" is answered from."""

    event: Literal["baseline.taken"] = "baseline.taken"
    changed: dict[str, str] = Field(description="object path: snapshot hash, for what is new or different")
    gone: tuple[str, ...] = ()


class CommandHandled(_Engine):
    """A person's command was taken from the inbox: the first valid one wins, later ones are told who was first."""

    event: Literal["command.handled"] = "command.handled"
    command: str = Field(description="id in the inbox")
    verb: str
    target: str = ""
    actor: str
    surface: str
    accepted: bool
    message: str
    result: dict[str, Any] = {}


# --- incident ---------------------------------------------------------------------------------------------------------


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


# --- transaction ------------------------------------------------------------------------------------------------------


class TxProposed(TxEvent):
    """A proposal entered. ``incident`` is "" for a person's own command."""

    event: Literal["tx.proposed"] = "tx.proposed"
    incident: str = ""
    cluster: str = Field(description="uid of the cluster")
    proposal: Proposal


class TxClassified(TxEvent):
    """The engine judged the steps, and by which mode the proposal is governed."""

    event: Literal["tx.classified"] = "tx.classified"
    steps: tuple[Classification, ...]
    mode: Mode
    owners: tuple[str, ...] = Field(default=(), description="controllers (GitOps, Helm, operators) that may revert it")


class SnapshotTaken(StepEvent):
    """The raw objects that the step will touch are stored; ``snapshot`` names the target's ("" when it did not exist)."""

    event: Literal["snapshot.taken"] = "snapshot.taken"
    target: ObjectRef
    snapshot: str
    uid: str = ""
    resource_version: str = ""
    cascade: tuple[str, ...] = Field(default=(), description="snapshots of what a delete takes along")


class StepRehearsed(StepEvent):
    """The dry run was accepted: its answer is the expected post-image."""

    event: Literal["dryrun.ok"] = "dryrun.ok"
    diff: tuple[FieldChange, ...]
    post_image: str
    undo: str = Field(default="", description="how it will be undone, for people")


class StepRefused(StepEvent):
    """The dry run, a permission, a limit or a precondition said no. Nothing was written for this step."""

    event: Literal["dryrun.failed"] = "dryrun.failed"
    reason: str


class TxAwaiting(TxEvent):
    """A window is open. ``deadline`` None: it starts once the card is shown."""

    event: Literal["tx.awaiting"] = "tx.awaiting"
    wants: Literal["veto", "approval"]
    seconds: float
    deadline: datetime | None


class TxHeld(TxEvent):
    """Somebody stopped the clock."""

    event: Literal["tx.held"] = "tx.held"
    by: str
    surface: str
    until: datetime | None = None


class TxDecided(TxEvent):
    """The window closed: by a person, or by time."""

    event: Literal["tx.decided"] = "tx.decided"
    decision: Literal["go", "approved", "vetoed", "denied", "expired"]
    by: str
    surface: str = ""
    reason: str = ""


class CheckpointTaken(TxEvent):
    """The settled state just before the first write."""

    event: Literal["checkpoint.taken"] = "checkpoint.taken"
    checkpoint: Checkpoint


class StepIntended(StepEvent):
    """Durable before the API call. ``write`` is the exact request that will be sent."""

    event: Literal["step.intended"] = "step.intended"
    write: Step
    pre_image: str
    post_image: str
    uid: str = ""
    resource_version: str = ""
    lease: str = ""


class StepExecuted(StepEvent):
    """What came of the call. ``post_image`` is Q, what the server stored right after it ("" when the object is gone)."""

    event: Literal["step.executed"] = "step.executed"
    outcome: Literal["applied", "refused", "unknown", "not_sent"]
    post_image: str = ""
    resource_version: str = ""
    reason: str = ""


class StepSettledByReading(StepEvent):
    """An unknown outcome is known now."""

    event: Literal["outcome.settled"] = "outcome.settled"
    outcome: Literal["applied", "refused", "neither"]
    post_image: str = ""
    reason: str = ""


class TxSettled(TxEvent):
    """The state came to rest, or its deadline passed. ``severity`` None means ∞."""

    event: Literal["tx.settled"] = "tx.settled"
    severity: float | None
    findings: tuple[Finding, ...] = ()
    commit: bool
    reason: str


class TxCommitted(TxEvent):
    """Verified and kept."""

    event: Literal["tx.committed"] = "tx.committed"
    severity: float
    initial: float


class UndoStarted(TxEvent):
    """The steps are being taken back, newest first."""

    event: Literal["undo.started"] = "undo.started"
    reason: str
    by: str = ""


class StepUndone(StepEvent):
    """One step is taken back. ``conflicts``: fields that somebody changed since, left alone."""

    event: Literal["undo.step"] = "undo.step"
    result: Literal["restored", "conflict", "failed", "nothing"]
    conflicts: tuple[FieldChange, ...] = ()
    foreign: tuple[str, ...] = Field(default=(), description="others' edits elsewhere in the object: kept, not ours")
    lost: tuple[str, ...] = Field(default=(), description="what could not be restored")
    reason: str = ""


class TxRestored(TxEvent):
    """Every path that we changed reads the pre-image again, by re-reading."""

    event: Literal["undo.verified"] = "undo.verified"
    severity: float | None = None
    reason: str = Field(default="", description="what an undo on demand did to severity, when it rose")


class TxDiverged(TxEvent):
    """Some fields could not be restored: a human is needed now."""

    event: Literal["undo.diverged"] = "undo.diverged"
    fields: tuple[str, ...]
    reason: str = ""


class TxCancelled(TxEvent):
    """Ended without any write."""

    event: Literal["tx.cancelled"] = "tx.cancelled"
    cause: Literal["vetoed", "denied", "refused", "expired", "stopped"]
    reason: str
    by: str = ""


# --- run --------------------------------------------------------------------------------------------------------------


class RunFinished(_Engine):
    """The last line of a headless run: the contract of product.md."""

    event: Literal["run.finished"] = "run.finished"
    outcome: Literal["healthy", "resolved", "not_fixed", "blocked", "restored", "diverged", "unreachable", "unknown"]
    exit_code: int
    seconds: float
    severity: dict[str, float | None]
    transactions: dict[str, int]
    writes: int
    denied: tuple[str, ...] = ()
    incidents: tuple[dict[str, Any], ...] = ()


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


TX_EVENT_STATE: dict[str, TxState] = {
    "tx.proposed": TxState.PROPOSED,
    "tx.classified": TxState.CLASSIFIED,
    "tx.awaiting": TxState.AWAITING,
    "step.intended": TxState.INTENDED,
    "step.executed": TxState.EXECUTED,
    "tx.settled": TxState.SETTLED,
    "tx.committed": TxState.COMMITTED,
    "undo.started": TxState.UNDOING,
    "undo.verified": TxState.RESTORED,
    "undo.diverged": TxState.DIVERGED,
    "tx.cancelled": TxState.CANCELLED,
}
"""Events that move the transaction machine by themselves. Snapshots and rehearsals move it once all steps have theirs:
the fold in ``projection`` counts them."""
