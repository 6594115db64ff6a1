"""The engine: one writer on one journal and one cluster scope. Implements ports.Transactor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from stratus import __version__
from stratus.domain import commands as c
from stratus.domain.errors import LeaseLost, Refused, StratusError
from stratus.domain.events import EngineStarted, EngineStopped, Event, LeaseChanged
from stratus.domain.machine import TxState
from stratus.domain.objects import ClusterIdentity
from stratus.domain.policy import Policy
from stratus.domain.severity import Observation
from stratus.domain.steps import Proposal
from stratus.engine import recovery, settling
from stratus.engine.context import Context, EngineSettings
from stratus.engine.crashpoints import Reach, never
from stratus.engine.desk import Desk
from stratus.engine.lease import LeasedWriter, WriterLease
from stratus.engine.ledger import Ledger
from stratus.engine.recorder import Panel, Recorder
from stratus.engine.transaction import Transaction, result_of, undo_transaction
from stratus.ports import Clock, ClusterReader, ClusterWriter, EventLog, Inbox, Snapshots, TxResult

log = logging.getLogger(__name__)
BEAT_EVERY = 2.0
"""Seconds between two signs of life."""


class Store(EventLog, Protocol):
    """The journal's writing side."""

    @property
    def inbox(self) -> Inbox:
        """Commands from people."""
        ...

    @property
    def snapshots(self) -> Snapshots:
        """Raw objects by content."""
        ...

    def beat(self, holder: str) -> None:
        """A sign of life."""
        ...


class Engine:
    """Owns the journal, the lease and the only leased writer."""

    def __init__(
        self,
        *,
        store: Store,
        reader: ClusterReader,
        writer: ClusterWriter,
        dry_run: ClusterWriter,
        lease: WriterLease,
        panel: Panel,
        clock: Clock,
        policy: Policy,
        cluster: ClusterIdentity,
        namespaces: Sequence[str] = (),
        settings: EngineSettings | None = None,
        mind: str = "playbook",
        oracles: Sequence[str] = (),
        people: bool = True,
        reach: Reach = never,
    ) -> None:
        """``people`` False: nobody can answer an approval, so it is denied at once (``run --once``)."""
        self.store, self.lease, self.clock = store, lease, clock
        self.namespaces, self.mind, self.oracles, self.people = tuple(namespaces), mind, tuple(oracles), people
        self.ledger = Ledger(store)
        self.desk = Desk(store.inbox, self.ledger, clock, policy)
        self._recorder, self._stopping = Recorder(panel, self.ledger), False
        self.stopped_because = ""
        self.on_stop: list[Callable[[], None]] = []
        self.on_question: Callable[[str], Awaitable[str]] | None = None
        """Who answers people's questions; None: nobody."""
        self._turn = asyncio.Lock()
        self._pumping = False
        self._last_beat = float("-inf")
        self.context = Context(
            ledger=self.ledger,
            snapshots=store.snapshots,
            reader=reader,
            writer=LeasedWriter(writer, lease),
            dry_run=dry_run,
            observe=self.observe,
            clock=clock,
            desk=self.desk,
            policy=policy,
            settings=settings or EngineSettings(),
            reach=reach,
            cluster=cluster,
            wait=self.wait,
            stopping=lambda: self._stopping,
        )

    # --- life ---------------------------------------------------------------------------------------------------------

    async def start(self, wait: float = 0.0) -> list[str]:
        """Take the lease, say so, and end what a crash left open; returns the recovered transactions.

        Raises LeaseLost when another writer is live for longer than ``wait`` seconds, NeedsHuman when an open
        transaction belongs to another cluster.
        """
        await self.lease.acquire(wait)
        context = self.context
        self.emit(
            EngineStarted(
                holder=self.lease.holder,
                version=__version__,
                cluster=context.cluster,
                namespaces=self.namespaces,
                mode=min(context.policy.mode, context.policy.ceiling, key=lambda mode: mode.freedom),
                veto_window=context.policy.veto_window,
                mind=self.mind,
                oracles=self.oracles,
            ),
            LeaseChanged(held=True, holder=self.lease.holder),
        )
        await self.pump()
        return await recovery.recover(context)

    async def recover(self) -> list[str]:
        """Take back what an error left open; returns the transactions. Raises as ``recovery.recover``."""
        async with self._turn:
            return await recovery.recover(self.context)

    def stop(self, reason: str = "asked to stop") -> None:
        """No new step from now on; a transaction under way is undone."""
        self._stopping = True
        self.stopped_because = self.stopped_because or reason
        for tell in self.on_stop:
            tell()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._stopping

    async def close(self) -> None:
        """Say so and give the lease up."""
        self.emit(EngineStopped(reason=self.stopped_because or "finished"), durable=True)
        await self.lease.release()

    async def pump(self) -> None:
        """Take commands, renew the lease, show a sign of life. Called from every wait; cheap when there is nothing."""
        if self._pumping:
            return
        self._pumping = True
        try:
            self.desk.take()
            now = self.clock.monotonic()
            if now - self._last_beat >= BEAT_EVERY:
                self._last_beat = now
                self.store.beat(self.lease.holder)
            held = self.lease.held
            try:
                await self.lease.renew_if_due()
            except LeaseLost as error:
                self.lease.forget()
                self.stop(str(error))
            self._record_lease(held)
        finally:
            self._pumping = False

    def _record_lease(self, before: bool) -> None:
        if before != self.lease.held:
            reason = "" if self.lease.held else "it could not be renewed in time"
            self.emit(LeaseChanged(held=self.lease.held, holder=self.lease.holder, reason=reason))

    async def wait(self, seconds: float) -> None:
        """Sleep in slices, so that a veto is seen and the lease stays alive."""
        end = self.clock.monotonic() + seconds
        while True:
            await self.pump()
            left = end - self.clock.monotonic()
            if left <= 0:
                await self.clock.sleep(0)
                return
            await self.clock.sleep(min(left, self.context.settings.slice))

    # --- ports.Transactor ---------------------------------------------------------------------------------------------

    @property
    def reader(self) -> ClusterReader:
        """Read-only access."""
        return self.context.reader

    def emit(self, *events: Event, durable: bool = False) -> None:
        """Append to the log."""
        self.ledger.emit(*events, durable=durable)

    async def observe(self) -> Observation:
        """All oracles now; what changed is recorded."""
        return await self._recorder.observe()

    async def settle(self, seconds: float) -> Observation:
        """Observe until nothing moves, for at most ``seconds``."""
        return await settling.at_rest(self.context, seconds)

    async def transact(self, proposal: Proposal, *, incident: str, initial: float) -> TxResult:
        """One transaction of the agents, from proposal to its end."""
        async with self._turn:
            await recovery.recover(self.context)
            return await Transaction(
                self.context, proposal, incident=incident, initial=initial, people=self.people
            ).run()

    async def undo(self, tx: str, *, by: str, reason: str) -> TxResult:
        """Undo a committed (or rest of a diverged) transaction; edits that others made since are kept.

        Raises NeedsHuman for another cluster's transaction, Refused for one that has nothing to undo.
        """
        async with self._turn:
            await recovery.recover(self.context)
            view = self.ledger.board.transactions.get(tx)
            if view is None:
                raise Refused(f"there is no transaction {tx}: see `stratus tx list`")
            recovery.refuse_other_cluster(self.context, view)
            if view.state not in (TxState.COMMITTED, TxState.DIVERGED):
                raise Refused(f"transaction {tx} is {view.state}: only a committed one can be undone")
            await undo_transaction(self.context, tx, reason, by)
            return result_of(self.ledger.transaction(tx))

    # --- people's own commands ----------------------------------------------------------------------------------------

    async def do(self, proposal: Proposal, *, settle: float | None = None, irreversible_ok: bool = False) -> TxResult:
        """A person's command as a transaction: its author's approval is in it."""
        async with self._turn:
            await recovery.recover(self.context)
            return await Transaction(
                self.context, proposal, author_approves=True, settle=settle, irreversible_ok=irreversible_ok
            ).run()

    async def serve_queue(self) -> None:
        """Carry out the commands that take their turn (do, undo), one after the other.

        Whoever asks may give up while another command is carried out: what has an answer already is left alone.
        """
        while self.desk.queue and not self._stopping:
            posted = self.desk.queue.popleft()
            try:
                await self._serve(posted)
            except StratusError as error:
                self.desk.answer(posted, False, str(error))
            except Exception as error:  # a bug of ours: whoever asked hears of it, and the others are still served
                log.exception("%s of %s failed", posted.command.verb, posted.actor)
                self.desk.answer(posted, False, f"internal error: {error!r}; what is open is recovered next")

    async def _serve(self, posted: c.Posted) -> None:
        command = posted.command
        if isinstance(command, c.Do):
            tx = self.ledger.next_tx("")
            if self.desk.answer(posted, True, f"transaction {tx}", tx):
                await self.do(command.proposal, settle=command.settle, irreversible_ok=command.irreversible_ok)
        elif isinstance(command, c.Undo):
            view = self.ledger.board.transactions.get(command.tx)
            if view is None or view.state not in (TxState.COMMITTED, TxState.DIVERGED):
                state = view.state if view else "unknown"
                self.desk.answer(posted, False, f"{command.tx} is {state}: only a committed one can be undone")
                return
            recovery.refuse_other_cluster(self.context, view)
            if self.desk.answer(posted, True, f"undoing {command.tx}", command.tx):
                await self.undo(command.tx, by=posted.actor, reason=f"asked for by {posted.actor}")
        elif isinstance(command, c.Ask) and self.on_question is not None:
            self.desk.answer(posted, True, await self.on_question(command.question))
        else:
            self.desk.answer(posted, False, f"this engine does not answer {command.verb}")
