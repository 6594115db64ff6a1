"""The whole system on an embedded cluster in virtual time: a healthy application, a fault, and one ``run --once`` at it.

Nothing is scripted: API, oracles, engine, conductor and mind are those of a real run; only time and the network are virtual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stratus.cli.assembly import assemble
from stratus.cli.embedded import noticed, watching
from stratus.cli.minds import conductor_for
from stratus.cli.settings import Settings
from stratus.domain.policy import Mode
from stratus.domain.projection import Board
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.faults import find

if TYPE_CHECKING:
    from agents.options import IncidentOutcome

LEAST, MOST = 60.0, 300.0
"""Seconds of cluster life between a fault and the look at it: some time, and until somebody would notice."""
SETTLED_WITHIN = 300.0
"""Seconds of cluster life until an application is healthy."""


@dataclass(frozen=True)
class Trial:
    """How it ended, the log folded as every screen folds it, and the cluster as it is now."""

    outcome: IncidentOutcome
    board: Board
    cluster: EmbeddedCluster


def healthy(application: str, seconds: float) -> EmbeddedCluster:
    """A cluster on which an application has been healthy for ``seconds``."""
    cluster = EmbeddedCluster(virtual=True, applications=(application,))
    cluster.start()
    cluster.settle(SETTLED_WITHIN)
    cluster.advance(seconds)
    return cluster


def broken(name: str) -> EmbeddedCluster:
    """A cluster on which an application was healthy until a fault was injected, which shows by now. Raises KeyError."""
    fault = find(name)
    cluster = healthy(fault.application, 30.0)
    cluster.faults.inject(name)
    cluster.advance(LEAST)
    cluster.until(lambda: noticed(cluster, fault), MOST - LEAST)
    return cluster


async def repaired(name: str, settings: Settings | None = None) -> Trial:
    """Break, then one ``run --once``. Raises KeyError for a fault that is not in the catalogue."""
    about = find(name)
    return await looked_at(broken(name), about.application, about.namespace, settings)


async def looked_at(
    cluster: EmbeddedCluster, application: str, namespace: str, settings: Settings | None = None
) -> Trial:
    """One ``run --once`` on a cluster as it is, in mode auto unless the settings say otherwise."""
    from stratus.cluster.transport import InProcessTransport
    from stratus.testing.clock import KernelClock
    from stratus.testing.memory import MemoryLog

    watched, clock = watching(settings or Settings(), application, namespace), KernelClock(cluster.kernel)
    transport = InProcessTransport(cluster.request, context="embedded")
    engine = await assemble(
        watched, transport, MemoryLog(clock.now), holder="trial", clock=clock, default=Mode.AUTO, people=False
    )
    await engine.start()
    outcome = await conductor_for(watched, engine, once=True).run_once()
    return Trial(outcome, engine.ledger.board, cluster)
