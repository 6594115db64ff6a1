"""The questions that the app asks, in full sentences."""

from __future__ import annotations

from stratus.domain.policy import Tier
from stratus.domain.transactions import TxView
from stratus_tui.screens.dialog import Question


def approve_risky(tx: TxView) -> Question:
    """The second question for a tier that can break more than one workload; a word to type when there is no undo."""
    tiers = {step.classification.tier for step in tx.steps if step.classification is not None}
    word = "irreversible" if Tier.IRREVERSIBLE in tiers else ""
    named = ", ".join(sorted(tiers)) or "unclassified"
    reasons = "; ".join(
        dict.fromkeys(step.classification.reason for step in tx.steps if step.classification is not None)
    )
    text = f"Approve {tx.id}? Its risk is {named}: {reasons}.\n\n{tx.proposal.title}"
    return Question(text, f"Approve {tx.id}", word=word)


def undo(tx: TxView) -> Question:
    """Undo writes, so it is asked."""
    later = "Later edits of others are left alone and reported."
    return Question(f"Undo {tx.id}?\n\n{tx.proposal.title}\n\n{later}", f"Undo {tx.id}")


def stop_engine() -> Question:
    """Leaving stops the engine that this terminal started."""
    text = (
        "An engine runs in this terminal and stops when you leave.\n\n"
        "A step that is being written finishes or is undone first; nothing is left half-way."
    )
    return Question(text, "Stop it and leave", no="Stay")
