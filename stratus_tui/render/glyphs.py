"""Glyph, word and role of every state. The glyph and the word carry the meaning; the colour only repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stratus.domain.machine import TxState
from stratus.domain.policy import Mode
from stratus.domain.transactions import StepView, TxView
from stratus_tui.render.lines import Role
from stratus_tui.render.values import duration
from stratus_tui.view import remaining, unknown_steps


@dataclass(frozen=True)
class Sign:
    """How a state looks."""

    glyph: str
    word: str
    role: Role


TX_SIGNS: dict[TxState, Sign] = {
    TxState.PROPOSED: Sign("○", "proposed", "info"),
    TxState.CLASSIFIED: Sign("○", "classified", "info"),
    TxState.SNAPSHOT: Sign("◔", "snapshot ✓", "info"),
    TxState.REHEARSED: Sign("◑", "dry run ✓", "info"),
    TxState.AWAITING: Sign("◷", "waits", "warn"),
    TxState.INTENDED: Sign("▶", "WRITING", "active"),
    TxState.EXECUTED: Sign("●", "executed", "active"),
    TxState.SETTLED: Sign("◉", "verified", "info"),
    TxState.COMMITTED: Sign("✓", "COMMITTED", "ok"),
    TxState.UNDOING: Sign("↶", "UNDOING", "active"),
    TxState.RESTORED: Sign("↺", "RESTORED", "warn"),
    TxState.DIVERGED: Sign("✗", "DIVERGED", "bad"),
    TxState.CANCELLED: Sign("⊘", "CANCELLED", "dim"),
}

MODE_SIGNS: dict[Mode, Sign] = {
    Mode.OBSERVE: Sign("◌", "OBSERVE", "info"),
    Mode.APPROVE: Sign("◐", "APPROVE", "ok"),
    Mode.VETO: Sign("●", "VETO", "warn"),
    Mode.AUTO: Sign("▶", "AUTO", "bad"),
}

WORKLOAD_SIGNS: dict[str, Sign] = {
    "failed": Sign("✗", "failed", "bad"),
    "degraded": Sign("▲", "degraded", "warn"),
    "moving": Sign("◌", "moving", "info"),
    "ok": Sign("●", "ok", "ok"),
    "off": Sign("·", "off", "dim"),
}
"""Worst first: also the order of the list."""

UNKNOWN = Sign("?", "OUTCOME UNKNOWN", "bad")
HELD = Sign("‖", "HELD", "warn")
APPROVAL = Sign("◷", "NEEDS APPROVAL", "warn")


def tx_sign(tx: TxView, now: datetime) -> Sign:
    """A transaction, with the countdown while it waits."""
    if tx.state is TxState.AWAITING and tx.window is not None:
        left = remaining(tx, now)
        if tx.window.held_by:
            return HELD
        if tx.window.wants == "approval":
            return APPROVAL
        return Sign("◷", f"veto {duration(left)}" if left is not None else "veto", "warn")
    if tx.state is TxState.CANCELLED:
        return Sign("⊘", (tx.cancel_cause or "cancelled").upper(), "dim")
    if not tx.ended and unknown_steps(tx):
        return UNKNOWN
    return TX_SIGNS[tx.state]


def step_sign(step: StepView, tx: TxView) -> Sign:
    """One step: its own progress while the transaction runs, the transaction's fate afterwards."""
    if step.undone is not None:
        return _undone_sign(step.undone.result)
    if step.outcome == "unknown" or step.outcome == "neither":
        return UNKNOWN
    if step.outcome == "refused" or (step.refused and step.intent is None):
        return Sign("⊘", "refused", "bad")
    if step.outcome == "not_sent" or tx.state is TxState.CANCELLED:
        return Sign("·", "not sent", "dim")
    if step.outcome == "applied":
        return TX_SIGNS[tx.state if tx.state in _AFTER_WRITE else TxState.EXECUTED]
    if step.intent is not None:
        return TX_SIGNS[TxState.INTENDED]
    if step.diff is not None:
        return TX_SIGNS[TxState.AWAITING if tx.state is TxState.AWAITING else TxState.REHEARSED]
    return TX_SIGNS[TxState.SNAPSHOT if step.snapshot is not None else TxState.PROPOSED]


_AFTER_WRITE = (TxState.SETTLED, TxState.COMMITTED, TxState.UNDOING)


def _undone_sign(result: str) -> Sign:
    if result == "restored":
        return TX_SIGNS[TxState.RESTORED]
    return Sign("·", "nothing to undo", "dim") if result == "nothing" else TX_SIGNS[TxState.DIVERGED]
