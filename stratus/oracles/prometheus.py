"""Reading Prometheus and Alertmanager: what fires, and whether it can be believed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stratus.domain.errors import Unobservable
from stratus.oracles.monitors import Monitor
from stratus.oracles.times import EPOCH, when

_INTERVAL = re.compile(r"scrape_interval:\s*(\S+)")
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
_RANGE = re.compile(r"\[\s*((?:\d+(?:ms|[smhdwy]))+)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}

DEFAULT_SCRAPE = 60.0
"""Prometheus' own default scrape interval, used where its configuration may not be read."""
MISSED_EVALUATIONS = 5
"""Intervals without an evaluation after which a rule group counts as standing still."""
LOST_EXPORTERS = "(max by (job, namespace) (up) == 0) and (max by (job, namespace) (max_over_time(up[15m])) == 1)"
"""Scrape jobs that answered within the last quarter of an hour and of which no target answers now."""


@dataclass(frozen=True)
class Alert:
    """One alert that fires."""

    labels: Mapping[str, str]
    summary: str = ""

    @property
    def name(self) -> str:
        """Its rule's name."""
        return self.labels.get("alertname", "?")

    @property
    def identity(self) -> frozenset[tuple[str, str]]:
        """All labels: what makes it this alert."""
        return frozenset(self.labels.items())


@dataclass(frozen=True)
class Rules:
    """What Prometheus evaluates, and how far behind the cluster it is."""

    names: frozenset[str]
    lag: float
    """Seconds until a change shows in every rule that is waited for."""
    slow: tuple[str, ...] = ()
    """Rules with a longer ``for:`` than anybody waits for."""
    failing: tuple[str, ...] = ()
    lingers: Mapping[str, float] = field(default_factory=dict)
    """Seconds for which the alerts of a rule fire on after their cause: the window that its expression looks back over."""


async def active_alerts(monitor: Monitor) -> tuple[list[Alert], list[Alert]]:
    """(firing, pending) in Prometheus. Raises Unobservable."""
    data = await _api(monitor, "alerts")
    firing, pending = ([_alert(e) for e in data["alerts"] if e.get("state") == s] for s in ("firing", "pending"))
    return firing, pending


async def alertmanager_alerts(monitor: Monitor) -> tuple[list[Alert], list[Alert]]:
    """(active, suppressed: silenced or inhibited) in Alertmanager. Raises Unobservable."""
    answer = await monitor.get("api/v2/alerts")
    if not isinstance(answer, list):
        raise Unobservable(f"{monitor.name} did not answer as Alertmanager v2 does")
    active: list[Alert] = []
    suppressed: list[Alert] = []
    for each in answer:
        held = (each.get("status") or {}).get("state") == "suppressed"
        (suppressed if held else active).append(_alert(each))
    return active, suppressed


def _alert(raw: Mapping[str, Any]) -> Alert:
    notes = raw.get("annotations") or {}
    return Alert(
        raw.get("labels") or {}, notes.get("summary") or notes.get("message") or notes.get("description") or ""
    )


async def rules(monitor: Monitor, now: datetime, longest_wait: float) -> Rules:
    """The alerting rules. Raises Unobservable while they cannot be believed yet."""
    loaded, scrape, running = await asyncio.gather(
        _api(monitor, "rules", {"type": "alert"}), _scrape_interval(monitor), _api(monitor, "status/runtimeinfo")
    )
    if running.get("reloadConfigSuccess") is False:
        raise Unobservable("Prometheus could not load its configuration")
    found = _rules(loaded["groups"], scrape, now, longest_wait)
    since = (now - when(running.get("startTime"))).total_seconds()
    if 0 <= since < found.lag:
        raise Unobservable(f"Prometheus started {since:.0f} s ago: its alerts need {found.lag:.0f} s")
    return found


def _rules(groups: Iterable[Mapping[str, Any]], scrape: float, now: datetime, longest_wait: float) -> Rules:
    lag, names, slow, failing = 0.0, [], [], []
    lingers: dict[str, float] = {}
    for group in groups:
        alerting = [rule for rule in group.get("rules") or () if rule.get("type") == "alerting"]
        interval = float(group.get("interval") or DEFAULT_SCRAPE)
        if alerting:
            _check_evaluated(group, interval, now)
        for rule in alerting:
            names.append(rule["name"])
            lingers[rule["name"]] = window(str(rule.get("query") or "")) + interval + scrape
            if rule.get("health") == "err":
                failing.append(rule["name"])
            delay = float(rule.get("duration") or 0) + interval + scrape
            if delay > longest_wait:
                slow.append(rule["name"])
            else:
                lag = max(lag, delay)
    if names and len(failing) == len(names):
        raise Unobservable(f"every alerting rule fails to evaluate: {', '.join(failing[:5])}")
    return Rules(frozenset(names), lag, tuple(slow), tuple(failing), lingers)


def _check_evaluated(group: Mapping[str, Any], interval: float, now: datetime) -> None:
    """Raise Unobservable when a rule group was never evaluated, or no longer is."""
    last = when(group.get("lastEvaluation"))
    if last < EPOCH:
        raise Unobservable(f"Prometheus has not evaluated the rule group {group.get('name')} yet")
    late = (now - last).total_seconds()
    if last > EPOCH and late > MISSED_EVALUATIONS * interval + 10:
        raise Unobservable(f"Prometheus last evaluated the rule group {group.get('name')} {late:.0f} s ago")


async def reachable(monitor: Monitor, kind: str) -> str:
    """For the preflight: what a ``prometheus`` or an ``alertmanager`` has to say. Raises Unobservable."""
    if kind == "alertmanager":
        active, suppressed = await alertmanager_alerts(monitor)
        return f"{len(active)} alerts active, {len(suppressed)} silenced or inhibited"
    groups = (await _api(monitor, "rules", {"type": "alert"}))["groups"]
    count = sum(rule.get("type") == "alerting" for group in groups for rule in group.get("rules") or ())
    return (
        f"{count} alerting rules" if count else "answers, but has no alerting rules: the alerts oracle would be blind"
    )


async def lost_exporters(monitor: Monitor) -> list[Mapping[str, str]]:
    """Labels of the scrape jobs that went silent: alerts over their series end because nobody looks any more."""
    return [each["metric"] for each in await query(monitor, LOST_EXPORTERS)]


async def answering_jobs(monitor: Monitor) -> frozenset[str]:
    """Scrape jobs of which some target answers."""
    return frozenset(each["metric"].get("job", "") for each in await query(monitor, "max by (job) (up) == 1"))


async def query(monitor: Monitor, expr: str) -> list[Any]:
    """An instant query's vector; a scalar is a vector of one without labels. Raises Unobservable."""
    data = await _api(monitor, "query", {"query": expr})
    if data.get("resultType") == "scalar":
        return [{"metric": {}, "value": data["result"]}]
    return list(data.get("result") or ())


async def _api(monitor: Monitor, path: str, params: dict[str, str] | None = None) -> Any:
    answer = await monitor.get(f"api/v1/{path}", params)
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise Unobservable(f"{monitor.name}: /api/v1/{path} did not succeed")
    return answer["data"]


async def _scrape_interval(monitor: Monitor) -> float:
    """The longest configured scrape interval; managed services hide their configuration."""
    try:
        text = (await _api(monitor, "status/config")).get("yaml", "")
    except Unobservable:
        return DEFAULT_SCRAPE
    return max((seconds(each) for each in _INTERVAL.findall(text)), default=DEFAULT_SCRAPE)


def window(expression: str) -> float:
    """The longest range that a PromQL expression looks back over; 0 for instant values."""
    return max((seconds(each) for each in _RANGE.findall(expression)), default=0.0)


def seconds(duration: str) -> float:
    """A Prometheus duration such as ``1m30s``."""
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
