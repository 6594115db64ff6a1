"""Every run of the engine's own functions on the model world, up to a stated bound, keeps every invariant of tnr.md."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.engine.explorer import Script, explore
from tests.engine.harness import SCENARIOS, Run
from tests.engine.invariants import broken

DEPARTURES = 2
"""How many things may go wrong in one run: faults of the API, foreign edits, vetoes, crashes, lost leases, blind oracles."""


def states_of(run: Run) -> set[tuple[object, ...]]:
    """The distinct states that a run went through: the transaction's and the objects'."""
    seen = set()
    writes = {write.log_head: write for write in run.world.writes}
    objects: dict[str, str] = {}
    for head, board in enumerate(run.boards):
        if head in writes:
            objects[writes[head].target] = str((writes[head].after or {}).get("data"))
        for tx in board.transactions.values():
            steps = tuple((s.outcome, s.undone.result if s.undone else "") for s in tx.steps)
            seen.add((run.scenario, tx.state, steps, board.lease_held, tuple(sorted(objects.items()))))
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_run_keeps_every_invariant(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    runs, ends, states = 0, Counter[str](), set()
    current: list[Run] = []

    def one(script: Script) -> None:
        current[:] = [Run(scenario, script.choose)]
        current[0].go()

    for script in explore(one, DEPARTURES):
        run = current[0]
        assert not broken(run), f"{scenario} with {script.departures}: {broken(run)}"
        runs += 1
        states |= states_of(run)
        ends.update(str(tx.state) for tx in run.boards[-1].transactions.values())
    with capsys.disabled():
        print(f"\n{scenario}: {runs} runs, {len(states)} states, ends {dict(ends)}")
    assert runs > 200, "the exploration has become shallow: a choice is no longer offered"
    assert {"restored", "cancelled"} <= set(ends)
