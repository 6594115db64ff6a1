"""Time series in memory, kept as changes: a value that stays costs nothing, however often it is scraped.

Prometheus stores a sample per scrape. Here only a different value is stored; the samples between are those of the
regular scrape grid, so rates come out as they would from the full list. A series that vanishes is marked stale.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

Labels = tuple[tuple[str, str], ...]  # sorted by name, without __name__
RETENTION = 1800.0  # seconds of history
STALE = math.nan


@dataclass(slots=True)
class Series:
    """One series: times and values of its changes; NaN says that it vanished."""

    name: str
    labels: Labels
    mapping: dict[str, str]
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def append(self, at: float, value: float) -> None:
        self.times.append(at)
        self.values.append(value)
        if len(self.times) > 1024 and self.times[512] < at - RETENTION:
            del self.times[:512], self.values[:512]

    @property
    def last(self) -> float:
        return self.values[-1] if self.values else STALE

    def at(self, moment: float) -> float:
        """The value at a time; NaN before the first sample and after the series vanished."""
        index = bisect_right(self.times, moment) - 1
        return self.values[index] if index >= 0 else STALE

    def window(self, start: float, end: float, interval: float) -> list[tuple[float, float]]:
        """(time, value) of what matters of the scrapes in [start, end]: the first, every change, and the last."""
        first_scrape = math.ceil(start / interval) * interval
        last_scrape = math.floor(end / interval) * interval
        if last_scrape < first_scrape:
            return []
        samples = []
        if not math.isnan(value := self.at(first_scrape)):
            samples.append((first_scrape, value))
        index = bisect_right(self.times, first_scrape)
        gone_at = None
        while index < len(self.times) and self.times[index] <= last_scrape:
            at, value = self.times[index], self.values[index]
            if index and self.times[index - 1] < at - interval and samples and samples[-1][0] < at - interval:
                if not math.isnan(held := self.values[index - 1]):
                    samples.append((at - interval, held))
            if not math.isnan(value):
                samples.append((at, value))
            gone_at = at if math.isnan(value) else None
            index += 1
        if samples and gone_at is None and samples[-1][0] < last_scrape:
            samples.append((last_scrape, self.last if index == len(self.times) else self.at(last_scrape)))
        return samples


class Database:
    """All series by metric name. `versions` counts changes per name, so that readers can keep what they derived."""

    def __init__(self, interval: float = 2.0) -> None:
        self.interval = interval
        self.versions: dict[str, int] = {}
        self._names: dict[str, dict[Labels, Series]] = {}

    def record(self, at: float, name: str, labels: dict[str, str], value: float) -> Series:
        """Stores a sample of the scrape at `at` and returns its series."""
        key = tuple(sorted(labels.items()))
        table = self._names.setdefault(name, {})
        series = table.get(key)
        if series is None:
            series = table[key] = Series(name, key, labels)
        self.set(at, series, value)
        return series

    def set(self, at: float, series: Series, value: float) -> None:
        """Stores a sample of a known series, if it differs from the one before."""
        last = series.last
        if value == last or (math.isnan(value) and math.isnan(last)):
            return
        series.append(at, value)
        self.versions[series.name] = self.versions.get(series.name, 0) + 1

    def vanish(self, at: float, series: Series) -> None:
        """The target no longer exports the series."""
        self.set(at, series, STALE)

    def forget(self, at: float) -> None:
        """Drops series that vanished longer ago than the retention."""
        for name, table in self._names.items():
            for key in [k for k, s in table.items() if math.isnan(s.last) and s.times and s.times[-1] < at - RETENTION]:
                del table[key]
                self.versions[name] = self.versions.get(name, 0) + 1

    def select(self, name: str, matches: Callable[[dict[str, str]], bool]) -> Iterator[Series]:
        """Series of a name whose labels match; an empty name means all names."""
        tables: Iterable[dict[Labels, Series]] = [self._names.get(name, {})] if name else self._names.values()
        for table in tables:
            for series in table.values():
                if matches(series.mapping):
                    yield series

    def names(self) -> list[str]:
        """Metric names that have a series now."""
        return sorted(
            name for name, table in self._names.items() if any(not math.isnan(s.last) for s in table.values())
        )
