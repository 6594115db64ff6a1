"""The kubelet's exponential back-off for container restarts and image pulls (client-go's flowcontrol.Backoff)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

INITIAL = 10.0
MAXIMUM = 300.0


@dataclass
class _Entry:
    delay: float
    updated: float


class Backoff:
    """10 s, doubling to 300 s per key; forgotten after twice the maximum without a failure."""

    def __init__(self, initial: float = INITIAL, maximum: float = MAXIMUM) -> None:
        self._initial = initial
        self._maximum = maximum
        self._entries: dict[Hashable, _Entry] = {}

    def remaining(self, key: Hashable, failed_at: float, now: float) -> float:
        """Seconds that a retry of what failed at `failed_at` still has to wait."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, failed_at):
            return 0.0
        return max(0.0, failed_at + entry.delay - now)

    def delay(self, key: Hashable) -> float:
        """The present delay of a key in seconds."""
        entry = self._entries.get(key)
        return entry.delay if entry else self._initial

    def next(self, key: Hashable, failed_at: float, now: float) -> None:
        """Counts one more retry."""
        entry = self._entries.get(key)
        if entry is None or self._expired(entry, failed_at):
            self._entries[key] = _Entry(self._initial, now)
        else:
            self._entries[key] = _Entry(min(entry.delay * 2, self._maximum), now)

    def forget(self, key: Hashable) -> None:
        self._entries.pop(key, None)

    def _expired(self, entry: _Entry, at: float) -> bool:
        return at - entry.updated > 2 * self._maximum
