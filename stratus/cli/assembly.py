"""Puts the parts together: from settings to an engine on a journal and a cluster."""

from __future__ import annotations

import asyncio
import difflib
import getpass
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stratus.cli.output import note, to_the_end
from stratus.cli.settings import Settings
from stratus.clock import SystemClock
from stratus.domain.errors import Absent, Bug, InvalidInput, Refused, Retryable, StratusError, Unobservable
from stratus.domain.events import Recorded
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Mode
from stratus.ports import Clock, ClusterReader

if TYPE_CHECKING:
    from stratus.cluster.reader import Reader
    from stratus.cluster.transport import Transport
    from stratus.domain.projection import Board
    from stratus.engine.engine import Engine, Store
    from stratus.journal import Journal
    from stratus.oracles.panel import Panel
    from stratus.oracles.settings import OracleSettings
    from stratus.sandbox.cluster import EmbeddedCluster

SERVE_EVERY = 0.2
"""Seconds between two looks at the inbox while the engine is otherwise busy."""


def actor() -> str:
    """Who sits at this terminal."""
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return "unknown"


@dataclass
class Running:
    """An engine that is up, and what belongs to it."""

    engine: Engine
    journal: Journal
    transport: Transport
    reader: ClusterReader
    recovered: list[str]
    before: Board
    """The state before this engine started, recovery included in what it then did."""


def connect(settings: Settings, embedded: EmbeddedCluster | None = None) -> Transport:
    """The way into the cluster. Raises InvalidInput for an unusable kubeconfig."""
    if embedded is not None:
        from stratus.cluster.transport import InProcessTransport

        return InProcessTransport(embedded.request, context="embedded")
    from stratus.cluster.kubeconfig import connect as connect_cluster

    return connect_cluster(settings.kubeconfig or None, settings.context or None)


@asynccontextmanager
async def running_engine(
    settings: Settings,
    *,
    default_mode: Mode = Mode.OBSERVE,
    people: bool = True,
    wait: float = 0.0,
    on_event: Callable[[Recorded], None] | None = None,
    embedded: EmbeddedCluster | None = None,
) -> AsyncIterator[Running]:
    """An engine on the journal of ``settings``: lease taken, crashes recovered, inbox served; all given up at the end.

    Raises LeaseLost when another writer is live, Retryable or Unobservable when the cluster does not answer.
    """
    from stratus.engine.lease import holder_of
    from stratus.journal import open_journal

    async with AsyncExitStack() as stack:
        transport = connect(settings, embedded)
        stack.push_async_callback(transport.close)
        journal = open_journal(settings.journal_path)
        stack.callback(journal.close)
        engine = await assemble(
            settings, transport, journal, holder=holder_of(settings.journal_path), default=default_mode, people=people
        )
        if on_event is not None:
            engine.ledger.subscribers.append(to_the_end(on_event))
        before = engine.ledger.board
        recovered = await engine.start(wait)
        stack.push_async_callback(_close, engine)
        background = asyncio.create_task(_serve(engine))
        stack.push_async_callback(cancel, background)
        stack.push_async_exit(partial(_take_back, engine))
        yield Running(engine, journal, transport, engine.reader, recovered, before)


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[tuple[Panel, Reader]]:
    """The oracles and a reader on the cluster of ``settings``, without an engine: nothing can be written."""
    from stratus.cluster.reader import Reader
    from stratus.oracles.panel import Panel

    transport = connect(settings)
    try:
        reader = Reader(transport)
        await check_namespaces(reader, settings.namespaces)
        yield Panel(reader, SystemClock(), oracle_settings(settings)), reader
    finally:
        await transport.close()


async def assemble(
    settings: Settings,
    transport: Transport,
    store: Store,
    *,
    holder: str,
    clock: Clock | None = None,
    default: Mode = Mode.OBSERVE,
    people: bool = True,
) -> Engine:
    """An engine from its parts; it has not started yet. ``holder`` names the writer in the Lease."""
    from stratus.cluster.discovery import Discovery
    from stratus.cluster.reader import Reader
    from stratus.cluster.writer import DryRunWriter, FencedWriter, Writer
    from stratus.engine.engine import Engine
    from stratus.engine.lease import LeaseTimes, WriterLease
    from stratus.oracles.panel import Panel

    clock = clock or SystemClock()
    discovery = Discovery(transport)
    reader = Reader(transport, discovery)
    times = LeaseTimes()
    writer = Writer(transport, discovery, times.write_timeout)
    dry_run = DryRunWriter(transport, discovery, times.write_timeout)
    identity = await reader.identity()
    await check_namespaces(reader, settings.namespaces)
    panel = Panel(reader, clock, oracle_settings(settings))
    return Engine(
        store=store,
        reader=reader,
        writer=FencedWriter(writer, settings.namespaces),
        dry_run=FencedWriter(dry_run, settings.namespaces),
        lease=WriterLease(reader, writer, clock, holder, settings.namespaces, times),
        panel=panel,
        clock=clock,
        policy=settings.policy(default),
        cluster=identity,
        namespaces=settings.namespaces,
        mind=settings.mind,
        oracles=panel.names,
        people=people,
    )


async def check_namespaces(reader: ClusterReader, names: Sequence[str]) -> None:
    """Raises InvalidInput for a namespace that is not there. Whoever may not read namespaces learns it at the first write."""
    for name in names:
        try:
            await reader.get(ObjectRef(api_version="v1", kind="Namespace", name=name))
        except Absent:
            there = [each["metadata"]["name"] for each in await reader.list("Namespace")]
            near = difflib.get_close_matches(name, there, n=1)
            hint = f"did you mean {near[0]}?" if near else "see `kubectl get namespaces`"
            raise InvalidInput(f"there is no namespace {name!r} in this cluster: {hint}") from None
        except Refused:
            return


def oracle_settings(settings: Settings) -> OracleSettings:
    """The oracles' part of the settings."""
    from stratus.oracles.settings import AlertSettings, OracleSettings, Probe

    return OracleSettings(
        namespaces=settings.namespaces,
        weights=settings.weights,
        probes=tuple(Probe(target=target) for target in settings.probes),
        alerts=AlertSettings(
            prometheus=settings.prometheus, alertmanager=settings.alertmanager, longest_wait=settings.alert_wait
        ),
    )


async def _serve(engine: Engine) -> None:
    """Take commands and renew the lease while the engine's owner is busy elsewhere (a model's answer, a long read)."""
    while True:
        try:
            await engine.pump()
            await engine.serve_queue()
        except (Retryable, Unobservable):
            pass  # the API is away; what is open stays open and is tried again
        await asyncio.sleep(SERVE_EVERY)


async def cancel(task: asyncio.Task[None]) -> None:
    """End a background task."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _take_back(engine: Engine, kind: object, error: BaseException | None, trace: object) -> None:
    """After a bug of ours: what it left open is taken back while the lease is still held, not at some next start."""
    ours = isinstance(error, Exception) and (isinstance(error, Bug) or not isinstance(error, StratusError))
    if ours and engine.ledger.board.open_tx is not None:
        try:
            await engine.recover()
        except StratusError as again:
            note(f"a transaction stays open until the next start, which takes it back: {again}")


async def _close(engine: Engine) -> None:
    engine.ledger.subscribers.clear()  # the last line of a run is its summary
    with suppress(StratusError):
        await engine.close()


@asynccontextmanager
async def temporary_journal() -> AsyncIterator[Path]:
    """A journal that goes with its directory."""
    with tempfile.TemporaryDirectory(prefix="stratus-") as directory:
        yield Path(directory) / "journal.db"
