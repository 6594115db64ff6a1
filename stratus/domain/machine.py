"""The two state machines as tables: drawn, checked and followed from here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stratus.domain.errors import Bug


class TxState(StrEnum):
    """A proposal's life (tnr.md). ``committed`` may still be undone on demand."""

    PROPOSED = "proposed"
    CLASSIFIED = "classified"
    SNAPSHOT = "snapshot"
    REHEARSED = "rehearsed"
    AWAITING = "awaiting"
    INTENDED = "intended"
    EXECUTED = "executed"
    SETTLED = "settled"
    COMMITTED = "committed"
    UNDOING = "undoing"
    RESTORED = "restored"
    DIVERGED = "diverged"
    CANCELLED = "cancelled"


class IncidentState(StrEnum):
    """What the agents are doing. ``watching`` is the rest between incidents."""

    WATCHING = "watching"
    DETECTING = "detecting"
    DIAGNOSING = "diagnosing"
    PLANNING = "planning"
    MITIGATING = "mitigating"
    VERIFYING = "verifying"
    UNDOING = "undoing"
    REFLECTING = "reflecting"
    RESOLVED = "resolved"
    ESCALATED = "escalated"


_T, _I = TxState, IncidentState

TX_TRANSITIONS: Mapping[TxState, tuple[TxState, ...]] = {
    _T.PROPOSED: (_T.CLASSIFIED, _T.CANCELLED),
    _T.CLASSIFIED: (_T.SNAPSHOT, _T.CANCELLED),
    _T.SNAPSHOT: (_T.REHEARSED, _T.CANCELLED),
    _T.REHEARSED: (_T.AWAITING, _T.INTENDED, _T.CANCELLED),
    # a different diff after the window opens the window again
    _T.AWAITING: (_T.REHEARSED, _T.INTENDED, _T.CANCELLED),
    # an intent whose write was never sent (lease lost, veto at the last moment) is undone without effect
    _T.INTENDED: (_T.EXECUTED, _T.UNDOING),
    _T.EXECUTED: (_T.INTENDED, _T.SETTLED, _T.UNDOING),
    _T.SETTLED: (_T.COMMITTED, _T.UNDOING),
    _T.COMMITTED: (_T.UNDOING,),
    _T.UNDOING: (_T.RESTORED, _T.DIVERGED),
    _T.RESTORED: (),
    # a person can ask for the rest of an undo once what stood in its way is gone
    _T.DIVERGED: (_T.UNDOING,),
    _T.CANCELLED: (),
}

INCIDENT_TRANSITIONS: Mapping[IncidentState, tuple[IncidentState, ...]] = {
    _I.WATCHING: (_I.DETECTING,),
    _I.DETECTING: (_I.DIAGNOSING, _I.RESOLVED, _I.ESCALATED),
    _I.DIAGNOSING: (_I.PLANNING, _I.RESOLVED, _I.ESCALATED),
    _I.PLANNING: (_I.MITIGATING, _I.RESOLVED, _I.ESCALATED),
    _I.MITIGATING: (_I.VERIFYING, _I.UNDOING, _I.REFLECTING, _I.ESCALATED),
    _I.VERIFYING: (_I.RESOLVED, _I.UNDOING, _I.REFLECTING, _I.ESCALATED),
    _I.UNDOING: (_I.REFLECTING, _I.RESOLVED, _I.ESCALATED),
    _I.REFLECTING: (_I.DIAGNOSING, _I.PLANNING, _I.UNDOING, _I.RESOLVED, _I.ESCALATED),
    _I.RESOLVED: (),
    _I.ESCALATED: (),
}

TX_ENDED = frozenset({_T.COMMITTED, _T.RESTORED, _T.DIVERGED, _T.CANCELLED})
"""States in which a transaction rests: every crash ends in one of them (I4)."""
TX_WROTE = frozenset({_T.INTENDED, _T.EXECUTED, _T.SETTLED, _T.UNDOING})
"""States in which a write of ours may be visible and undecided."""
INCIDENT_ENDED = frozenset({_I.RESOLVED, _I.ESCALATED})


def check_tx(before: TxState, after: TxState) -> TxState:
    """``after`` when the table allows it; raises Bug otherwise."""
    if after not in TX_TRANSITIONS[before]:
        raise Bug(f"a transaction cannot go from {before} to {after}")
    return after


def check_incident(before: IncidentState, after: IncidentState) -> IncidentState:
    """``after`` when the table allows it; raises Bug otherwise."""
    if after not in INCIDENT_TRANSITIONS[before]:
        raise Bug(f"an incident cannot go from {before} to {after}")
    return after


def mermaid(table: Mapping[TxState, tuple[TxState, ...]] | Mapping[IncidentState, tuple[IncidentState, ...]]) -> str:
    """The table as a Mermaid state diagram, for the documents."""
    rows = [f"    {source} --> {target}" for source, targets in table.items() for target in targets]
    ends = [f"    {state} --> [*]" for state, targets in table.items() if not targets]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {next(iter(table))}", *rows, *ends]) + "\n"


if __name__ == "__main__":  # what the documents hold
    print(mermaid(TX_TRANSITIONS))
    print(mermaid(INCIDENT_TRANSITIONS))
