"""The transaction stack: newest on top, each transaction with its steps."""

from __future__ import annotations

from stratus.domain.machine import TxState
from stratus.domain.transactions import StepView, TxView
from stratus_tui.render.glyphs import step_sign, tx_sign
from stratus_tui.render.lines import Line, Row, Span, fit, line, spread
from stratus_tui.render.values import severity, short
from stratus_tui.view import View

STEPS_SHOWN = 8
"""Steps of one transaction in the list; the card has them all."""


def stack(view: View, width: int) -> list[Row]:
    """Rows keyed ``tx ID``; the steps below carry the key of their transaction."""
    transactions = list(view.board.transactions.values())[::-1]
    if not transactions:
        return [Row(fit(line(Span(" no transaction yet", "dim")), width))]
    shown = view.tx
    return [row for tx in transactions for row in _transaction(tx, view, width, detailed=tx is shown or not tx.ended)]


def _transaction(tx: TxView, view: View, width: int, *, detailed: bool) -> list[Row]:
    sign = tx_sign(tx, view.now)
    name = line(Span(f"{sign.glyph} ", sign.role), Span(tx.id, "strong"), "  ", Span(sign.word, sign.role))
    rows = [Row(spread(name, line(Span(_severities(tx), "dim")), width), f"tx {tx.id}")]
    for step in tx.steps[:STEPS_SHOWN]:
        rows.append(Row(fit(_step(step, tx, width), width)))
        if detailed:
            rows.append(Row(fit(line(Span(f"   {step_progress(step, tx)}", "dim")), width)))
    if len(tx.steps) > STEPS_SHOWN:
        rows.append(Row(line(Span(f"     … {len(tx.steps) - STEPS_SHOWN} more steps", "dim"))))
    who = decided_by(tx)
    if detailed and who:
        rows.append(Row(fit(line(Span(f"   {who}", "dim")), width)))
    return rows


def _step(step: StepView, tx: TxView, width: int) -> Line:
    sign = step_sign(step, tx)
    left = line("   ", Span(f"{sign.glyph} ", sign.role), f"{step.number} {step.step.kind} {step.target}")
    return spread(left, line(Span(sign.word if width >= 60 else "", sign.role)), width)


def step_progress(step: StepView, tx: TxView) -> str:
    """``snap 9f3a✓ dry✓ exec✓ verified✓ exact``: how far a step got on its way."""
    verified = tx.settled is not None and tx.settled.commit
    snapshot = f" {short(step.snapshot)}" if step.snapshot else ""
    passed = [
        (f"snap{snapshot}", step.snapshot is not None),
        ("dry", step.diff is not None),
        ("exec", step.outcome == "applied"),
        ("verified", step.outcome == "applied" and verified),
    ]
    words = [f"{word}✓" for word, done in passed if done]
    if step.refused and step.intent is None:
        words.append("dry✗")
    if step.intent is not None and step.outcome != "applied":
        words.append("sent")
    return " ".join([*words, step.classification.reversibility.value if step.classification else ""]).strip()


def _severities(tx: TxView) -> str:
    """``7 → 9 → 7`` for an attempt that made it worse and was undone; ``7 → 0`` for one that helped."""
    seen = [tx.severity_before] if tx.checkpoint else []
    if tx.settled is not None:
        seen.append(tx.settled.severity if tx.settled.severity is not None else float("inf"))
    if tx.state is TxState.RESTORED and tx.severity_after is not None:
        seen.append(tx.severity_after)
    return f"μ {' → '.join(severity(value) for value in seen)} " if seen else ""


def decided_by(tx: TxView) -> str:
    """Who let it go or stopped it."""
    if tx.decision is None:
        return f"held by {tx.window.held_by}" if tx.window and tx.window.held_by else ""
    surface = f" ({tx.decision.surface})" if tx.decision.surface else ""
    because = f": {tx.decision.reason}" if tx.decision.reason else ""
    return f"{tx.decision.decision} by {tx.decision.by}{surface}{because}"
