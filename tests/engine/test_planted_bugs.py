"""A planted bug for each invariant: a check that cannot fail proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stratus.cluster.restore import UndoPlan
from stratus.domain import machine
from stratus.domain.base import JsonObject
from stratus.domain.events import StepUndone, TxCancelled, TxDecided, TxProposed
from stratus.domain.policy import Classification, Reversibility, Tier
from stratus.domain.severity import Verdict
from stratus.engine import execution, recovery, rehearsal, settling, transaction, undoing, window
from stratus.engine.context import Context
from stratus.engine.lease import LeasedWriter
from stratus.engine.window import Decision
from stratus.ports import Precondition
from tests.engine.explorer import Script, explore
from tests.engine.harness import SCENARIOS, Run
from tests.engine.invariants import INVARIANTS

Plant = Callable[[pytest.MonkeyPatch], None]


def _found(scenario: str, departures: int, invariant: str) -> bool:
    """Whether some run breaks the invariant."""
    current: list[Run] = []

    def one(script: Script) -> None:
        current[:] = [Run(scenario, script.choose)]
        current[0].go()

    return any(INVARIANTS[invariant](current[0]) for _ in explore(one, departures))


def _write_without_a_transaction(patch: pytest.MonkeyPatch) -> None:
    async def eager(ctx: Context, ref: Any) -> rehearsal.Image:
        image = rehearsal.Image(await ctx.reader.get(ref))
        ctx.ledger.board = ctx.ledger.board
        if image.obj is not None and not any(tx.writes for tx in ctx.ledger.board.transactions.values()):
            tx = next(iter(ctx.ledger.board.transactions))
            ctx.ledger.emit(TxCancelled(tx=tx, cause="refused", reason="planted"))
            await ctx.writer.send(SCENARIOS["worse"].steps[1], Precondition())
        return image

    patch.setattr(rehearsal, "read", eager)


def _no_intent(patch: pytest.MonkeyPatch) -> None:
    original = execution._intend

    def late(ctx: Context, tx: str, number: int, step: Any, image: Any, expected: Any) -> None:
        world = ctx.reader
        world.apply(step, Precondition(), dry=False)  # type: ignore[attr-defined]
        original(ctx, tx, number, step, image, expected)

    patch.setattr(execution, "_intend", late)


def _veto_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(window, "_by_person", lambda ctx, tx, verb, posted: Decision(True))
    patch.setattr(transaction.Transaction, "_interruption", lambda self: ("", "", ""))


def _no_recovery(patch: pytest.MonkeyPatch) -> None:
    async def forget(ctx: Context) -> list[str]:
        return []

    patch.setattr(recovery, "recover", forget)


def _always_commit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "commit_verdict", lambda *_, **__: Verdict(commit=True, reason="planted"))


def _oldest_first(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(undoing, "reversed", list, raising=False)


def _undo_that_only_says_so(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(undoing, "plan_undo", lambda *_, **__: UndoPlan())
    patch.setattr(undoing, "verify", lambda *_, **__: ())


def _blind_overwrite(patch: pytest.MonkeyPatch) -> None:
    original = LeasedWriter.send

    async def careless(self: LeasedWriter, step: Any, condition: Precondition) -> JsonObject:
        return await original(self, step, Precondition())

    patch.setattr(LeasedWriter, "send", careless)
    original_plan = undoing.plan_undo

    def whole(target: Any, pre: Any, post: Any, live: Any, **more: Any) -> Any:
        plan = original_plan(target, pre, post, live, **more)
        if plan.write is not None and pre is not None and live is not None:
            return type(plan)(write=plan.write.model_copy(update={"manifest": pre}))
        return plan

    patch.setattr(undoing, "plan_undo", whole)


def _classified_by_name(patch: pytest.MonkeyPatch) -> None:
    lie = Classification(reversibility=Reversibility.EXACT, tier=Tier.WORKLOAD, reason="the model says it is safe")
    patch.setattr(rehearsal, "classify", lambda step, image, post=None: lie)


def _commits_blind(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "commit_verdict", lambda *_, **__: Verdict(commit=True, reason="no data is good data"))
    patch.setattr(settling, "_stands", lambda *_: True)


def _reader_writes(patch: pytest.MonkeyPatch) -> None:
    from tests.engine.world import World

    original = World.observe

    async def meddling(self: World) -> Any:
        if "a" in self.objects and not any(write.by == "oracle" for write in self.writes):
            self._store("oracle", "a", self.objects["a"])
        return await original(self)

    patch.setattr(World, "observe", meddling)


def _forgetful_fold(patch: pytest.MonkeyPatch) -> None:
    from stratus.domain import projection

    monotonic = {"calls": 0}
    original = projection._transaction

    def impure(board: Any, event: Any, at: Any) -> Any:
        monotonic["calls"] += 1
        return (
            board
            if monotonic["calls"] % 7 == 0 and isinstance(event, TxDecided | StepUndone)
            else original(board, event, at)
        )

    patch.setattr(projection, "_transaction", impure)


PLANTS: Sequence[tuple[str, str, int, Plant]] = (
    ("I1", "worse", 0, _write_without_a_transaction),
    ("I2", "better", 0, _no_intent),
    ("I3", "better", 1, _veto_ignored),
    ("I4", "better", 1, _no_recovery),
    ("I5", "worse", 0, _always_commit),
    ("I6", "worse", 0, _oldest_first),
    ("I7", "worse", 1, _blind_overwrite),
    ("I9", "delete", 0, _classified_by_name),
    ("I10", "better", 1, _commits_blind),
    ("I11", "better", 0, _reader_writes),
    ("I12", "worse", 1, _forgetful_fold),
    ("A2", "worse", 0, _undo_that_only_says_so),
)


@pytest.mark.parametrize(("invariant", "scenario", "departures", "plant"), PLANTS, ids=[row[0] for row in PLANTS])
def test_a_planted_bug_is_caught(
    invariant: str, scenario: str, departures: int, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _found(scenario, min(departures, 1), invariant), "the invariant must hold without the bug"
    plant(monkeypatch)
    assert _found(scenario, departures, invariant)


def test_a_limit_that_is_not_counted_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    many = SCENARIOS["better"].model_copy(update={"steps": SCENARIOS["better"].steps * 21})
    monkeypatch.setitem(SCENARIOS, "many", many)
    assert not _found("many", 0, "I8")
    monkeypatch.setattr(transaction, "over_limits", lambda proposal, limits: "")
    assert _found("many", 0, "I8")


def test_an_illegal_move_never_reaches_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tables are the machine: without this edge, recovery cannot even record what it would do."""
    edges = {**machine.TX_TRANSITIONS, machine.TxState.INTENDED: (machine.TxState.EXECUTED,)}
    monkeypatch.setattr(machine, "TX_TRANSITIONS", edges)
    run = Run("better", Script().choose)
    run.go()
    assert [type(r.event) for r in run.store.recorded].count(TxProposed) == 1
