"""Faults of the catalogue on the embedded cluster, in virtual time: what is found, how soon, and that it goes when healed."""

from __future__ import annotations

import pytest

from stratus.cluster.reader import Reader
from stratus.cluster.transport import InProcessTransport
from stratus.domain.severity import Observation
from stratus.oracles import OracleSettings, Panel
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.testing.clock import KernelClock
from tests.oracles.support import found

pytestmark = pytest.mark.slow


class Watch:
    """An application on an embedded cluster, healthy for a while, and a panel on its namespace."""

    def __init__(self, application: str) -> None:
        self.cluster = EmbeddedCluster(virtual=True, applications=(application,))
        self.cluster.start()
        self.cluster.settle(300)
        reader = Reader(InProcessTransport(self.cluster.request))
        self.panel = Panel(reader, KernelClock(self.cluster.kernel), OracleSettings(namespaces=(application,)))

    async def until(self, wanted: set[tuple[str, str]], seconds: float) -> Observation:
        """Look every second until all of ``wanted`` is found (nothing wanted: nothing found, nothing moving)."""
        seen: list[set[tuple[str, str]]] = []
        for _ in range(int(seconds)):
            now = await self.panel.observe()
            assert not now.blind and not now.crashed
            seen.append(found(now))
            if wanted <= seen[-1] if wanted else not (now.findings or now.moving):
                return now
            self.cluster.advance(1)
        raise AssertionError(f"{wanted or 'health'} was not seen within {seconds} s, last {seen[-1]}")


@pytest.mark.parametrize("application", ["hotel", "hotel-reservation", "social-network", "astronomy-shop"])
async def test_a_healthy_application_has_no_findings(application: str) -> None:
    watch = Watch(application)
    await watch.until(set(), 30)
    for _ in range(5):
        watch.cluster.advance(2)
        seen = await watch.panel.observe()
        assert not seen.findings and not seen.moving and not seen.blind


FAULTS: list[tuple[str, set[tuple[str, str]], float]] = [
    ("hotel/wrong-image", {("deployment/geo", "Unavailable"), ("service/geo", "NoReadyEndpoints")}, 10),
    ("hotel/wrong-target-port", {("service/geo", "DoesNotAnswer")}, 5),
    ("hotel/scaled-to-zero", {("deployment/user", "ScaledToZero")}, 10),
    ("hotel/bad-node-selector", {("deployment/profile", "Unavailable")}, 15),
    ("hotel/missing-env", {("deployment/geo", "RequestsFail")}, 40),
    ("hotel/missing-service", {("service/mongodb-rate", "ServiceMissing")}, 10),
    ("hotel/network-policy", {("service/recommendation", "DoesNotAnswer")}, 10),
    ("hotel/readiness-probe", {("deployment/user", "Unavailable")}, 40),
    ("hotel/liveness-probe", {("deployment/recommendation", "Unavailable")}, 60),
    ("hotel/out-of-memory", {("deployment/reservation", "Unavailable")}, 30),
    ("hotel/hanging-init", {("deployment/profile", "Unavailable")}, 40),
    ("hotel/crashing-deploy", {("deployment/geo", "RolloutStuck")}, 30),
]


@pytest.mark.parametrize("fault, wanted, seconds", FAULTS, ids=[fault for fault, *_ in FAULTS])
async def test_a_fault_is_found_and_goes_when_it_is_healed(
    fault: str, wanted: set[tuple[str, str]], seconds: float
) -> None:
    watch = Watch("hotel")
    await watch.until(set(), 30)
    watch.cluster.faults.inject(fault)
    await watch.until(wanted, seconds)
    watch.cluster.faults.heal(fault)
    await watch.until(set(), 60)
