"""One transaction from proposal to its end (tnr.md, "A proposal's life")."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.domain.base import JsonObject
from stratus.domain.errors import LeaseLost, OutcomeUnknown, Refused, Retryable, StratusError, Unobservable
from stratus.domain.events import (
    CheckpointTaken,
    TxCancelled,
    TxCommitted,
    TxDiverged,
    TxProposed,
    TxRestored,
    TxSettled,
    UndoStarted,
)
from stratus.domain.machine import TxState
from stratus.domain.policy import Mode
from stratus.domain.severity import CRASHED, Checkpoint, Observation
from stratus.domain.steps import Proposal, Step
from stratus.domain.transactions import TxView
from stratus.engine import rehearsal, settling
from stratus.engine.context import Context
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.evidence import capture
from stratus.engine.execution import execute, prepare_again
from stratus.engine.limits import over_limits
from stratus.engine.redact import redacted
from stratus.engine.rehearsal import Image
from stratus.engine.undoing import undo_steps
from stratus.engine.window import HEALED, Decision, decide, healthy
from stratus.ports import TxResult

WINDOWS_AT_MOST = 3
"""How often a changed diff opens the decision window again before the proposal is given up."""


class Transaction:
    """Drives one proposal through its life. Every fact is in the log; this object only remembers where it is."""

    def __init__(
        self,
        ctx: Context,
        proposal: Proposal,
        *,
        incident: str = "",
        initial: float | None = None,
        author_approves: bool = False,
        people: bool = True,
        settle: float | None = None,
        irreversible_ok: bool = False,
    ) -> None:
        """``initial``: b of the incident; None for a person's own command. ``settle``: longest wait for a verdict, s."""
        self.ctx, self.proposal, self.incident, self.initial = ctx, proposal, incident, initial
        self.author_approves, self.people, self.irreversible_ok = author_approves, people, irreversible_ok
        self.seconds = min(settle or ctx.policy.limits.seconds, ctx.policy.limits.seconds)
        self.id = ctx.ledger.next_tx(incident)
        self._images: list[Image] = []
        self._expected: list[JsonObject] = []
        self._started = 0.0

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps as they will be sent (the log's copy is redacted)."""
        return self.proposal.steps

    async def run(self) -> TxResult:
        """The whole life. Raises Retryable/Unobservable/LeaseLost only when writes are left to recovery."""
        ctx = self.ctx
        ctx.ledger.emit(
            TxProposed(tx=self.id, incident=self.incident, cluster=ctx.cluster.uid, proposal=redacted(self.proposal)),
            durable=True,
        )
        ctx.reach(CrashPoint.PROPOSED)
        try:
            decision = await self._before_writing()
        except (StratusError, ExceptionGroup) as error:
            return self._cancel(Decision(False, "refused", str(error)))
        if not decision.go:
            return self._cancel(decision)
        ctx.reach(CrashPoint.DECIDED)
        return await self._write_and_judge()

    async def _before_writing(self) -> Decision:
        """Everything up to the first write; raises when the answer is no."""
        ctx = self.ctx
        too_large = over_limits(self.proposal, ctx.policy.limits)
        if too_large:
            raise Refused(too_large)
        self._images = [await rehearsal.read(ctx, step.target) for step in self.steps]
        mode = rehearsal.classified(ctx, self.id, self.steps, self._images, self.author_approves)
        # whoever approves sees on the card that it cannot be undone
        self.irreversible_ok = self.irreversible_ok or mode is Mode.APPROVE
        ctx.reach(CrashPoint.CLASSIFIED)
        await self._snapshot_all()
        ctx.reach(CrashPoint.SNAPSHOT)
        await self._rehearse_all()
        ctx.reach(CrashPoint.REHEARSED)
        for _ in range(WINDOWS_AT_MOST):
            decision = await decide(ctx, self.id, mode, people=self.people)
            if not decision.go or not await self._moved_meanwhile():
                return decision
        raise Refused("the objects keep changing while a decision is awaited")

    async def _snapshot_all(self) -> None:
        for number, (step, image) in enumerate(zip(self.steps, self._images, strict=True), start=1):
            deferred = rehearsal.depends_on_earlier(self.steps, number)
            await rehearsal.snapshot(self.ctx, self.id, number, step, image, deferred=deferred)
        await rehearsal.check_share(self.ctx, self.steps, self._images)

    async def _rehearse_all(self) -> None:
        self._expected = []
        for number, (step, image) in enumerate(zip(self.steps, self._images, strict=True), start=1):
            if rehearsal.depends_on_earlier(self.steps, number):
                self._expected.append(rehearsal.defer(self.ctx, self.id, number))
            else:
                self._expected.append(await self._rehearse(number, step, image))

    async def _rehearse(self, number: int, step: Step, image: Image) -> JsonObject:
        return await rehearsal.rehearse(self.ctx, self.id, number, step, image, irreversible_ok=self.irreversible_ok)

    async def _moved_meanwhile(self) -> bool:
        """Take over what only moved in status; rehearse what really changed. True when people must look again."""
        changed = False
        for index, step in enumerate(self.steps):
            fresh = await rehearsal.read(self.ctx, step.target)
            same = rehearsal.same_desire(self._images[index], fresh)
            self._images[index] = fresh
            if same or rehearsal.depends_on_earlier(self.steps, index + 1):
                continue
            before = self.ctx.ledger.transaction(self.id).steps[index].diff
            await rehearsal.snapshot(self.ctx, self.id, index + 1, step, fresh)
            self._expected[index] = await self._rehearse(index + 1, step, fresh)
            changed |= self.ctx.ledger.transaction(self.id).steps[index].diff != before
        return changed

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _write_and_judge(self) -> TxResult:
        ctx = self.ctx
        state = await settling.checkpoint_state(ctx)
        if state.blind or state.crashed:
            unseen = ", ".join(state.blind) or "the cluster"
            return self._cancel(Decision(False, "refused", f"cannot observe {unseen}: no transaction opens blind"))
        if self._interrupted():
            return self._cancel(Decision(False, *self._interruption()))
        if self.incident and healthy(state):
            return self._cancel(HEALED)
        initial = state.severity if self.initial is None else self.initial
        point = Checkpoint(
            severity=state.severity,
            findings=state.findings,
            observing=tuple(sorted(state.observing)),
            pending=state.pending,
            stuck=tuple(sorted(state.stuck, key=lambda subject: subject.path)),
            initial=initial,
            unjudged=state.unjudged,
        )
        ctx.ledger.emit(CheckpointTaken(tx=self.id, checkpoint=point), durable=True)
        ctx.reach(CrashPoint.CHECKPOINT)
        self._started = ctx.clock.monotonic()
        problem = await self._write_all()
        if problem:
            return await self._abort(problem, None)
        settled = await settling.verdict_on(ctx, point, self._time_left(), self._interrupted)
        after = settled.observation
        ctx.ledger.emit(
            TxSettled(
                tx=self.id,
                severity=finite(after.severity),
                findings=after.findings,
                commit=settled.verdict.commit,
                reason=settled.verdict.reason,
            ),
            durable=True,
        )
        ctx.reach(CrashPoint.SETTLED)
        if not settled.verdict.commit:
            return await self._abort(settled.verdict.reason, after)
        ctx.ledger.emit(TxCommitted(tx=self.id, severity=after.severity, initial=initial), durable=True)
        return result_of(ctx.ledger.transaction(self.id))

    async def _write_all(self) -> str:
        """Write the steps in order; returns why the transaction must be undone, or ""."""
        ctx = self.ctx
        for number, step in enumerate(self.steps, start=1):
            await self._while_paused()
            stop = self._interrupted()
            if stop:
                return stop
            try:
                image, expected = self._images[number - 1], self._expected[number - 1]
                if rehearsal.depends_on_earlier(self.steps, number):
                    image, expected = await prepare_again(
                        ctx, self.id, number, step, irreversible_ok=self.irreversible_ok
                    )
                    self._images[number - 1] = image
                await execute(ctx, self.id, number, step, image, expected)
            except (Refused, OutcomeUnknown, LeaseLost, Retryable, Unobservable) as error:
                return f"step {number}: {error}"
            ctx.reach(CrashPoint.EXECUTED)
        return ""

    async def _while_paused(self) -> None:
        namespaces = {step.target.namespace for step in self.steps}
        while self.ctx.desk.paused(namespaces) and not self._interrupted():
            await self.ctx.wait(self.ctx.settings.slice)

    def _time_left(self) -> float:
        return max(0.0, self.seconds - (self.ctx.clock.monotonic() - self._started))

    def _interrupted(self) -> str:
        """Why the transaction must stop now, or ""."""
        self.ctx.desk.take()
        cause, reason, by = self._interruption()
        return f"{cause} by {by}: {reason}" if by else reason

    def _interruption(self) -> tuple[str, str, str]:
        decided = self.ctx.desk.decision(self.id)
        if decided is not None and decided[0] == "veto":
            return "vetoed", getattr(decided[1].command, "reason", "") or "vetoed", decided[1].actor
        if self.ctx.stopping():
            return "stopped", "the engine is stopping", ""
        if self._started and self._time_left() <= 0 and self.ctx.policy.limits.seconds <= self.seconds:
            return "refused", f"the time limit of {self.seconds:g} s has passed", ""
        return "", "", ""

    async def _abort(self, reason: str, after: Observation | None) -> TxResult:
        view = self.ctx.ledger.transaction(self.id)
        if view.state in (TxState.REHEARSED, TxState.AWAITING):
            return self._cancel(Decision(False, *self._stop_cause(reason)))
        findings = after.findings if after else ()
        await capture(self.ctx, self.id, self.incident, findings)
        await undo_transaction(self.ctx, self.id, reason)
        return result_of(self.ctx.ledger.transaction(self.id))

    def _stop_cause(self, reason: str) -> tuple[str, str, str]:
        cause, why, by = self._interruption()
        return (cause, why, by) if cause else ("refused", reason, "")

    def _cancel(self, decision: Decision) -> TxResult:
        self.ctx.ledger.emit(
            TxCancelled.model_validate(
                {"tx": self.id, "cause": decision.cause, "reason": decision.reason, "by": decision.by}
            ),
            durable=True,
        )
        return result_of(self.ctx.ledger.transaction(self.id))


async def undo_transaction(ctx: Context, tx: str, reason: str, by: str = "") -> None:
    """Undo all steps of a transaction and prove it; ends in RESTORED or DIVERGED."""
    on_demand = ctx.ledger.transaction(tx).state in (TxState.COMMITTED, TxState.DIVERGED)
    before = await ctx.observe() if on_demand else None
    if ctx.ledger.transaction(tx).state is not TxState.UNDOING:
        ctx.ledger.emit(UndoStarted(tx=tx, reason=reason, by=by), durable=True)
    ctx.reach(CrashPoint.UNDO_STARTED)
    lost = await undo_steps(ctx, tx)
    if lost:
        ctx.ledger.emit(TxDiverged(tx=tx, fields=lost, reason=reason), durable=True)
        return
    ctx.reach(CrashPoint.UNDO_VERIFIED)
    wrote = ctx.ledger.transaction(tx).writes
    after = await settling.at_rest(ctx, ctx.settings.undo_settle) if wrote else await ctx.observe()
    rose = before is not None and after.severity > before.severity
    told = f"{reason}; severity rose from {before.severity:g} to {after.severity:g}" if before and rose else ""
    ctx.ledger.emit(TxRestored(tx=tx, severity=finite(after.severity), reason=told), durable=True)


def finite(severity: float) -> float | None:
    """∞ has no spelling in JSON: None stands for it."""
    return None if severity == CRASHED else severity


def result_of(view: TxView) -> TxResult:
    """What became of a transaction, for whoever proposed it."""
    outcome = {
        TxState.COMMITTED: "committed",
        TxState.RESTORED: "restored",
        TxState.DIVERGED: "diverged",
        TxState.CANCELLED: view.cancel_cause,
    }.get(view.state, "unknown")
    return TxResult.model_validate(
        {
            "tx": view.id,
            "outcome": outcome,
            "reason": view.reason,
            "severity_before": None if view.severity_before is None else finite(view.severity_before),
            "severity_after": None if view.severity_after is None else finite(view.severity_after),
            "findings_after": view.findings_after,
            "writes": view.writes,
        }
    )


def open_transactions(transactions: Sequence[TxView]) -> list[TxView]:
    """Those that have not ended, newest first."""
    return [tx for tx in reversed(transactions) if not tx.ended]
