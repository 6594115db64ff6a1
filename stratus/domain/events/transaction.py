"""Events of a transaction and of its steps, from the proposal to the end; and which state each leads to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from stratus.domain.base import Value
from stratus.domain.machine import TxState
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Classification, Mode
from stratus.domain.severity import Checkpoint, Finding
from stratus.domain.steps import FieldChange, Proposal, Step


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
