"""Who decides: modes, windows, holds, pauses; the first valid word wins and everybody is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from stratus.domain.commands import Approve, Command, Hold, Pause, Resume, SetMode, Veto
from stratus.domain.events import Recorded, WorkloadRow
from stratus.domain.machine import TxState
from stratus.domain.policy import Limits, Mode, Policy, Tier
from stratus.domain.severity import Observation, OracleState, Reading
from stratus.domain.transactions import TxView, card_digest
from stratus.engine.engine import Engine
from stratus.ports import TxResult
from tests.engine.explorer import Script
from tests.engine.harness import SCENARIOS, Run


class Well:
    """A panel whose oracles are content."""

    async def observe(self) -> Observation:
        return Observation(readings=(Reading(oracle="model", state=OracleState.OBSERVING),))

    def rows(self) -> Sequence[WorkloadRow]:
        return ()


class Scene:
    """An engine in the model world, and people who act when a transaction reaches a state."""

    def __init__(self, policy: Policy, *, people: bool = True) -> None:
        self.run = Run("better", Script().choose)
        self.run.asked = 99  # nobody objects by chance
        self.engine: Engine = self.run.engine()
        self.engine.people = people
        self.engine.context.policy = policy
        self.engine.desk._policy = policy
        self.acts: list[tuple[Callable[[TxView], bool], Callable[[TxView], Command], str]] = []
        self.run.store.subscribers.append(lambda _: self._act())

    def when(self, reached: Callable[[TxView], bool], command: Callable[[TxView], Command], actor: str = "ana") -> None:
        self.acts.append((reached, command, actor))

    def _act(self) -> None:
        tx = self.run.boards[-1].open_tx
        for act in list(self.acts):
            if tx is not None and act[0](tx):
                self.acts.remove(act)
                self.run.store.inbox.post(act[1](tx), actor=act[2], surface="terminal")

    async def transact(self, scenario: str = "better", incident: str = "") -> TxResult:
        await self.engine.start()
        return await self.engine.transact(SCENARIOS[scenario], incident=incident, initial=2.0)

    def heal(self, reached: Callable[[TxView], bool]) -> None:
        """From that state of the transaction on no oracle has a finding: somebody else was quicker."""

        def healed(_: Recorded) -> None:
            tx = self.run.boards[-1].open_tx
            if tx is not None and reached(tx):
                self.engine._recorder._panel = Well()

        self.run.store.subscribers.append(healed)

    @property
    def writes(self) -> int:
        return sum(write.by == "stratus" for write in self.run.world.writes)

    @property
    def answers(self) -> list[tuple[bool, str]]:
        return [self.run.store.inbox.outcomes[each.id] for each in self.run.store.inbox.posted]


def awaiting(tx: TxView) -> bool:
    return tx.state is TxState.AWAITING


VETO = Policy(mode=Mode.VETO, veto_window=30.0)


async def test_silence_lets_a_veto_window_pass() -> None:
    scene = Scene(VETO)
    assert (await scene.transact()).outcome == "committed"


@pytest.mark.parametrize(
    ("policy", "since", "seconds"),
    [
        (Policy(mode=Mode.APPROVE, approval_timeout=1800.0), TxState.AWAITING, 15.0),  # seen during the window
        (Policy(mode=Mode.VETO, veto_window=8.0), TxState.AWAITING, 10.0),  # a window too short for two looks
        (Policy(mode=Mode.AUTO), TxState.REHEARSED, 5.0),
    ],
)
async def test_what_is_healthy_again_is_not_repaired(policy: Policy, since: TxState, seconds: float) -> None:
    scene = Scene(policy)
    scene.heal(lambda tx: tx.state is since)
    begun = scene.engine.clock.monotonic()
    result = await scene.transact(incident="1")
    assert (result.outcome, scene.writes) == ("refused", 0)
    assert "healthy again" in result.reason
    assert scene.engine.clock.monotonic() - begun <= seconds


async def test_a_person_s_own_command_needs_no_fault() -> None:
    scene = Scene(VETO)
    scene.heal(awaiting)
    assert (await scene.transact()).outcome == "committed"


async def test_a_veto_in_the_window_means_no_write_at_all() -> None:
    scene = Scene(VETO)
    scene.when(awaiting, lambda tx: Veto(tx=tx.id, reason="not now"))
    result = await scene.transact()
    assert (result.outcome, result.reason, scene.writes) == ("vetoed", "not now", 0)


async def test_a_veto_while_it_executes_undoes_it() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    scene.when(lambda tx: tx.state is TxState.EXECUTED, lambda tx: Veto(tx=tx.id))
    result = await scene.transact()
    assert result.outcome == "restored"
    assert scene.run.world.objects["a"]["data"] == {"x": "2", "y": "0"}


async def test_a_hold_stops_the_clock_until_somebody_decides() -> None:
    scene = Scene(VETO)
    scene.when(awaiting, lambda tx: Hold(tx=tx.id))
    scene.when(
        lambda tx: bool(tx.window and tx.window.held_by), lambda tx: Approve(tx=tx.id, digest=card_digest(tx)), "bo"
    )
    result = await scene.transact()
    assert result.outcome == "committed"
    decision = scene.run.boards[-1].transactions[result.tx].decision
    assert decision is not None
    assert (decision.decision, decision.by) == ("approved", "bo")


async def test_the_first_valid_word_wins_and_the_second_is_told_who_was_first() -> None:
    scene = Scene(VETO)
    scene.when(awaiting, lambda tx: Veto(tx=tx.id), "ana")
    scene.when(awaiting, lambda tx: Approve(tx=tx.id), "bo")
    assert (await scene.transact()).outcome == "vetoed"
    assert scene.answers[0][0]
    assert scene.answers[1] == (False, "too late, ana was first: veto")


async def test_an_approval_of_something_else_is_refused() -> None:
    scene = Scene(Policy(mode=Mode.APPROVE, approval_timeout=60.0))
    scene.when(awaiting, lambda tx: Approve(tx=tx.id, digest="000000000000"))
    assert (await scene.transact()).outcome == "expired"
    assert "not what you were shown" in scene.answers[0][1]
    assert scene.writes == 0


async def test_without_people_an_approval_is_denied_at_once() -> None:
    scene = Scene(Policy(mode=Mode.APPROVE), people=False)
    assert (await scene.transact()).outcome == "denied"
    assert scene.writes == 0


async def test_observe_rehearses_and_writes_nothing() -> None:
    scene = Scene(Policy(mode=Mode.OBSERVE))
    result = await scene.transact()
    assert (result.outcome, scene.writes) == ("denied", 0)
    assert scene.run.boards[-1].transactions[result.tx].steps[0].diff


async def test_after_a_pause_people_get_the_whole_window() -> None:
    scene = Scene(VETO)
    scene.when(awaiting, lambda tx: Pause(seconds=300.0))
    await scene.transact()
    windows = [r.event.deadline for r in scene.run.store.recorded if r.event.event == "tx.awaiting"]
    assert len(windows) == 2
    assert (windows[1] - windows[0]).total_seconds() == pytest.approx(300.0, abs=1.0)
    assert scene.engine.clock.monotonic() >= 330.0


async def test_a_person_may_be_more_careful_than_the_configuration_and_not_less() -> None:
    scene = Scene(Policy(mode=Mode.VETO, ceiling=Mode.VETO, veto_window=5.0))
    for mode in (Mode.AUTO, Mode.OBSERVE):
        scene.run.store.inbox.post(SetMode(mode=mode), actor="ana", surface="cli")
    assert (await scene.transact()).outcome == "denied"
    assert [accepted for accepted, _ in scene.answers] == [False, True]
    assert "configuration" in scene.answers[0][1]


async def test_the_most_careful_mode_of_all_steps_governs() -> None:
    scene = Scene(Policy(mode=Mode.AUTO, tiers={Tier.SENSITIVE: Mode.OBSERVE}))
    assert (await scene.transact("delete")).outcome == "denied"


async def test_a_person_s_mode_outlives_a_restart() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    scene.run.store.inbox.post(SetMode(mode=Mode.OBSERVE), actor="ana", surface="cli")
    await scene.engine.start()
    again = scene.run.engine()
    again.context.policy = Policy(mode=Mode.AUTO)
    await again.start()
    assert again.ledger.board.mode is Mode.OBSERVE


async def test_resume_ends_a_pause() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    scene.run.store.inbox.post(Pause(), actor="ana", surface="cli")
    await scene.engine.start()
    assert scene.engine.desk.paused({"model"})
    scene.run.store.inbox.post(Resume(), actor="ana", surface="cli")
    await scene.engine.pump()
    assert not scene.engine.desk.paused({"model"})


@pytest.mark.parametrize("limits", [Limits(steps=1), Limits(objects=1)], ids=["steps", "objects"])
async def test_what_is_too_large_is_refused_before_anything_is_read(limits: Limits) -> None:
    scene = Scene(Policy(mode=Mode.AUTO, limits=limits))
    result = await scene.transact("worse")
    assert (result.outcome, scene.writes) == ("refused", 0)
    assert "split the change" in result.reason


async def test_a_stop_while_waiting_writes_nothing() -> None:
    scene = Scene(VETO)
    scene.run.store.subscribers.append(
        lambda recorded: scene.engine.stop() if recorded.event.event == "tx.awaiting" else None
    )
    assert (await scene.transact()).outcome == "stopped"
    assert scene.writes == 0


async def test_two_proposals_take_turns() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    await scene.engine.start()
    both = [scene.engine.transact(SCENARIOS[name], incident="", initial=2.0) for name in ("equal", "better")]
    await asyncio.gather(*both)
    open_at_once = max(sum(not tx.ended for tx in board.transactions.values()) for board in scene.run.boards)
    assert open_at_once == 1
