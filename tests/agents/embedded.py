"""The whole system on the embedded cluster in virtual time: API, oracles, engine, conductor, playbook."""

from __future__ import annotations

from dataclasses import dataclass

from agents.conductor import Conductor
from agents.minds.playbook import PlaybookMind
from agents.options import IncidentOutcome, Options
from stratus.cluster.discovery import Discovery
from stratus.cluster.reader import Reader
from stratus.cluster.transport import InProcessTransport
from stratus.cluster.writer import DryRunWriter, Writer
from stratus.domain.policy import Mode, Policy
from stratus.domain.projection import Board
from stratus.engine.engine import Engine
from stratus.engine.lease import LeaseTimes, WriterLease
from stratus.oracles.panel import Panel
from stratus.oracles.settings import OracleSettings, Probe
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.faults import find
from stratus.testing.clock import KernelClock
from stratus.testing.memory import MemoryLog

ENTRANCES = {
    "hotel": "svc:hotel/frontend:8080/request",
    "hotel-reservation": "svc:hotel-reservation/frontend:5000/request",
    "social-network": "svc:social-network/nginx-thrift:8080/request",
    "astronomy-shop": "svc:astronomy-shop/frontend-proxy:8080/request",
}
"""What users of each application ask."""


class Store(MemoryLog):
    """A journal in memory, with a heart that nobody listens to."""

    def beat(self, holder: str) -> None:
        pass


@dataclass
class Story:
    """How it ended, and the log folded as every screen folds it."""

    outcome: IncidentOutcome
    board: Board
    cluster: EmbeddedCluster


def broken(fault: str, seconds: float = 60.0) -> EmbeddedCluster:
    """A cluster on which an application was healthy until the fault was injected ``seconds`` ago."""
    cluster = EmbeddedCluster(virtual=True, applications=(find(fault).application,))
    cluster.start()
    cluster.settle(300)
    cluster.advance(30)
    cluster.faults.inject(fault)
    cluster.advance(seconds)
    return cluster


async def repaired(fault: str) -> Story:
    """Break, then one ``run_once``."""
    cluster, about = broken(fault), find(fault)
    transport = InProcessTransport(cluster.request)
    discovery, clock, times = Discovery(transport), KernelClock(cluster.kernel), LeaseTimes()
    reader, writer = Reader(transport, discovery), Writer(transport, discovery, times.write_timeout)
    probes = (Probe(target=ENTRANCES[about.application]),)
    store = Store(clock.now)
    engine = Engine(
        store=store,
        reader=reader,
        writer=writer,
        dry_run=DryRunWriter(transport, discovery, times.write_timeout),
        lease=WriterLease(reader, writer, clock, "test", (about.namespace,), times),
        panel=Panel(reader, clock, OracleSettings(namespaces=(about.namespace,), probes=probes)),
        clock=clock,
        policy=Policy(mode=Mode.AUTO),
        cluster=await reader.identity(),
        namespaces=(about.namespace,),
    )
    await engine.start()
    outcome = await Conductor(engine, PlaybookMind(), clock, Options(namespaces=(about.namespace,))).run_once()
    return Story(outcome, engine.ledger.board, cluster)
