"""The tables are the machines: total, reachable, and drawn in the documents as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus.domain.errors import Bug
from stratus.domain.machine import (
    INCIDENT_ENDED,
    INCIDENT_TRANSITIONS,
    TX_ENDED,
    TX_TRANSITIONS,
    IncidentState,
    TxState,
    check_incident,
    check_tx,
    mermaid,
)

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("table", [TX_TRANSITIONS, INCIDENT_TRANSITIONS], ids=["transaction", "incident"])
def test_every_state_has_a_row_and_can_be_reached(table: dict) -> None:
    first = next(iter(table))
    assert set(table) == set(type(first))
    seen, waiting = {first}, [first]
    while waiting:
        for after in table[waiting.pop()]:
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    assert seen == set(table)


def test_from_every_state_an_end_can_be_reached() -> None:
    for table, ends in ((TX_TRANSITIONS, TX_ENDED), (INCIDENT_TRANSITIONS, INCIDENT_ENDED)):
        good = set(ends)
        while grown := {s for s, after in table.items() if s not in good and good & set(after)}:
            good |= grown
        assert good == set(table)


def test_an_illegal_move_is_a_bug() -> None:
    with pytest.raises(Bug, match="cannot go from restored to committed"):
        check_tx(TxState.RESTORED, TxState.COMMITTED)
    with pytest.raises(Bug, match="cannot go from watching to resolved"):
        check_incident(IncidentState.WATCHING, IncidentState.RESOLVED)


def test_the_document_draws_the_table() -> None:
    text = (DOCS / "tnr.md").read_text(encoding="utf-8")
    drawn = text.split("<!-- machine:transaction -->")[1].split("<!-- /machine -->")[0].strip()
    assert drawn == f"```mermaid\n{mermaid(TX_TRANSITIONS)}```"
