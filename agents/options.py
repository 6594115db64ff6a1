"""What a conductor is told before it starts, and what it reports at the end of an incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stratus.domain.events import DiagnosisMade
from stratus.ports import TxResult

Ending = Literal["healthy", "resolved", "not_fixed", "blocked", "restored", "diverged", "unreachable", "unknown"]


@dataclass(frozen=True)
class Options:
    """Limits and habits. Times are seconds."""

    namespaces: tuple[str, ...] = ()
    """What to look at; () is every namespace."""
    attempts: int = 10
    """Transactions in one incident, as in the paper's retries."""
    seconds: float = 1800.0
    """The longest incident before it is handed over."""
    confirm_seconds: float = 30.0
    """How long findings may still turn out to be a rollout in progress."""
    calm_seconds: float = 10.0
    """How long nothing may change after a commit before the rest of the findings counts as another fault."""
    verify_seconds: float = 75.0
    """The longest wait after a commit for the rest of the findings to go away."""
    interval: float = 5.0
    """Between two looks of the daemon."""
    baseline_seconds: float = 60.0
    """Between two records of the healthy state."""
    retry_after: float = 900.0
    """After a hand-over, until the same findings open an incident again."""
    first_incident: int = 1
    """Number of the next incident in this journal."""


@dataclass(frozen=True)
class IncidentOutcome:
    """How one look, and the incident that it may have opened, ended."""

    outcome: Ending
    id: str = ""
    """"" when no incident was opened."""
    initial: float = 0.0
    """b."""
    final: float = 0.0
    """μ at the end; ∞ when it cannot be observed."""
    diagnosis: DiagnosisMade | None = None
    transactions: tuple[TxResult, ...] = ()
    denied: tuple[str, ...] = ()
    """Titles of proposals that somebody or a policy did not allow."""
    reason: str = ""
    seconds: float = 0.0

    @property
    def writes(self) -> int:
        """API writes that the attempts sent."""
        return sum(result.writes for result in self.transactions)


def ending(results: Sequence[TxResult], undone: bool) -> Ending:
    """The ending of an incident that was not resolved."""
    outcomes = {result.outcome for result in results}
    if "diverged" in outcomes:
        return "diverged"
    if "unknown" in outcomes:
        return "unknown"
    if undone or "restored" in outcomes:
        return "restored"
    if outcomes & {"vetoed", "denied", "expired"}:
        return "blocked"
    return "not_fixed"
