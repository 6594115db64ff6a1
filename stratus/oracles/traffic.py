"""The traffic oracle: what applications count of their own requests, read from their metrics pages without a Prometheus.

Many services publish request counters by status code in the Prometheus text format on the port of their readiness probe.
Two reads of a counter are a rate, so failing requests show even where every probe is green: a rejected credential, a
broken dependency. A pod without such a page is not judged here.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused, StratusError, Unobservable
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Reading
from stratus.oracles.judge import finding, observed, off
from stratus.oracles.pods import is_ready
from stratus.oracles.settings import TrafficSettings
from stratus.oracles.shares import reason_for
from stratus.oracles.world import World
from stratus.ports import Clock, ClusterReader, PodProxy

ORACLE = "traffic"
COUNTER = re.compile(
    r"^(?P<name>\w*requests?(?:_seconds|_duration\w*)?_(?:total|count))\{(?P<labels>[^}]*)\}\s+(?P<value>[\d.eE+]+)"
)
"""``http_requests_total{…,code="502"} 7`` and its relatives; a client's own counter (load_…) is as good as a server's."""
STATUS = re.compile(
    r'(?:^|,)\s*(?:code|status|status_code|http_status|http_status_code|response_code)="(\d{3}|0|\dxx)"'
)
ANNOTATED_PORT, ANNOTATED_PATH = "prometheus.io/port", "prometheus.io/path"


@dataclass(frozen=True)
class Page:
    """Where one pod's counters are."""

    namespace: str
    pod: str
    uid: str
    port: str
    path: str
    owner: Subject


@dataclass(frozen=True)
class Counted:
    """Requests since the process started."""

    total: float
    failed: float


@dataclass
class _Window:
    """Rates of one workload over the last seconds."""

    deltas: deque[tuple[float, float, float]] = field(default_factory=deque)
    """(when, requests, failures)"""
    verdict: Finding | None = None
    judged_at: float = -math.inf

    def sums(self) -> tuple[float, float]:
        """Requests and failures in the window."""
        return sum(requests for _, requests, _ in self.deltas), sum(failures for *_, failures in self.deltas)


class TrafficOracle:
    """It remembers counters between looks; the first look at a counter takes further reads a moment later."""

    name = ORACLE

    def __init__(self, reader: ClusterReader, clock: Clock, settings: TrafficSettings | None = None) -> None:
        self._proxy = reader if isinstance(reader, PodProxy) else None
        self._clock = clock
        self._settings = settings or TrafficSettings()
        self._counters: dict[str, Counted] = {}
        self._mute: dict[str, float] = {}
        """uid of a pod without counters: until when it is not asked again."""
        self._windows: defaultdict[Subject, _Window] = defaultdict(_Window)

    async def judge(self, world: World) -> Reading:
        """One look. Raises Unobservable when the proxy is forbidden."""
        if self._proxy is None or not self._settings.read:
            return off(ORACLE, "no pod can be asked")
        pages = self._pages(world)
        await self._first_reads(await self._read(pages))
        owners = {page.owner for page in pages}
        self._windows = defaultdict(_Window, {owner: w for owner, w in self._windows.items() if owner in owners})
        known = {page.uid for page in pages}
        self._counters = {uid: counted for uid, counted in self._counters.items() if uid in known}
        now = self._clock.monotonic()
        found = [verdict for owner, window in self._windows.items() if (verdict := self._verdict(owner, window, now))]
        unjudged = [o for o, w in self._windows.items() if now - w.judged_at >= self._settings.remember]
        # workloads come and go: one that publishes no counters (any more) is not judged, and nobody is blinded by that
        return observed(ORACLE, found, lag=self._settings.window if self._counters else 0.0, unjudged=unjudged)

    async def _first_reads(self, fresh: list[Page]) -> None:
        """Read pages that are new again: once, and on as long as failures are known and too few requests to judge them.

        Calls that time out end seldom, so a total outage leaves few requests to count.
        """
        end = self._clock.monotonic() + self._settings.window
        while fresh:
            await self._clock.sleep(self._settings.first_gap)
            await self._read(fresh)
            over = self._clock.monotonic() + self._settings.first_gap > end
            fresh = [] if over else [page for page in fresh if self._undecided(page)]

    def _undecided(self, page: Page) -> bool:
        counted, window = self._counters.get(page.uid), self._windows[page.owner]
        total, failed = window.sums()
        return counted is not None and counted.failed > 0 and not self._enough(total, failed)

    def _enough(self, total: float, failed: float) -> bool:
        """Whether requests say something: enough of them, or a few that all failed."""
        return total >= self._settings.samples or total == failed >= self._settings.all_failed

    def _pages(self, world: World) -> list[Page]:
        now = self._clock.monotonic()
        pages = []
        for pod in world.all("Pod"):
            where = _metrics_port(pod) if is_ready(pod) else ""
            if where and self._mute.get(pod["metadata"]["uid"], now) <= now:
                meta = pod["metadata"]
                path = (meta.get("annotations") or {}).get(ANNOTATED_PATH, "/metrics")
                pages.append(Page(meta["namespace"], meta["name"], meta["uid"], where, path, world.owner(pod)))
        return pages[: self._settings.pods_at_most]

    async def _read(self, pages: Iterable[Page]) -> list[Page]:
        """Read the counters; returns the pages that were read for the first time."""
        gate = asyncio.Semaphore(self._settings.parallel)

        async def one(page: Page) -> bool:
            async with gate:
                return await self._read_one(page)

        asked = list(pages)
        first = await asyncio.gather(*(one(page) for page in asked))
        return [page for page, new in zip(asked, first, strict=True) if new]

    async def _read_one(self, page: Page) -> bool:
        assert self._proxy is not None
        try:
            reply = await self._proxy.pod_request(
                page.namespace, page.pod, page.port, page.path, timeout=self._settings.timeout
            )
        except Refused as error:
            if error.status in (401, 403):
                raise Unobservable(f"may not ask pods (get pods/proxy in {page.namespace}): {error}") from error
            return False  # the pod went between the look and the question
        except StratusError:
            return False
        counted = counters(reply.body) if reply.status == 200 else None
        if counted is None:
            self._mute[page.uid] = self._clock.monotonic() + self._settings.ask_again
            return False
        before, self._counters[page.uid] = self._counters.get(page.uid), counted
        if before is None:
            return True
        if counted.total >= before.total:  # a restarted process counts from zero
            delta = (self._clock.monotonic(), counted.total - before.total, counted.failed - before.failed)
            self._windows[page.owner].deltas.append(delta)
        return False

    def _verdict(self, owner: Subject, window: _Window, now: float) -> Finding | None:
        while window.deltas and now - window.deltas[0][0] > self._settings.window:
            window.deltas.popleft()
        total, failed = window.sums()
        if not self._enough(total, failed):  # too few to judge: the last verdict stands for a while
            return window.verdict if now - window.judged_at < self._settings.remember else None
        share = failed / total
        message = f"{failed:.0f} of {total:.0f} requests failed in the last {self._settings.window:g} s"
        last = window.verdict.reason if window.verdict else ""
        reason = reason_for(share, share, self._settings.fail_share, self._settings.degraded_share, last)
        window.judged_at = now
        window.verdict = finding(ORACLE, owner, reason, message) if reason else None
        return window.verdict


def counters(text: str) -> Counted | None:
    """The request counters of a metrics page, summed; None when it has none. A failure is a 5xx, or no answer (0)."""
    total = failed = 0.0
    found = False
    for line in text.splitlines():
        if line.startswith("#") or not (match := COUNTER.match(line)):
            continue
        status = STATUS.search(match["labels"])
        if status:
            found = True
            value = float(match["value"])
            total += value
            failed += value if status[1].startswith(("5", "0")) else 0.0
    if not found and not re.search(r"^# TYPE \w*requests?\w*_total counter", text, re.MULTILINE):
        return None
    return Counted(total, failed)


def _metrics_port(pod: JsonObject) -> str:
    """The annotated port, or that of the first HTTP readiness probe; "" when there is neither."""
    annotated = (pod["metadata"].get("annotations") or {}).get(ANNOTATED_PORT)
    if annotated:
        return str(annotated)
    for container in pod["spec"].get("containers") or ():
        probe = (container.get("readinessProbe") or {}).get("httpGet")
        if probe and str(probe.get("scheme", "HTTP")).upper() == "HTTP":
            ports = {each.get("name"): each["containerPort"] for each in container.get("ports") or ()}
            return str(ports.get(probe.get("port"), probe.get("port", "")))
    return ""
