"""The whole system on the embedded cluster in virtual time: API, oracles, engine, conductor, playbook."""

from __future__ import annotations

import json
from dataclasses import dataclass

from agents.options import IncidentOutcome
from stratus.cli.assembly import assemble
from stratus.cli.embedded import noticed, watching
from stratus.cli.minds import conductor_for
from stratus.cli.settings import Settings
from stratus.cluster.transport import InProcessTransport
from stratus.domain.policy import Mode
from stratus.domain.projection import Board
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.faults import find
from stratus.testing.clock import KernelClock
from stratus.testing.memory import MemoryLog

LEAST, MOST = 60.0, 300.0
"""Seconds between a fault and the look at it: some time, and until somebody would notice."""


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


def broken(name: str) -> EmbeddedCluster:
    """A cluster on which an application was healthy until a fault was injected, which shows by now."""
    fault = find(name)
    cluster = EmbeddedCluster(virtual=True, applications=(fault.application,))
    cluster.start()
    cluster.settle(300)
    cluster.advance(30)
    cluster.faults.inject(name)
    cluster.advance(LEAST)
    cluster.until(lambda: noticed(cluster, fault), MOST - LEAST)
    return cluster


def healthy(application: str = "hotel") -> EmbeddedCluster:
    """A cluster on which an application has been healthy for a while."""
    cluster = EmbeddedCluster(virtual=True, applications=(application,))
    cluster.start()
    cluster.settle(300)
    cluster.advance(90)
    return cluster


def patch(cluster: EmbeddedCluster, path: str, body: object) -> None:
    """A person's strategic merge patch."""
    headers = {"content-type": "application/strategic-merge-patch+json"}
    reply = cluster.request("PATCH", path, body=json.dumps(body).encode(), headers=headers)
    assert reply.status == 200, reply


async def repaired(name: str) -> Story:
    """Break, then one ``run --once``."""
    about = find(name)
    return await looked_at(broken(name), about.application, about.namespace)


async def looked_at(cluster: EmbeddedCluster, application: str, namespace: str) -> Story:
    """One ``run --once`` on a cluster as it is."""
    settings, clock = watching(Settings(), application, namespace), KernelClock(cluster.kernel)
    transport = InProcessTransport(cluster.request, context="embedded")
    engine = await assemble(
        settings, transport, Store(clock.now), holder="test", clock=clock, default=Mode.AUTO, people=False
    )
    await engine.start()
    outcome = await conductor_for(settings, engine, once=True).run_once()
    return Story(outcome, engine.ledger.board, cluster)
