"""One sequence: the real engine against a cluster, started again after each crash until its transaction has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from stratus.cluster.reader import Reader
from stratus.cluster.writer import DryRunWriter, FencedWriter, Writer
from stratus.domain.commands import Veto
from stratus.domain.errors import Bug, NeedsHuman, StratusError
from stratus.domain.events import Recorded
from stratus.domain.machine import TxState
from stratus.domain.policy import Limits, Policy
from stratus.domain.projection import Board
from stratus.domain.transactions import TxView
from stratus.engine.context import EngineSettings
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.engine import Engine
from stratus.engine.lease import LeaseTimes, WriterLease
from stratus.journal import Journal, open_journal
from stratus.oracles.panel import Panel
from stratus.oracles.settings import OracleSettings, TrafficSettings, WorkloadSettings
from stratus.testing.memory import MemoryLog
from tests.properties.adversary import Adversary, Hooks, Killed
from tests.properties.lab import Lab, Objects
from tests.properties.plan import Plan

LIVES = 8
"""Starts of the engine; in the last one nothing goes wrong any more."""
LOOKS = 10
"""For the application to be healthy in at the end."""
SETTINGS = EngineSettings(
    look_every=2.0, settle_least=1.0, grace=4.0, checkpoint_wait=10.0, undo_settle=40.0, undo_patience=60.0, slice=0.5
)
LIMITS = Limits(seconds=90.0)
ORACLES = OracleSettings(
    workloads=WorkloadSettings(window=10.0, window_floor=8.0, stall=15.0),
    traffic=TrafficSettings(read=False),
    nodes=False,
    admission=False,
)


Store = MemoryLog | Journal


@dataclass
class Run:
    """What happened. ``before`` and ``after`` are read without faults, at rest."""

    lab: Lab
    namespace: str
    plan: Plan
    rng: Random
    directory: Path
    crashes: int = 0
    passed: dict[CrashPoint, int] = field(default_factory=dict)
    board: Board = field(default_factory=Board)
    log: Sequence[Recorded] = ()
    before: Objects = field(default_factory=dict)
    after: Objects = field(default_factory=dict)
    ready: bool = False
    snapshots: dict[str, Any] = field(default_factory=dict)
    """Post-images by digest, read from the store at the end."""

    def __post_init__(self) -> None:
        hooks = Hooks(lambda: self.store.head(), self._undoing, self._veto)
        self.adversary = Adversary(self.lab.transport, self.lab.discovery, self.plan, self.rng, hooks)
        self.store: Store = self._opened(None)
        self._engine: Engine | None = None
        self._asked_to_undo = False

    @property
    def tx(self) -> TxView:
        """The transaction."""
        return next(iter(self.board.transactions.values()))

    async def go(self) -> None:
        """All lives of the engine, and then peace."""
        try:
            await self._go()
        finally:
            if isinstance(self.store, Journal):
                self.store.close()

    async def _go(self) -> None:
        self.before = await self.lab.objects(self.namespace)
        for life in range(LIVES):
            if life == LIVES - 1:
                await self.adversary.calm_down()
            try:
                if await self._live():
                    break
            except Killed:
                self.crashes += 1
            self.store = self._opened(self.store)
        await self.adversary.calm_down()
        self.ready = await self.lab.ready(self.namespace) and await self._healthy()
        self.after = await self.lab.objects(self.namespace)
        self.log = self.store.read(0, 100_000)
        self.snapshots = {s.post_image: self.store.snapshots.get(s.post_image) for s in self.tx.steps if s.post_image}

    async def _healthy(self) -> bool:
        """Whether oracles that see everything find nothing, within a few looks."""
        scope = {"namespaces": (self.namespace,)}
        panel = Panel(self.lab.reader, self.lab.clock, ORACLES.model_copy(update=scope))
        for _ in range(LOOKS):
            if (await panel.observe()).severity == 0:
                return True
            await self.lab.clock.sleep(2.0)
        return False

    async def _live(self) -> bool:
        """One life; True when all is done."""
        engine = self._engine = await self._made()
        try:
            await engine.start()
        except (Bug, NeedsHuman):
            raise
        except StratusError:
            return False  # the API is away: somebody starts it again
        try:
            await self._work(engine)
        except StratusError as error:
            if isinstance(error, Bug | NeedsHuman):
                raise
        finished = self._finished(engine.ledger.board)
        await engine.close()
        return finished

    async def _work(self, engine: Engine) -> None:
        if not engine.ledger.board.transactions:
            await engine.transact(self.plan.proposal, incident="", initial=0.0)
        for tx in engine.ledger.board.transactions.values():
            if tx.state is TxState.COMMITTED and self.plan.undo_after_commit and not self._asked_to_undo:
                self._asked_to_undo = True
                await engine.undo(tx.id, by="ana", reason="asked for")

    def _finished(self, board: Board) -> bool:
        self.board = board
        return bool(board.transactions) and all(tx.ended for tx in board.transactions.values())

    async def _made(self) -> Engine:
        wire, clock, times = self.adversary, self.lab.clock, LeaseTimes()
        reader = Reader(wire, self.lab.discovery)
        writer = Writer(wire, self.lab.discovery, times.write_timeout)
        dry_run = DryRunWriter(wire, self.lab.discovery, times.write_timeout)
        scope = (self.namespace,)
        return Engine(
            store=self.store,
            reader=reader,
            writer=FencedWriter(writer, scope),
            dry_run=FencedWriter(dry_run, scope),
            lease=WriterLease(reader, writer, clock, "properties", scope, times),
            panel=Panel(reader, clock, ORACLES.model_copy(update={"namespaces": scope})),
            clock=clock,
            policy=Policy(mode=self.plan.mode, veto_window=3.0, limits=LIMITS),
            cluster=await self.lab.reader.identity(),
            namespaces=scope,
            settings=SETTINGS,
            reach=self._reach,
        )

    def _opened(self, before: Store | None) -> Store:
        """The same journal for the next life: from disk again, as after a crash, or the one in memory."""
        if not self.plan.on_disk:
            return before or MemoryLog(self.lab.clock.now)
        if isinstance(before, Journal):
            before.close()
        return open_journal(self.directory / f"{self.namespace}.db", now=self.lab.clock.now)

    def _reach(self, point: CrashPoint) -> None:
        self.passed[point] = self.passed.get(point, 0) + 1
        if not self.adversary.healed and (point, self.passed[point]) in self.plan.crashes:
            raise Killed(point)

    def _undoing(self) -> bool:
        tx = self._engine.ledger.board.open_tx if self._engine else None
        return tx is not None and tx.state is TxState.UNDOING

    def _veto(self) -> bool:
        tx = self._engine.ledger.board.open_tx if self._engine else None
        if tx is None:
            return False
        self.store.inbox.post(Veto(tx=tx.id), actor="ana", surface="cli")
        return True
