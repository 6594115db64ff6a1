"""The whole engine on the embedded cluster: steps as a transaction, and their undo."""

from __future__ import annotations

from dataclasses import dataclass

from stratus.domain.policy import Mode, Policy
from stratus.domain.steps import Proposal, Step
from stratus.engine.engine import Engine
from stratus.engine.lease import LeaseTimes, WriterLease
from stratus.oracles.panel import Panel
from stratus.oracles.settings import OracleSettings
from stratus.ports import TxResult
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.testing.clock import KernelClock
from stratus.testing.memory import MemoryLog
from tests.cluster.conftest import Cluster


@dataclass
class Acting:
    """A person's commands through an engine."""

    engine: Engine

    async def do(self, *steps: Step, irreversible: bool = False) -> TxResult:
        """``stratus do``."""
        return await self.engine.do(Proposal(steps=steps), settle=30.0, irreversible_ok=irreversible)

    async def undo(self, done: TxResult) -> TxResult:
        """``stratus tx undo`` of what was committed."""
        assert done.outcome == "committed", done
        return await self.engine.undo(done.tx, by="ana", reason="asked for by ana")

    def lost(self, done: TxResult) -> tuple[str, ...]:
        """The fields that the undo could not restore."""
        return self.engine.ledger.transaction(done.tx).diverged_fields


async def acting(cluster: Cluster, made: EmbeddedCluster) -> Acting:
    """An engine of the cluster's namespace."""
    clock, times = KernelClock(made.kernel), LeaseTimes()
    namespaces = (cluster.namespace,)
    engine = Engine(
        store=MemoryLog(clock.now),
        reader=cluster.reader,
        writer=cluster.writer,
        dry_run=cluster.dry,
        lease=WriterLease(cluster.reader, cluster.writer, clock, "test", namespaces, times),
        panel=Panel(cluster.reader, clock, OracleSettings(namespaces=namespaces)),
        clock=clock,
        policy=Policy(mode=Mode.AUTO),
        cluster=await cluster.reader.identity(),
        namespaces=namespaces,
    )
    await engine.start()
    return Acting(engine)
