"""All oracles at one moment: one World, every judge at once, weights applied, and what counts for an incident."""

from __future__ import annotations

import asyncio
import fnmatch
import logging
from collections.abc import Sequence

from stratus.domain.errors import StratusError
from stratus.domain.events import WorkloadRow
from stratus.domain.severity import Finding, Observation, OracleState, Reading
from stratus.oracles.admission import AdmissionOracle
from stratus.oracles.alerts import AlertOracle
from stratus.oracles.debounce import Debounce
from stratus.oracles.judge import Judge, blind, off
from stratus.oracles.nodes import NodeOracle
from stratus.oracles.requests import RequestOracle, probed_services
from stratus.oracles.services import ServiceOracle
from stratus.oracles.settings import OracleSettings
from stratus.oracles.traffic import TrafficOracle
from stratus.oracles.workloads import WorkloadOracle
from stratus.oracles.world import World, look
from stratus.ports import Clock, ClusterReader, Oracle

log = logging.getLogger(__name__)


class Panel:
    """Observes a cluster. One panel per engine: its oracles remember starts, answers and what was seen before."""

    def __init__(
        self,
        reader: ClusterReader,
        clock: Clock,
        settings: OracleSettings | None = None,
        *,
        more: Sequence[Oracle] = (),
    ) -> None:
        """``more``: further oracles, read beside the built-in ones. Raises InvalidInput for unusable settings."""
        self.settings = settings or OracleSettings()
        self._reader = reader
        self._clock = clock
        self._more = tuple(more)
        self._debounce = Debounce(self.settings.confirm)
        probed = probed_services(self.settings.probes)
        self._workloads = WorkloadOracle(reader, self.settings.workloads, probed)
        self._judges: tuple[Judge, ...] = (
            ServiceOracle(reader, clock, self.settings.services, probed=probed, coming=lambda: self._workloads.coming),
            RequestOracle(reader, clock, self.settings.probes),
            TrafficOracle(reader, clock, self.settings.traffic),
            AlertOracle(reader, clock, self.settings.alerts),
            *((NodeOracle(),) if self.settings.nodes else ()),
            *((AdmissionOracle(reader),) if self.settings.admission else ()),
        )
        self._off = tuple(name for name in ("nodes", "admission") if not getattr(self.settings, name))
        self.world: World | None = None
        """What the last look read."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every oracle, in the order of their readings."""
        return (self._workloads.name, *(j.name for j in self._judges), *self._off, *(o.name for o in self._more))

    async def observe(self) -> Observation:
        """All oracles now. Never raises for an API failure: the observation is blind or crashed."""
        clustered = self.settings.nodes or self.settings.admission
        world = await look(self._reader, self._clock, self.settings.namespaces, clustered=clustered)
        self.world = world
        # the Service oracle must know which workloads are still coming up
        workloads = await self._judged(self._workloads, world)
        rest = await asyncio.gather(
            *(self._judged(judge, world) for judge in self._judges), *(self._read(oracle) for oracle in self._more)
        )
        readings = (
            workloads,
            *rest[: len(self._judges)],
            *(off(name) for name in self._off),
            *rest[len(self._judges) :],
        )
        return Observation(
            readings=tuple(map(self._weighted, readings)), crashed=not world.reachable or bool(world.gone)
        )

    def confirmed(self, observation: Observation) -> tuple[Finding, ...]:
        """The findings that may open an incident. Call it once per look."""
        return self._debounce.confirmed(observation, self._clock.monotonic())

    def rows(self) -> tuple[WorkloadRow, ...]:
        """Every workload at the last look that could see them."""
        return self._workloads.rows

    async def _judged(self, judge: Judge, world: World) -> Reading:
        try:
            return await judge.judge(world)
        except StratusError as error:
            return blind(judge.name, str(error))
        except Exception as error:
            # an object that nobody foresaw must not stop the watch, and what was not judged is not healthy
            log.exception("the oracle %s failed", judge.name)
            return blind(judge.name, f"internal error: {error!r}")

    async def _read(self, oracle: Oracle) -> Reading:
        try:
            return await oracle.read()
        except StratusError as error:
            return blind(oracle.name, str(error))

    def _weighted(self, reading: Reading) -> Reading:
        """With the configured weights, without what the operator told us to ignore."""
        if reading.state is not OracleState.OBSERVING or not (self.settings.weights or self.settings.ignore):
            return reading
        return reading.model_copy(
            update={"findings": self._kept(reading.findings), "pending": self._kept(reading.pending)}
        )

    def _kept(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        weighted = [self._reweighted(each) for each in findings if not self._ignored(each)]
        return tuple(each for each in weighted if each.weight > 0)

    def _reweighted(self, finding: Finding) -> Finding:
        return finding.model_copy(update={"weight": self.settings.weights.get(finding.reason, finding.weight)})

    def _ignored(self, finding: Finding) -> bool:
        return any(fnmatch.fnmatchcase(finding.subject.path, pattern) for pattern in self.settings.ignore)
