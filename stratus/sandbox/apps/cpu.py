"""CPU of one container: what its requests cost, and how a CFS quota (limits.cpu) delays them.

The kernel gives a container `limit x 100 ms` of CPU in each period of 100 ms and makes it wait for the next period
once that is spent. So one request that needs more than a period's quota waits even when the average use is low, which
is why `top` looks fine; and demand above the limit queues.
"""

from __future__ import annotations

from typing import Any

from stratus.sandbox.quantities import parse

PERIOD = 0.1  # seconds, cpu.cfs_period_us
WINDOW = 15.0  # seconds over which usage is averaged, as metrics-server does
BACKLOG_SECONDS = 30.0  # waiting work is bounded: callers have long given up


class CpuMeter:
    """Accounts CPU time and yields the delay of the quota."""

    def __init__(self, cost: float, container: dict[str, Any], started: float) -> None:
        limit = ((container.get("resources") or {}).get("limits") or {}).get("cpu")
        self.cost = cost
        self.limit = float(parse(limit)) if limit is not None else None
        self.total = 0.0
        self.periods = 0.0
        self.throttled = 0.0
        self._backlog = 0.0
        self._at = started
        self._marks = [(started, 0.0)]

    def work(self, count: int, now: float, factor: float = 1.0) -> float:
        """Seconds that each of `count` requests spends computing or waiting for CPU."""
        need = self.cost * factor
        self._drain(now)
        self.total += count * need
        self._mark(now)
        if not self.limit:
            return need
        quota = self.limit * PERIOD
        wait = self._backlog / self.limit
        self._backlog = min(self._backlog + count * need, BACKLOG_SECONDS * self.limit)
        pauses = int(need / quota)
        busy = count * max(1.0, need / quota)
        self.periods += busy
        self.throttled += min(busy, count * pauses + (busy if wait > PERIOD else 0.0))
        return wait + (pauses * PERIOD + need - pauses * quota if pauses else need)

    def delay(self, now: float) -> float:
        """How long something new waits for CPU now."""
        self._drain(now)
        return self._backlog / self.limit if self.limit and self._backlog > self.limit * PERIOD else 0.0

    def cores(self, now: float) -> float:
        """Average use over the last seconds."""
        self._mark(now)
        at, total = self._marks[0]
        return (self.total - total) / max(1.0, now - at)

    def _drain(self, now: float) -> None:
        if self.limit:
            self._backlog = max(0.0, self._backlog - (now - self._at) * self.limit)
        self._at = now

    def _mark(self, now: float) -> None:
        if now - self._marks[-1][0] >= 1.0:
            self._marks.append((now, self.total))
            while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW:
                self._marks.pop(0)
