"""One run of the real engine in the model world, under a script of choices; and what must be true afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stratus.domain.commands import Veto
from stratus.domain.errors import LeaseLost, Retryable, Unobservable
from stratus.domain.events import Event, Recorded, WorkloadRow
from stratus.domain.objects import ClusterIdentity
from stratus.domain.policy import Mode, Policy
from stratus.domain.projection import Board
from stratus.domain.severity import Observation
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, Proposal, Step
from stratus.engine.context import EngineSettings
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.engine import Engine
from stratus.testing.clock import FakeClock
from stratus.testing.memory import MemoryLog
from tests.engine.world import Choose, World, config_map, ref


class Killed(BaseException):
    """The process is gone: nothing catches it."""


def patch(name: str, **data: str | None) -> PatchStep:
    return PatchStep(target=ref(name), patch_type="merge", patch={"data": data})


SCENARIOS: dict[str, Proposal] = {
    "better": Proposal(steps=(patch("a", x="0"),)),
    "worse": Proposal(steps=(patch("a", x="1"), patch("b", x="2"))),
    "equal": Proposal(steps=(patch("a", x="1", y="1"),)),
    "victim": Proposal(steps=(patch("a", x="0"), patch("b", x="1"))),
    "create": Proposal(steps=(CreateStep(target=ref("c"), manifest=config_map("c", "0", "0")), patch("b", y="2"))),
    "delete": Proposal(steps=(DeleteStep(target=ref("b")),)),
    "twice": Proposal(steps=(patch("a", x="1"), patch("a", x="0"))),
}
"""``b`` is healthy at the start and ``a`` is not."""


class FakeLease:
    """A lease whose loss is a choice."""

    holder = "model-holder"

    def __init__(self, choose: Choose) -> None:
        self._choose = choose
        self.held = False
        self.sent_while_held: list[bool] = []

    async def acquire(self, wait: float = 0.0) -> None:
        self.held = True

    async def renew_if_due(self) -> None:
        return

    def forget(self) -> None:
        self.held = False

    async def release(self) -> None:
        self.held = False

    def stands_on(self, step: Step) -> bool:
        return False

    def check(self) -> None:
        if not self.held or self._choose("lease", ("held", "lost")) == "lost":
            raise LeaseLost("chosen")


class Store(MemoryLog):
    """A memory log that tells subscribers of each event."""

    def __init__(self) -> None:
        super().__init__()
        self.subscribers: list[Callable[[Recorded], None]] = []

    def append(self, *events: Event, durable: bool = True) -> Sequence[Recorded]:
        added = super().append(*events, durable=durable)
        for each in added:
            for subscriber in self.subscribers:
                subscriber(each)
        return added


class Panel:
    def __init__(self, world: World) -> None:
        self.world = world

    async def observe(self) -> Observation:
        return await self.world.observe()

    def rows(self) -> Sequence[WorkloadRow]:
        return ()


class ModelClock(FakeClock):
    """Every sleep moves time; during a few of them somebody may object."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._run.somebody_may_object()


OBJECTIONS_ASKED = 4
SETTINGS = EngineSettings(
    look_every=1.0, settle_least=1.0, grace=2.0, checkpoint_wait=2.0, undo_settle=2.0, undo_patience=30.0, slice=0.5
)


@dataclass
class Run:
    """One scenario under one script."""

    scenario: str
    choose: Choose
    mode: Mode = Mode.VETO
    healed: bool = False
    """From here on nothing goes wrong any more."""
    store: Store = field(default_factory=Store)
    crashes: int = 0
    asked: int = 0
    boards: list[Board] = field(default_factory=lambda: [Board()])
    """The state after each event, the empty one first."""

    def __post_init__(self) -> None:
        self.world = World(choose=self._choose, log_head=self.store.head)
        self.world.add(config_map("a", "2", "0"))
        self.world.add(config_map("b", "0", "0"))
        self.store.subscribers.append(lambda recorded: self.boards.append(self.boards[-1].apply(recorded)))
        self.start = {name: dict(obj["data"]) for name, obj in self.world.objects.items()}

    def _choose(self, what: str, options: Sequence[str]) -> str:
        return options[0] if self.healed else self.choose(what, options)

    def _reach(self, point: CrashPoint) -> None:
        if self._choose(f"crash at {point}", ("go on", "crash")) == "crash":
            self.crashes += 1
            raise Killed(point)

    def somebody_may_object(self) -> None:
        open_tx = self.boards[-1].open_tx
        if open_tx is None or self.asked >= OBJECTIONS_ASKED:
            return
        self.asked += 1
        if self._choose("people", ("silent", "veto")) == "veto":
            self.store.inbox.post(Veto(tx=open_tx.id), actor="ana", surface="cli")

    def engine(self) -> Engine:
        return Engine(
            store=self.store,
            reader=self.world,
            writer=self.world.writer,
            dry_run=self.world.dry_run,
            lease=FakeLease(self._choose),  # type: ignore[arg-type]
            panel=Panel(self.world),
            clock=ModelClock(self),
            policy=Policy(mode=self.mode, veto_window=1.0),
            cluster=ClusterIdentity(uid="model"),
            settings=SETTINGS,
            reach=self._reach,
        )

    async def _live(self) -> None:
        engine = self.engine()
        await engine.start()
        if not self.boards[-1].transactions:
            initial = self.world.truth().severity
            await engine.transact(SCENARIOS[self.scenario], incident="", initial=initial)
        await engine.close()

    def go(self) -> None:
        """Start the engine again after each crash; once the script is used up, everything answers."""
        for life in range(6):
            self.healed = self.healed or life == 5
            try:
                asyncio.run(self._live())
            except (Killed, Retryable, Unobservable, LeaseLost):
                continue
            if self.boards[-1].open_tx is None:
                return
