"""Clocks that a test owns."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Kernel(Protocol):
    """The embedded cluster's virtual time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def advance(self, seconds: float) -> None:
        """Let it pass, with everything that happens meanwhile."""
        ...


class KernelClock:
    """Implements ports.Clock on an embedded cluster's virtual time: whoever waits lets the cluster live."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now(self) -> datetime:
        """Cluster time."""
        return datetime.fromtimestamp(self._kernel.now(), UTC)

    def monotonic(self) -> float:
        """Cluster time in seconds."""
        return self._kernel.now()

    async def sleep(self, seconds: float) -> None:
        """Let it pass."""
        self._kernel.advance(max(seconds, 0.0))
        await asyncio.sleep(0)


START = datetime(2026, 1, 1, 2, 14, tzinfo=UTC)


class FakeClock:
    """Implements ports.Clock. ``sleep`` moves time at once, unless ``held``; then ``advance`` does."""

    def __init__(self, start: datetime = START, *, held: bool = False) -> None:
        self._start = start
        self._elapsed = 0.0
        self._held = held
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._count = 0

    def now(self) -> datetime:
        """The wall clock."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Move time, or wait until somebody does."""
        if not self._held:
            self._elapsed += max(0.0, seconds)
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._count, woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        """Move time and wake, in order, everybody whose sleep ends."""
        end = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self._elapsed, _, woken = heapq.heappop(self._sleepers)
            woken.set()
            for _ in range(20):  # let the woken task run up to its next sleep
                await asyncio.sleep(0)
        self._elapsed = end
