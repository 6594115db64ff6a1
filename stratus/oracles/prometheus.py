"""Reading Prometheus and Alertmanager: what fires, and whether it can be believed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stratus.domain.errors import Unobservable
from stratus.oracles.http import get_json
from stratus.oracles.times import EPOCH, when

_INTERVAL = re.compile(r"scrape_interval:\s*(\S+)")
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")
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


async def firing(base: str, timeout: float) -> list[Alert]:
    """What fires in Prometheus; pending is not firing. Raises Unobservable."""
    data = await _api(base, "alerts", timeout)
    return [_alert(each) for each in data["alerts"] if each.get("state") == "firing"]


async def alertmanager_alerts(base: str, timeout: float) -> tuple[list[Alert], list[Alert]]:
    """(active, suppressed: silenced or inhibited) in Alertmanager. Raises Unobservable."""
    answer = await get_json(f"{base.rstrip('/')}/api/v2/alerts", timeout)
    if not isinstance(answer, list):
        raise Unobservable(f"{base} did not answer as Alertmanager v2 does")
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


async def rules(base: str, timeout: float, now: datetime, longest_wait: float) -> Rules:
    """The alerting rules. Raises Unobservable while they cannot be believed yet."""
    loaded, scrape, running = await asyncio.gather(
        _api(base, "rules", timeout, {"type": "alert"}),
        _scrape_interval(base, timeout),
        _api(base, "status/runtimeinfo", timeout),
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
    for group in groups:
        alerting = [rule for rule in group.get("rules") or () if rule.get("type") == "alerting"]
        interval = float(group.get("interval") or DEFAULT_SCRAPE)
        if alerting:
            _check_evaluated(group, interval, now)
        for rule in alerting:
            names.append(rule["name"])
            if rule.get("health") == "err":
                failing.append(rule["name"])
            delay = float(rule.get("duration") or 0) + interval + scrape
            if delay > longest_wait:
                slow.append(rule["name"])
            else:
                lag = max(lag, delay)
    if names and len(failing) == len(names):
        raise Unobservable(f"every alerting rule fails to evaluate: {', '.join(failing[:5])}")
    return Rules(frozenset(names), lag, tuple(slow), tuple(failing))


def _check_evaluated(group: Mapping[str, Any], interval: float, now: datetime) -> None:
    """Raise Unobservable when a rule group was never evaluated, or no longer is."""
    last = when(group.get("lastEvaluation"))
    if last < EPOCH:
        raise Unobservable(f"Prometheus has not evaluated the rule group {group.get('name')} yet")
    late = (now - last).total_seconds()
    if last > EPOCH and late > MISSED_EVALUATIONS * interval + 10:
        raise Unobservable(f"Prometheus last evaluated the rule group {group.get('name')} {late:.0f} s ago")


async def reachable(base: str, kind: str, timeout: float = 5.0) -> str:
    """For the preflight: what a ``prometheus`` or an ``alertmanager`` has to say. Raises Unobservable."""
    if kind == "alertmanager":
        active, suppressed = await alertmanager_alerts(base, timeout)
        return f"{len(active)} alerts active, {len(suppressed)} silenced or inhibited"
    groups = (await _api(base, "rules", timeout, {"type": "alert"}))["groups"]
    count = sum(rule.get("type") == "alerting" for group in groups for rule in group.get("rules") or ())
    return (
        f"{count} alerting rules" if count else "answers, but has no alerting rules: the alerts oracle would be blind"
    )


async def lost_exporters(base: str, timeout: float) -> list[Mapping[str, str]]:
    """Labels of the scrape jobs that went silent: alerts over their series end because nobody looks any more."""
    return [each["metric"] for each in await query(base, LOST_EXPORTERS, timeout)]


async def answering_jobs(base: str, timeout: float) -> frozenset[str]:
    """Scrape jobs of which some target answers."""
    return frozenset(each["metric"].get("job", "") for each in await query(base, "max by (job) (up) == 1", timeout))


async def query(base: str, expr: str, timeout: float) -> list[Any]:
    """An instant query's vector; a scalar is a vector of one without labels. Raises Unobservable."""
    data = await _api(base, "query", timeout, {"query": expr})
    if data.get("resultType") == "scalar":
        return [{"metric": {}, "value": data["result"]}]
    return list(data.get("result") or ())


async def _api(base: str, path: str, timeout: float, params: dict[str, str] | None = None) -> Any:
    answer = await get_json(f"{base.rstrip('/')}/api/v1/{path}", timeout, params)
    if not isinstance(answer, dict) or answer.get("status") != "success":
        raise Unobservable(f"{base}: /api/v1/{path} did not succeed")
    return answer["data"]


async def _scrape_interval(base: str, timeout: float) -> float:
    """The longest configured scrape interval; managed services hide their configuration."""
    try:
        text = (await _api(base, "status/config", timeout)).get("yaml", "")
    except Unobservable:
        return DEFAULT_SCRAPE
    return max((seconds(each) for each in _INTERVAL.findall(text)), default=DEFAULT_SCRAPE)


def seconds(duration: str) -> float:
    """A Prometheus duration such as ``1m30s``."""
    return sum(int(number) * _UNITS[unit] for number, unit in _DURATION.findall(duration))
