"""After a crash: what is open is settled by reading and undone, never continued (tnr.md, "Crashes"; I4)."""

from __future__ import annotations

from stratus.domain.errors import NeedsHuman, OutcomeUnknown, Refused
from stratus.domain.events import StepExecuted, TxCancelled
from stratus.domain.machine import TX_WROTE, TxState
from stratus.domain.transactions import TxView
from stratus.engine.context import Context
from stratus.engine.execution import settle_unknown
from stratus.engine.transaction import open_transactions, undo_transaction

REASON = "the engine stopped in the middle of it"


async def recover(ctx: Context) -> list[str]:
    """End every transaction that a crash left open; returns their ids, newest first.

    Raises NeedsHuman when one belongs to another cluster: it can only be ended there.
    """
    recovered = []
    for view in open_transactions(list(ctx.ledger.board.transactions.values())):
        refuse_other_cluster(ctx, view)
        await _end(ctx, view)
        recovered.append(view.id)
    return recovered


def refuse_other_cluster(ctx: Context, view: TxView) -> None:
    """Raises NeedsHuman unless the transaction was made on the cluster that this engine is connected to."""
    if view.cluster != ctx.cluster.uid:
        raise NeedsHuman(
            f"transaction {view.id} was made on another cluster (kube-system uid {view.cluster}), this one is "
            f"{ctx.cluster.uid}: use that cluster's context, or another --journal"
        )


async def _end(ctx: Context, view: TxView) -> None:
    if view.state not in TX_WROTE:
        ctx.ledger.emit(TxCancelled(tx=view.id, cause="stopped", reason=REASON), durable=True)
        return
    for step in view.steps:
        if step.intent is not None and step.outcome in ("", "unknown"):
            await _settle(ctx, view.id, step.number, known=step.outcome)
    reason = view.reason if view.state is TxState.UNDOING else REASON
    await undo_transaction(ctx, view.id, reason or REASON)


async def _settle(ctx: Context, tx: str, number: int, *, known: str) -> None:
    if not known and ctx.ledger.transaction(tx).state is not TxState.UNDOING:
        lost = StepExecuted(tx=tx, step=number, outcome="unknown", reason=REASON)
        ctx.ledger.emit(lost, durable=True)
    try:
        await settle_unknown(ctx, tx, number)
    except (Refused, OutcomeUnknown):
        return  # recorded; the undo that follows treats each as it is
