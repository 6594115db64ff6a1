"""What a failed attempt leaves to learn from outlives its undo."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.events import EvidenceCaptured, IncidentOpened, UndoStarted
from stratus.domain.policy import Mode, Policy
from tests.engine.harness import SCENARIOS
from tests.engine.test_decisions import Scene

POD: JsonObject = {"kind": "Pod", "metadata": {"name": "a-7d4b-x", "namespace": "model"}}


async def test_logs_of_the_failed_attempt_are_kept_before_the_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    world = scene.run.world

    async def listed(kind: str, namespace: str = "", **_: Any) -> list[JsonObject]:
        return [POD] if kind == "Pod" else []

    async def logs(namespace: str, pod: str, container: str = "", **_: Any) -> str:
        return f"{pod}: cannot bind port"

    monkeypatch.setattr(world, "list", listed)
    monkeypatch.setattr(world, "logs", logs)
    await scene.engine.start()
    scene.engine.emit(IncidentOpened(incident="1", title="a is sick", severity=2.0, findings=world.truth().findings))
    result = await scene.engine.transact(SCENARIOS["worse"], incident="1", initial=2.0)
    assert result.outcome == "restored"
    events = [recorded.event for recorded in scene.run.store.recorded]
    captured = [event for event in events if isinstance(event, EvidenceCaptured)]
    undo = next(event for event in events if isinstance(event, UndoStarted))
    assert all(events.index(event) < events.index(undo) for event in captured)
    assert "cannot bind port" in str([scene.run.store.snapshots.get(event.snapshot) for event in captured])
