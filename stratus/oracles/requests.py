"""The request oracle: what users feel, by asking as they do. Without a sample it is blind, and never says healthy."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from stratus.domain.errors import Absent, InvalidInput, Refused, StratusError, Unobservable
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Reading
from stratus.oracles import http
from stratus.oracles.asking import proxy_failure
from stratus.oracles.judge import blind, finding, observed, off
from stratus.oracles.settings import Probe
from stratus.oracles.shares import reason_for
from stratus.oracles.world import World, explained
from stratus.ports import Clock, ClusterReader

ORACLE = "requests"
AT_ONCE = 8
"""Requests of one probe that are under way together: enough to be quick, too few to be a load."""
SERVICE = re.compile(r"svc:([-a-z0-9]+)/([-a-z0-9.]+):([-a-zA-Z0-9]+)(/.*)?")
"""``svc:NAMESPACE/NAME:PORT[/PATH]``: a Service, asked through the API server."""


@dataclass(frozen=True)
class Target:
    """Where a probe goes: a URL, or a Service's port and path."""

    url: str = ""
    namespace: str = ""
    service: str = ""
    port: str = ""
    path: str = "/"

    @property
    def subject(self) -> Subject:
        """What its findings are about."""
        if self.service:
            return Subject(kind="Probe", namespace=self.namespace, name=f"{self.service}:{self.port}{self.path}")
        return Subject(kind="Probe", name=http.shown(self.url))


@dataclass(frozen=True)
class Sample:
    """One request's outcome: why it failed ("" when it did not) and how long it took."""

    failure: str
    seconds: float


def target_of(text: str) -> Target:
    """Parse ``--probe``. Raises InvalidInput, naming what would be right."""
    service = SERVICE.fullmatch(text)
    if service:
        return Target(namespace=service[1], service=service[2], port=service[3], path=service[4] or "/")
    if urlsplit(text).scheme in ("http", "https") and urlsplit(text).netloc:
        return Target(url=text)
    raise InvalidInput(f"{text!r} is no probe: give http://HOST/PATH or svc:NAMESPACE/NAME:PORT/PATH")


def probed_services(probes: tuple[Probe, ...]) -> frozenset[tuple[str, str]]:
    """(namespace, Service) that probes ask through the API server."""
    targets = (target_of(probe.target) for probe in probes)
    return frozenset((target.namespace, target.service) for target in targets if target.service)


class RequestOracle:
    """Asks every configured probe on every look."""

    name = ORACLE

    def __init__(self, reader: ClusterReader, clock: Clock, probes: tuple[Probe, ...] = ()) -> None:
        """Raises InvalidInput for a probe that cannot be understood."""
        self._reader = reader
        self._clock = clock
        self._last: dict[Target, str] = {}
        self._probes = [(probe, target_of(probe.target)) for probe in probes]

    async def judge(self, world: World) -> Reading:
        """One look; the World is not needed, only what answers."""
        if not self._probes:
            return off(ORACLE, "no probe is configured")
        try:
            every = await asyncio.gather(*(self._probe(*each) for each in self._probes))
        except Unobservable as error:
            return blind(ORACLE, str(error))
        return observed(ORACLE, [found for found in every if found])

    async def _probe(self, probe: Probe, target: Target) -> Finding | None:
        last = self._last.get(target, "")
        samples = await self._sample(probe, target, probe.samples)
        failures = sum(sample.failure != "" for sample in samples)
        if 0 < failures < len(samples) or (last and not failures):
            # they disagree, or say that it is over: only more of them can tell a small share from none
            samples += await self._sample(probe, target, max(0, probe.more_samples - probe.samples))
        found = verdict(probe, target, samples, last)
        self._last[target] = found.reason if found else ""
        return found

    async def _sample(self, probe: Probe, target: Target, count: int) -> list[Sample]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> Sample:
            async with gate:
                return await self._once(probe, target)

        return list(await asyncio.gather(*(one() for _ in range(count))))

    async def _once(self, probe: Probe, target: Target) -> Sample:
        if target.url:
            said = await http.request(target.url, probe.timeout)
            if said.unsent:
                raise Unobservable(f"probe {http.shown(target.url)}: {said.error}")
            failed = said.error or (f"HTTP {said.status}" if said.status >= probe.expect_below else "")
            return Sample(failed, said.seconds)
        return await self._through_proxy(probe, target)

    async def _through_proxy(self, probe: Probe, target: Target) -> Sample:
        start = self._clock.monotonic()
        try:
            reply = await self._reader.service_request(
                target.namespace, target.service, target.port, target.path, timeout=probe.timeout
            )
        except Absent:
            return Sample(f"service/{target.service} does not exist", 0.0)
        except Refused as error:
            raise Unobservable(explained(error, "get", "services/proxy", target.namespace)) from error
        except StratusError as error:
            raise Unobservable(f"probe {target.subject.name}: {error}") from error
        failed = f"HTTP {reply.status}" if reply.status >= probe.expect_below else ""
        said = proxy_failure(reply) or " ".join(reply.body[:160].split())
        return Sample(f"{failed}: {said}" if failed else "", self._clock.monotonic() - start)


def verdict(probe: Probe, target: Target, samples: list[Sample], last: str = "") -> Finding | None:
    """Judge a look's samples; ``last`` is the reason of the look before. Raises Unobservable without any."""
    if not samples:
        raise Unobservable(f"probe {target.subject.name}: no request was made")
    failures = [sample.failure for sample in samples if sample.failure]
    slow = [sample for sample in samples if not sample.failure and probe.slow and sample.seconds > probe.slow]
    total = len(samples)
    message = f"{len(failures)} of {total} requests failed" + (f": {failures[0]}" if failures else "")
    affected = (len(failures) + len(slow)) / total
    reason = reason_for(len(failures) / total, affected, probe.fail_share, probe.degraded_share, last)
    if slow and probe.slow:
        message += f"; {len(slow)} took longer than {probe.slow:g} s"
    return finding(ORACLE, target.subject, reason, message) if reason else None
