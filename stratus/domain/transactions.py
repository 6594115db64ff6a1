"""One transaction as every reader sees it, folded from its events. Recovery reads exactly this, nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import datetime

from stratus.domain import events as e
from stratus.domain.errors import Bug
from stratus.domain.machine import TX_ENDED, TxState, check_tx
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Classification, Mode
from stratus.domain.severity import CRASHED, Checkpoint, Finding
from stratus.domain.steps import FieldChange, Proposal, Step


@dataclass(frozen=True)
class StepView:
    """One step with its preconditions, its outcome and its undo."""

    number: int
    """Counted from 1."""
    step: Step
    classification: Classification | None = None
    snapshot: str | None = None
    """Hash of the pre-image; "" when the object did not exist; None before the snapshot."""
    uid: str = ""
    resource_version: str = ""
    cascade: tuple[str, ...] = ()
    diff: tuple[FieldChange, ...] | None = None
    """None until the dry run was accepted."""
    expected: str = ""
    """Hash of the dry run's answer, the expected post-image."""
    undo_plan: str = ""
    refused: str = ""
    intent: e.StepIntended | None = None
    outcome: str = ""
    """"" | applied | refused | unknown | not_sent | neither."""
    post_image: str = ""
    """Hash of Q, what the server stored right after the write; "" when the object was gone."""
    undone: e.StepUndone | None = None

    @property
    def target(self) -> ObjectRef:
        """The object."""
        return self.step.target

    @property
    def may_have_landed(self) -> bool:
        """A write was intended, and nothing proves that it did not land."""
        return self.intent is not None and self.outcome not in ("refused", "not_sent")


@dataclass(frozen=True)
class Window:
    """An open or closed decision window."""

    wants: str
    """"veto" or "approval"."""
    seconds: float
    deadline: datetime | None
    held_by: str = ""
    held_until: datetime | None = None


@dataclass(frozen=True)
class TxView:
    """A transaction."""

    id: str
    incident: str
    """"" for a person's own command."""
    cluster: str
    proposal: Proposal
    state: TxState
    proposed_at: datetime
    changed_at: datetime
    steps: tuple[StepView, ...]
    mode: Mode | None = None
    owners: tuple[str, ...] = ()
    window: Window | None = None
    decision: e.TxDecided | None = None
    checkpoint: Checkpoint | None = None
    settled: e.TxSettled | None = None
    severity_after: float | None = None
    findings_after: tuple[Finding, ...] = ()
    reason: str = ""
    """Why it ended as it did, or why it is being undone."""
    cancel_cause: str = ""
    undone_by: str = ""
    diverged_fields: tuple[str, ...] = ()
    ended_at: datetime | None = None
    times: dict[TxState, datetime] = field(default_factory=dict)
    """When each state was entered last."""

    @property
    def ended(self) -> bool:
        """Nothing of it is pending."""
        return self.state in TX_ENDED

    @property
    def writes(self) -> int:
        """Writes that reached, or may have reached, the API (undo not counted)."""
        return sum(step.may_have_landed for step in self.steps)

    @property
    def severity_before(self) -> float | None:
        """μ at the checkpoint."""
        return self.checkpoint.severity if self.checkpoint else None


def card_digest(tx: TxView) -> str:
    """What an approval is bound to: the steps and the diff as shown, 12 hex digits."""
    shown = [
        [step.step.model_dump(mode="json"), [c.model_dump(mode="json") for c in step.diff or ()]] for step in tx.steps
    ]
    return hashlib.sha256(json.dumps([tx.id, shown], sort_keys=True).encode()).hexdigest()[:12]


def tx_after(tx: TxView | None, event: e.TxEvent, at: datetime) -> TxView:
    """The transaction after one more of its events. Raises Bug when the machine's table does not allow it."""
    if isinstance(event, e.TxProposed):
        return _proposed(event, at)
    if tx is None:
        raise Bug(f"{event.event} for transaction {event.tx}, which was never proposed")
    if isinstance(event, e.StepEvent):
        tx = _step_after(tx, event)
    else:
        tx = _tx_fields(tx, event)
    return _moved(tx, event, at)


def _proposed(event: e.TxProposed, at: datetime) -> TxView:
    steps = tuple(StepView(number, step) for number, step in enumerate(event.proposal.steps, start=1))
    state = TxState.PROPOSED
    return TxView(
        event.tx, event.incident, event.cluster, event.proposal, state, at, at, steps, times={TxState.PROPOSED: at}
    )


def _moved(tx: TxView, event: e.TxEvent, at: datetime) -> TxView:
    target = e.TX_EVENT_STATE.get(event.event)
    if isinstance(event, e.SnapshotTaken) and tx.state is TxState.CLASSIFIED and _all_snapshots(tx):
        target = TxState.SNAPSHOT
    elif isinstance(event, e.StepRehearsed) and _all_rehearsed(tx) and tx.state in (TxState.SNAPSHOT, TxState.AWAITING):
        target = TxState.REHEARSED
    if target is None or target is tx.state:
        return replace(tx, changed_at=at)
    check_tx(tx.state, target)
    ended = at if target in TX_ENDED else None
    return replace(tx, state=target, changed_at=at, ended_at=ended, times={**tx.times, target: at})


def _all_snapshots(tx: TxView) -> bool:
    return all(step.snapshot is not None for step in tx.steps)


def _all_rehearsed(tx: TxView) -> bool:
    return all(step.diff is not None for step in tx.steps)


def _tx_fields(tx: TxView, event: e.TxEvent) -> TxView:
    match event:
        case e.TxClassified():
            steps = tuple(
                replace(step, classification=verdict) for step, verdict in zip(tx.steps, event.steps, strict=True)
            )
            return replace(tx, steps=steps, mode=event.mode, owners=event.owners)
        case e.TxAwaiting():
            return replace(tx, window=Window(event.wants, event.seconds, event.deadline))
        case e.TxHeld() if tx.window is not None:
            return replace(tx, window=replace(tx.window, held_by=event.by, held_until=event.until, deadline=None))
        case e.TxDecided():
            return replace(tx, decision=event)
        case e.CheckpointTaken():
            return replace(tx, checkpoint=event.checkpoint)
        case e.TxSettled():
            severity = CRASHED if event.severity is None else event.severity
            return replace(
                tx, settled=event, severity_after=severity, findings_after=event.findings, reason=event.reason
            )
        case e.TxCommitted():
            return replace(tx, severity_after=event.severity)
        case e.UndoStarted():
            # what an earlier undo could not restore is tried again; what it restored is not
            steps = tuple(replace(s, undone=None) if s.undone and s.undone.lost else s for s in tx.steps)
            return replace(tx, steps=steps, reason=event.reason, undone_by=event.by, diverged_fields=())
        case e.TxRestored():
            after = event.severity if event.severity is not None else tx.severity_after
            return replace(tx, severity_after=after, reason=event.reason or tx.reason)
        case e.TxDiverged():
            return replace(tx, diverged_fields=event.fields, reason=event.reason or tx.reason)
        case e.TxCancelled():
            return replace(tx, reason=event.reason, cancel_cause=event.cause)
        case _:
            return tx


def _step_after(tx: TxView, event: e.StepEvent) -> TxView:
    if event.step > len(tx.steps):
        raise Bug(f"transaction {tx.id} has no step {event.step}")
    step = _one_step(tx.steps[event.step - 1], event)
    return replace(tx, steps=(*tx.steps[: event.step - 1], step, *tx.steps[event.step :]))


def _one_step(step: StepView, event: e.StepEvent) -> StepView:
    match event:
        case e.SnapshotTaken():
            return replace(
                step,
                snapshot=event.snapshot,
                uid=event.uid,
                resource_version=event.resource_version,
                cascade=event.cascade,
            )
        case e.StepRehearsed():
            return replace(step, diff=event.diff, expected=event.post_image, undo_plan=event.undo)
        case e.StepRefused():
            return replace(step, refused=event.reason)
        case e.StepIntended():
            return replace(step, intent=event, outcome="", snapshot=event.pre_image)
        case e.StepExecuted():
            return replace(step, outcome=event.outcome, post_image=event.post_image, refused=event.reason)
        case e.StepSettledByReading():
            return replace(step, outcome=event.outcome, post_image=event.post_image, refused=event.reason)
        case e.StepUndone():
            return replace(step, undone=event)
        case _:
            return step
