"""What a person can do at this moment: the palette, the footer and the keys agree because they all ask here."""

from __future__ import annotations

from dataclasses import dataclass

from stratus.domain.policy import Mode, Tier
from stratus.domain.transactions import TxView
from stratus_tui.view import View, undoable

RISKY = (Tier.SENSITIVE, Tier.CLUSTER, Tier.IRREVERSIBLE)
"""Tiers whose approval is asked for twice."""


@dataclass(frozen=True)
class Offer:
    """One thing that can be done now. ``action`` is an action of the app."""

    title: str
    help: str
    action: str


def possible(action: str, view: View) -> bool:
    """Whether an action makes sense now; actions that change nothing always do."""
    match action:
        case "veto":
            return view.can_decide and view.board.open_tx is not None
        case "hold":
            return view.can_decide and view.waiting is not None and not _held(view.waiting)
        case "approve":
            return view.can_decide and view.waiting is not None
        case "undo":
            return view.can_decide and undoable(view) is not None
        case "pause":
            return view.can_decide
        case _:
            return True


def offers(view: View) -> list[Offer]:
    """Everything that changes something and is possible now."""
    found: list[Offer] = []
    tx, undo = view.board.open_tx, undoable(view)
    if tx is not None and possible("veto", view):
        what = "stop it before it writes" if view.waiting else "stop it and undo what it wrote"
        found.append(Offer(f"Transaction: Veto {tx.id}", f"{what}: {tx.proposal.title}", "veto"))
    if tx is not None and possible("hold", view):
        found.append(Offer(f"Transaction: Hold {tx.id}", "stop the clock until somebody decides", "hold"))
    if tx is not None and possible("approve", view):
        found.append(Offer(f"Transaction: Approve {tx.id}", f"let it go ahead now: {tx.proposal.title}", "approve"))
    if undo is not None and possible("undo", view):
        found.append(Offer(f"Transaction: Undo {undo.id}", f"take it back: {undo.proposal.title}", "undo"))
    if possible("pause", view):
        title = "Engine: Resume" if view.paused else "Engine: Pause everything"
        found.append(Offer(title, "agents may act again" if view.paused else "no new step until resumed", "pause"))
        for mode in Mode:
            if mode is not view.board.mode:
                found.append(Offer(f"Mode: {mode.value}", f"now {view.board.mode.value}", f"mode('{mode.value}')"))
    return found


def risky(tx: TxView) -> bool:
    """Its approval is asked for a second time."""
    return any(step.classification is None or step.classification.tier in RISKY for step in tx.steps)


def _held(tx: TxView) -> bool:
    return tx.window is not None and bool(tx.window.held_by)
