"""The last line of a headless run: the contract of its outcome, folded from the log."""

from __future__ import annotations

from typing import Any

from stratus.cli.exits import ExitCode
from stratus.domain.events import RunFinished
from stratus.domain.incidents import IncidentView
from stratus.domain.machine import IncidentState, TxState
from stratus.domain.projection import Board
from stratus.domain.severity import CRASHED
from stratus.domain.transactions import TxView

OUTCOME_OF_CODE = {
    ExitCode.HEALTHY: "resolved",
    ExitCode.NOT_FIXED: "not_fixed",
    ExitCode.BLOCKED: "blocked",
    ExitCode.RESTORED: "restored",
    ExitCode.DIVERGED: "diverged",
    ExitCode.UNREACHABLE: "unreachable",
    ExitCode.UNKNOWN: "unknown",
}


def summary(before: Board, after: Board, seconds: float, writes: int, *, unreachable: bool = False) -> RunFinished:
    """What a run did: the difference of two boards. ``seconds``: wall time; ``writes``: API writes sent, undo included."""
    transactions = [tx for key, tx in after.transactions.items() if _is_new(before.transactions.get(key), tx)]
    incidents = [each for key, each in after.incidents.items() if before.incidents.get(key) != each]
    code = _code(after, transactions, incidents, unreachable=unreachable)
    worked = bool(transactions or incidents)
    outcome = "healthy" if code is ExitCode.HEALTHY and not worked else OUTCOME_OF_CODE[code]
    samples = [sample.severity for sample in after.samples[_kept(before, after) :]]
    initial = incidents[0].initial if incidents else (samples[0] if samples else 0.0)
    return RunFinished.model_validate(
        {
            "outcome": outcome,
            "exit_code": int(code),
            "seconds": round(seconds, 3),
            "severity": {"initial": _finite(initial), "final": _finite(after.health.severity)},
            "transactions": {
                "committed": _count(transactions, TxState.COMMITTED),
                "restored": _count(transactions, TxState.RESTORED),
                "diverged": _count(transactions, TxState.DIVERGED),
                "refused": _count(transactions, TxState.CANCELLED),
            },
            "writes": writes,
            "denied": tuple(_denied(transactions)),
            "incidents": tuple(incident_line(each) for each in incidents),
        }
    )


def _is_new(before: TxView | None, after: TxView) -> bool:
    return before is None or before.changed_at != after.changed_at


def _kept(before: Board, after: Board) -> int:
    return len(before.samples) if after.samples[: len(before.samples)] == before.samples else 0


def _code(after: Board, txs: list[TxView], incidents: list[IncidentView], *, unreachable: bool) -> ExitCode:
    if any(tx.state is TxState.DIVERGED for tx in txs):
        return ExitCode.DIVERGED
    if any(not tx.ended for tx in txs):
        return ExitCode.UNKNOWN
    if unreachable or after.health.severity == CRASHED:
        return ExitCode.UNREACHABLE
    if after.health.severity == 0 and all(each.state is IncidentState.RESOLVED for each in incidents):
        return ExitCode.HEALTHY
    if any(tx.state is TxState.RESTORED and tx.writes for tx in txs):
        return ExitCode.RESTORED
    if any(tx.cancel_cause in ("vetoed", "expired") for tx in txs) or list(_needing_people(txs)):
        return ExitCode.BLOCKED
    return ExitCode.NOT_FIXED


def _needing_people(txs: list[TxView]) -> list[TxView]:
    return [tx for tx in txs if tx.cancel_cause == "denied" and tx.mode is not None and tx.mode.value == "approve"]


def _denied(txs: list[TxView]) -> list[str]:
    return [
        f"{tx.id}: {tx.proposal.title} ({tx.reason})"
        for tx in txs
        if tx.cancel_cause in ("denied", "vetoed", "expired")
    ]


def _count(txs: list[TxView], state: TxState) -> int:
    return sum(tx.state is state for tx in txs)


def _finite(severity: float) -> float | None:
    return None if severity == CRASHED else severity


def incident_line(incident: IncidentView) -> dict[str, Any]:
    """An incident in the machine output."""
    found = incident.cause
    diagnosis = None
    if found is not None:
        diagnosis = {
            "component": found.component,
            "namespace": found.namespace,
            "fault_class": found.fault_class,
            "confidence": found.confidence,
            "evidence": list(found.evidence),
        }
    outcome = "resolved" if incident.state is IncidentState.RESOLVED else "not_fixed"
    return {"id": incident.id, "outcome": outcome, "state": incident.state.value, "diagnosis": diagnosis}
