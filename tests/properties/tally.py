"""How often each step kind met each outcome: the proof that the sequences reach what they claim to test."""

from __future__ import annotations

from collections import Counter

from stratus.domain.events import StepExecuted
from tests.properties.run import Run

Tally = Counter[tuple[str, str]]
"""(step kind, outcome) → steps."""


def of(run: Run) -> Tally:
    """Every step counts three times: what became of its write, of its undo, and of its transaction."""
    tally: Tally = Counter()
    for view in run.tx.steps:
        kind = view.step.patch_type + " patch" if view.step.kind == "patch" else view.step.kind
        if view.intent is not None:
            tally[kind, f"write {_written(run, view.number)}"] += 1
        if view.undone is not None:
            tally[kind, f"undo {view.undone.result}"] += 1
        tally[kind, str(run.tx.state)] += 1
    return tally


def _written(run: Run, number: int) -> str:
    outcomes = [r.event.outcome for r in run.log if isinstance(r.event, StepExecuted) and r.event.step == number]
    return outcomes[0] if outcomes else "never answered"
