"""The embedded cluster's clock and run loop.

Everything in the cluster runs as callbacks on one heap of timers, in one thread. So a run is deterministic by its
seed, and the same code lives in real time for people and in virtual time for tests: there, ten minutes of cluster
life cost only the work done in them.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

log = logging.getLogger(__name__)

VIRTUAL_START = 1_767_225_600.0  # 2026-01-01T00:00:00Z: virtual time starts here unless told otherwise
RUNAWAY = 2_000_000  # callbacks due at one instant; more means that two controllers answer each other for ever
SLICE_SECONDS = 0.02  # real time that due work may hold the event loop before requests get their turn


class RunawayError(RuntimeError):
    """Callbacks keep scheduling each other at the same instant, so time cannot go on."""


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339(seconds: float) -> str:
    """`seconds` since the epoch as Kubernetes writes a Time: UTC, whole seconds."""
    return _second(int(seconds))


def rfc3339_micro(seconds: float) -> str:
    """`seconds` since the epoch as Kubernetes writes a MicroTime: UTC, microseconds."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; raises ValueError if `text` is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Timer:
    """One callback that waits for its time."""

    __slots__ = ("callback", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Forget the callback; harmless after it has run."""
        self.callback = None


class Kernel:
    """Cluster time, and the timers that make the cluster live."""

    def __init__(self, *, seed: int = 0, start: float | None = None, virtual: bool = False) -> None:
        self.rng = random.Random(seed)
        self.virtual = virtual
        self._start = start if start is not None else (VIRTUAL_START if virtual else time.time())
        self._origin = time.monotonic()
        self._virtual_now = self._start
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._wake: asyncio.Event | None = None

    def now(self) -> float:
        """Cluster time in seconds since the epoch; it never goes back."""
        if self.virtual:
            return self._virtual_now
        return self._start + (time.monotonic() - self._origin)

    def go_live(self) -> None:
        """From here on time is real: what was lived through in virtual time becomes the past."""
        self._start, self._origin, self.virtual = self._virtual_now, time.monotonic(), False

    def timestamp(self) -> str:
        """Cluster time as Kubernetes writes a Time."""
        return rfc3339(self.now())

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run `callback` once, `seconds` from now; callbacks of one instant run in the order of their calls."""
        timer = Timer(self.now() + max(0.0, seconds), callback)
        self._sequence += 1
        heapq.heappush(self._heap, (timer.due, self._sequence, timer))
        if self._wake is not None:
            self._wake.set()
        return timer

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run `callback` as soon as the present callback has ended."""
        self.call_later(0.0, callback)

    def settle(self) -> None:
        """Run everything that is due now, and what it makes due now; raises RunawayError if that never ends."""
        self._run_until(self.now())

    def advance(self, seconds: float) -> None:
        """Let `seconds` of virtual time pass, running timers in order."""
        if not self.virtual:
            raise RuntimeError("only virtual time can be advanced")
        target = self._virtual_now + seconds
        self._run_until(target)
        self._virtual_now = target

    def next_due(self) -> float | None:
        """The time of the earliest waiting timer, or None when nothing waits."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    async def run(self) -> None:
        """Run timers in real time until cancelled. A callback that fails is logged, and the cluster lives on."""
        self._wake = asyncio.Event()
        try:
            while True:
                self._wake.clear()
                if self._run_slice():
                    await asyncio.sleep(0)
                    continue
                due = self.next_due()
                await self._sleep(None if due is None else max(0.0, due - self.now()))
        finally:
            self._wake = None

    async def _sleep(self, seconds: float | None) -> None:
        assert self._wake is not None
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _run_slice(self) -> bool:
        """Run due timers for a short while; True when more are due."""
        end = time.monotonic() + SLICE_SECONDS
        while (due := self.next_due()) is not None and due <= self.now():
            try:
                self._run_one()
            except Exception:
                log.exception("a callback of the embedded cluster failed")
            if time.monotonic() >= end:
                return True
        return False

    def _run_until(self, target: float) -> None:
        count = 0
        while (due := self.next_due()) is not None and due <= target:
            if self.virtual and due > self._virtual_now:
                self._virtual_now = due
                count = 0
            self._run_one()
            count += 1
            if count > RUNAWAY:
                raise RunawayError(f"{RUNAWAY} callbacks ran at one instant, and more are due")

    def _run_one(self) -> None:
        timer = heapq.heappop(self._heap)[2]
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
