"""Cron schedules: the five fields, names, steps and the @-forms that CronJobs accept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
DAYS = {name: number for number, name in enumerate("sun mon tue wed thu fri sat".split())}
HORIZON = timedelta(days=366 * 5)


@dataclass(frozen=True)
class Schedule:
    """When a CronJob is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def after(self, at: float, zone: tzinfo = UTC) -> float | None:
        """The first due time later than `at` (seconds since the epoch); None when there is none in five years."""
        moment = datetime.fromtimestamp(at, zone).replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + HORIZON
        while moment < end:
            if moment.month not in self.months or not self._day(moment):
                moment = (moment + timedelta(days=1)).replace(hour=0, minute=0)
            elif moment.hour not in self.hours:
                moment = (moment + timedelta(hours=1)).replace(minute=0)
            elif moment.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()
        return None

    def _day(self, moment: datetime) -> bool:
        """With both day fields given, either may match."""
        day, weekday = moment.day in self.days, (moment.isoweekday() % 7) in self.weekdays
        return day and weekday if self.any_day or self.any_weekday else day or weekday


def parse(text: str) -> Schedule:
    """Raises ValueError for a schedule that cron does not know."""
    fields = MACROS.get(text.strip().lower(), text).split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: {text}")
    weekdays = frozenset(day % 7 for day in _field(fields[4].lower(), 0, 7, DAYS))
    return Schedule(
        _field(fields[0], 0, 59, {}),
        _field(fields[1], 0, 23, {}),
        _field(fields[2], 1, 31, {}),
        _field(fields[3].lower(), 1, 12, MONTHS),
        weekdays,
        fields[2][0] in "*?",
        fields[4][0] in "*?",
    )


def _field(text: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            head, _, tail = span.partition("-")
            first = names[head] if head in names else int(head)
            last = (names[tail] if tail in names else int(tail)) if tail else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(f"value out of range ({low} - {high}): {part}")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)
