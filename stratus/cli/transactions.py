"""How a transaction is printed, the same for every command that ends with one."""

from __future__ import annotations

from typing import Any

from stratus.cli.exits import OUTCOME_CODES, ExitCode, code_of
from stratus.cli.output import Output, clean
from stratus.domain.errors import InvalidInput, Refused, StratusError
from stratus.domain.machine import TxState
from stratus.domain.transactions import StepView, TxView

OUTCOME_OF_STATE = {
    TxState.COMMITTED: "committed",
    TxState.RESTORED: "restored",
    TxState.DIVERGED: "diverged",
}


def outcome_of(tx: TxView) -> str:
    """``committed``, ``restored``, ``refused``, ``vetoed``, ``diverged`` or ``unknown``."""
    if tx.state is TxState.CANCELLED:
        return "vetoed" if tx.cancel_cause == "vetoed" else "refused"
    if tx.state is TxState.RESTORED and not tx.writes:
        return "refused"
    return OUTCOME_OF_STATE.get(tx.state, "unknown")


def exit_code_of(tx: TxView, *, undone_on_demand: bool = False) -> ExitCode:
    """Restoring is what ``tx undo`` was asked for, and what nobody wanted of ``do``."""
    outcome = outcome_of(tx)
    if undone_on_demand and outcome == "restored":
        return ExitCode.HEALTHY
    return OUTCOME_CODES[outcome]


def document(tx: TxView, *, undone_on_demand: bool = False) -> dict[str, Any]:
    """The JSON object of the machine output."""
    return {
        "tx": tx.id,
        "outcome": outcome_of(tx),
        "state": tx.state.value,
        "command": tx.proposal.title,
        "reason": tx.reason,
        "severity": {"before": tx.severity_before, "after": tx.severity_after},
        "steps": [_step(step) for step in tx.steps],
        "conflicts": [
            {"object": step.target.path, "path": change.path, "ours": change.before, "live": change.after}
            for step in tx.steps
            if step.undone
            for change in step.undone.conflicts
        ],
        "fields": list(tx.diverged_fields),
        "exit_code": int(exit_code_of(tx, undone_on_demand=undone_on_demand)),
    }


def refusal(error: StratusError, tx: str = "") -> dict[str, Any]:
    """The same object for a command that ended before there was anything to do, or with its end unknown."""
    known = isinstance(error, InvalidInput | Refused)
    return {
        "tx": tx,
        "outcome": "refused" if known else "unknown",
        "reason": str(error),
        "steps": [],
        "conflicts": [],
        "fields": [],
        "exit_code": int(code_of(error)),
    }


def _step(step: StepView) -> dict[str, Any]:
    return {
        "kind": step.step.kind,
        "object": step.target.path,
        "reversibility": step.classification.reversibility.value if step.classification else None,
        "tier": step.classification.tier.value if step.classification else None,
        "outcome": step.outcome or None,
        "diff": [change.model_dump(mode="json") for change in step.diff or ()],
    }


def print_transaction(out: Output, tx: TxView, *, undone_on_demand: bool = False) -> None:
    """One transaction, in the format that was asked for."""
    if out.form != "text":
        out.json(document(tx, undone_on_demand=undone_on_demand))
        return
    out.line(f"transaction {tx.id}  {outcome_of(tx).upper()}  {clean(tx.proposal.title)}")
    if tx.reason:
        out.line(f"  {clean(tx.reason)}")
    for step in tx.steps:
        kind = step.classification.reversibility if step.classification else "not classified"
        out.line(f"  {step.number}. {step.step.kind} {step.target.path}  ({kind})  {step.outcome}")
        for change in step.diff or ():
            out.line(f"       {clean(change.path)}: {clean(str(change.before))} → {clean(str(change.after))}")
        for change in step.undone.conflicts if step.undone else ():
            out.line(f"       kept, somebody changed it since: {clean(change.path)} = {clean(str(change.after))}")
    for field in tx.diverged_fields:
        out.line(f"  NOT RESTORED: {clean(field)}")
