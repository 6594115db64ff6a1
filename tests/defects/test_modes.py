"""What somebody allowed for a while is over after that while; there is no lasting grant by accident."""

from __future__ import annotations

import pytest

from stratus.domain.commands import SetMode
from stratus.domain.policy import Mode, Policy
from tests.engine.test_decisions import Scene


@pytest.mark.parametrize("namespace", ["", "model"], ids=["everywhere", "one namespace"])
async def test_a_mode_for_a_while_ends_with_what_was_there_before(namespace: str) -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    await scene.engine.start()
    for mode, seconds in ((Mode.OBSERVE, None), (Mode.AUTO, 60.0), (Mode.VETO, 60.0)):
        command = SetMode(mode=mode, namespace=namespace, seconds=seconds)
        scene.run.store.inbox.post(command, actor="ana", surface="cli")
    await scene.engine.pump()
    desk, clock = scene.engine.desk, scene.engine.clock
    assert desk.mode_of("model") is Mode.VETO
    await clock.sleep(61.0)
    assert desk.mode_of("model") is Mode.OBSERVE
    assert (await scene.transact()).outcome == "denied"
    assert scene.writes == 0


async def test_without_a_word_for_good_the_configuration_holds_again() -> None:
    scene = Scene(Policy(mode=Mode.APPROVE))
    await scene.engine.start()
    scene.run.store.inbox.post(SetMode(mode=Mode.OBSERVE, seconds=60.0), actor="ana", surface="cli")
    await scene.engine.pump()
    assert scene.engine.desk.mode_of("model") is Mode.OBSERVE
    await scene.engine.clock.sleep(61.0)
    assert scene.engine.desk.mode_of("model") is Mode.APPROVE
