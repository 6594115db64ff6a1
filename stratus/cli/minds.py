"""Chooses the mind that the agents think with, and gives the agents the engine's sense of time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from stratus.cli.settings import Settings

if TYPE_CHECKING:
    from agents.conductor import Conductor
    from stratus.engine.engine import Engine


class EngineClock:
    """The engine's clock, whose sleep takes commands, and ends early when the engine is asked to stop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> datetime:
        """The wall clock."""
        return self._engine.clock.now()

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return self._engine.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait in slices."""
        end = self.monotonic() + seconds
        piece = self._engine.context.settings.slice
        while not self._engine.stopping and (left := end - self.monotonic()) > 0:
            await self._engine.wait(min(left, piece))


PATIENCE_ONCE = 90.0
"""Seconds for which ``--once`` waits for a rollout in progress: nobody looks again, and the oracles give a start 60 s."""


def conductor_for(settings: Settings, engine: Engine, *, once: bool) -> Conductor:
    """The conductor of a running engine. Raises InvalidInput for a model's mind without a model."""
    from agents.baseline import Baseline
    from agents.conductor import Conductor
    from agents.minds.choice import mind_for
    from agents.options import Options

    mind = mind_for(settings.mind, settings.model, engine.emit, lambda: conductor.current)
    options = Options(namespaces=engine.namespaces, first_incident=1 + len(engine.ledger.board.incidents))
    if once:
        options = replace(options, confirm_seconds=PATIENCE_ONCE)
    baseline = Baseline(engine.store.snapshots, engine.ledger.board.baseline)
    conductor = Conductor(
        engine,
        mind,
        EngineClock(engine),
        options,
        baseline=baseline,
        paused=lambda: engine.desk.paused(set(engine.namespaces)),
    )
    engine.on_stop.append(conductor.stop)
    engine.on_question = conductor.answer
    return conductor
