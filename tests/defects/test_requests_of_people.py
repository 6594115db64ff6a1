"""What people ask of an engine is carried out once, in the situation that they saw, or refused in words; never silently."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stratus.domain.commands import Approve, Ask, Command, Do, Hold, Pause, Posted, Resume, SetMode, Undo, Veto
from stratus.domain.machine import TxState
from stratus.domain.objects import ClusterIdentity
from stratus.domain.policy import Mode, Policy
from stratus.engine import desk
from stratus.engine.engine import Engine
from stratus.journal import open_journal
from tests.engine.harness import SCENARIOS
from tests.engine.test_decisions import Scene, awaiting

DO = Do(proposal=SCENARIOS["better"])


async def test_a_command_that_was_given_up_is_not_carried_out_later() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    await scene.engine.start()
    identifier = scene.run.store.inbox.post(DO, actor="ana", surface="cli")
    scene.engine.desk.take()  # it waits for its turn
    scene.run.store.inbox.decide(identifier, False, "no engine took it in time")
    await scene.engine.serve_queue()
    assert scene.writes == 0
    assert not scene.engine.ledger.board.transactions


async def test_the_same_command_twice_is_one_change() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    await scene.engine.start()
    for _ in range(2):
        scene.run.store.inbox.post(DO, actor="ana", surface="cli", key="one click")
        await scene.engine.pump()
        await scene.engine.serve_queue()
    assert len(scene.engine.ledger.board.transactions) == 1


@pytest.mark.parametrize("command", [DO, Undo(tx="do.1"), Resume(), SetMode(mode=Mode.AUTO), Approve(tx="do.1")])
async def test_what_nobody_took_for_long_is_refused(command: Command) -> None:
    assert await _taken_late(command) == [
        (False, "asked while no engine was listening, too long ago: look again, then ask again")
    ]


@pytest.mark.parametrize("command", [Pause(), SetMode(mode=Mode.OBSERVE)])
async def test_what_makes_it_more_careful_is_never_too_old(command: Command) -> None:
    assert [accepted for accepted, _ in await _taken_late(command)] == [True]


async def _taken_late(command: Command) -> list[tuple[bool, str]]:
    scene = Scene(Policy(mode=Mode.VETO))
    inbox = scene.run.store.inbox
    inbox.post(command, actor="ana", surface="terminal")
    then = scene.engine.clock.now() - timedelta(seconds=desk.STALE_AFTER + 1)
    inbox.posted[0] = inbox.posted[0].model_copy(update={"at": then})
    await scene.engine.start()
    await scene.engine.serve_queue()
    assert scene.writes == 0
    return scene.answers


def test_the_journal_says_when_something_was_asked(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.db")
    journal.inbox.post(Pause(), actor="ana", surface="cli")
    posted: Posted = journal.inbox.pending()[0]
    journal.close()
    assert posted.at is not None
    assert posted.at.tzinfo is not None


async def test_another_clusters_transaction_is_refused_before_it_is_promised() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    result = await scene.transact()
    other: Any = scene.run.engine()
    other.context.cluster = ClusterIdentity(uid="another")
    await other.start()
    scene.run.store.inbox.post(Undo(tx=result.tx), actor="ana", surface="cli")
    await other.pump()
    await other.serve_queue()
    assert [accepted for accepted, _ in scene.answers] == [False]
    assert "another cluster" in scene.answers[0][1]
    assert other.ledger.transaction(result.tx).state is TxState.COMMITTED


async def test_an_approval_does_not_take_the_veto_away() -> None:
    """Somebody who sees the approved change go wrong can still stop it."""
    scene = Scene(Policy(mode=Mode.APPROVE, approval_timeout=60.0))
    scene.when(awaiting, lambda tx: Approve(tx=tx.id), "ana")
    scene.when(lambda tx: tx.state is TxState.EXECUTED, lambda tx: Veto(tx=tx.id), "bo")
    assert (await scene.transact()).outcome == "restored"
    assert [accepted for accepted, _ in scene.answers] == [True, True]
    assert scene.run.world.objects["a"]["data"] == {"x": "2", "y": "0"}


async def test_every_word_gets_an_answer() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    await scene.engine.start()
    for command in (Veto(tx="1.1"), Approve(tx="1.1"), Hold(tx="1.1"), Undo(tx="1.1"), Pause(), Resume(), DO):
        scene.run.store.inbox.post(command, actor="ana", surface="terminal")
    await scene.engine.pump()
    await scene.engine.serve_queue()
    assert [accepted for accepted, _ in scene.answers] == [False, False, False, False, True, True, True]
    assert all(message for _, message in scene.answers)


async def asked_of(scene: Scene) -> list[tuple[bool, str]]:
    await scene.engine.start()
    scene.run.store.inbox.post(Ask(question="why?"), actor="ana", surface="terminal")
    await scene.engine.pump()
    await scene.engine.serve_queue()
    assert scene.writes == 0
    return scene.answers


async def test_a_question_is_answered_by_who_can() -> None:
    async def because(question: str) -> str:
        return f"{question} because"

    scene = Scene(Policy(mode=Mode.AUTO))
    scene.engine.on_question = because
    assert await asked_of(scene) == [(True, "why? because")]
    assert [accepted for accepted, _ in await asked_of(Scene(Policy(mode=Mode.AUTO)))] == [False]


async def test_a_bug_in_an_answer_is_told_and_stops_nobody_else() -> None:
    async def broken(question: str) -> str:
        raise ValueError(question)

    scene = Scene(Policy(mode=Mode.AUTO))
    scene.engine.on_question = broken
    [(accepted, message)] = await asked_of(scene)
    assert not accepted and "ValueError('why?')" in message


async def test_what_an_undo_left_open_is_ended_before_anything_new_begins() -> None:
    """The API stayed away for longer than the undo's patience, and the engine lives on."""
    away = False

    def choose(what: str, options: Any) -> str:
        return "unavailable" if what == "read" and away else str(options[0])

    scene = Scene(Policy(mode=Mode.AUTO))
    scene.run.choose = choose
    engine: Engine = scene.engine

    def reads_fail(recorded: Any) -> None:
        nonlocal away
        away = recorded.event.event == "undo.started" or away

    scene.run.store.subscribers.append(reads_fail)
    await engine.start()
    with pytest.raises(Exception, match="503"):
        await engine.transact(SCENARIOS["worse"], incident="", initial=2.0)
    assert engine.ledger.board.open_tx is not None
    away = False
    assert (await engine.transact(SCENARIOS["better"], incident="", initial=2.0)).outcome == "committed"
    states = [tx.state for tx in engine.ledger.board.transactions.values()]
    assert states == [TxState.RESTORED, TxState.COMMITTED]
    assert max(sum(not tx.ended for tx in board.transactions.values()) for board in scene.run.boards) == 1
