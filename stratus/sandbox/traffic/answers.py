"""The JSON that Prometheus and Alertmanager answer with."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from stratus.sandbox.kernel import parse_time
from stratus.sandbox.traffic.alerts import Alert, Alerts
from stratus.sandbox.traffic.promql.ast import PromqlError
from stratus.sandbox.traffic.promql.values import Range, Value

Json = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: what Prometheus says of a rule group that it has not evaluated yet."""


def number(value: float) -> str:
    """A sample value as Prometheus writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e21 else repr(value)


def scientific(value: float) -> str:
    """An alert's value as Prometheus writes it (1e+00)."""
    if math.isnan(value) or math.isinf(value):
        return number(value)
    mantissa, exponent = f"{value:.15e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def moment(text: str, name: str = "time") -> float:
    """Seconds since the epoch of an RFC 3339 parameter. Raises PromqlError."""
    try:
        return parse_time(text)
    except ValueError as error:
        raise PromqlError(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from error


def rfc3339(seconds: float) -> str:
    """A time with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant(value: Value, at: float) -> Json:
    """The data of an instant query."""
    if isinstance(value, float | int):
        return {"resultType": "scalar", "result": [at, number(float(value))]}
    if isinstance(value, str):
        return {"resultType": "string", "result": [at, value]}
    if isinstance(value, Range):
        ranges = [{"metric": labels, "values": [[t, number(v)] for t, v in samples]} for labels, samples in value.rows]
        return {"resultType": "matrix", "result": ranges}
    rows = [{"metric": point.labels, "value": [at, number(point.value)]} for point in value]
    return {"resultType": "vector", "result": rows}


def matrix(steps: Sequence[tuple[float, Value]]) -> Json:
    """The data of a range query."""
    rows: dict[tuple[tuple[str, str], ...], Json] = {}
    for at, value in steps:
        points = [({}, value)] if isinstance(value, float) else _points(value)
        for labels, found in points:
            row = rows.setdefault(tuple(sorted(labels.items())), {"metric": labels, "values": []})
            row["values"].append([at, number(found)])
    return {"resultType": "matrix", "result": list(rows.values())}


def _points(value: Value) -> list[tuple[dict[str, str], float]]:
    if not isinstance(value, list):
        raise PromqlError("invalid expression type for range query, must be Scalar or instant Vector")
    return [(point.labels, point.value) for point in value]


def alert(entry: Alert) -> Json:
    """One alert of /api/v1/alerts."""
    return {
        "labels": entry.labels,
        "annotations": entry.annotations,
        "state": entry.state,
        "activeAt": rfc3339(entry.active_at),
        "value": scientific(entry.value),
    }


def alerts(active: Iterable[Alert]) -> Json:
    """The data of /api/v1/alerts."""
    return {"alerts": [alert(entry) for entry in active]}


def rules(known: Alerts) -> Json:
    """The data of /api/v1/rules."""
    groups: dict[str, Json] = {}
    for rule in known.rules:
        active = known.of(rule)
        states = {entry.state for entry in active}
        evaluated = known.evaluated(rule.group)
        group = groups.setdefault(
            rule.group,
            {
                "name": rule.group,
                "file": "rules.yml",
                "interval": rule.interval,
                "lastEvaluation": NEVER if evaluated is None else rfc3339(evaluated),
                "rules": [],
            },
        )
        group["rules"].append(
            {
                "name": rule.name,
                "query": rule.text,
                "duration": rule.hold,
                "labels": rule.labels,
                "annotations": rule.annotations,
                "alerts": [alert(entry) for entry in active],
                "health": "ok",
                "state": "firing" if "firing" in states else "pending" if states else "inactive",
                "type": "alerting",
            }
        )
    return {"groups": list(groups.values())}


def targets(known: Sequence[dict[str, str]]) -> Json:
    """The data of /api/v1/targets."""
    rows = [{"labels": labels, "scrapePool": "pods", "health": "up", "lastError": ""} for labels in known]
    return {"activeTargets": rows, "droppedTargets": []}


def alertmanager(active: Iterable[Alert], now: float, filters: Sequence[str]) -> list[Json]:
    """The firing alerts as /api/v2/alerts lists them; `filters` are matchers such as alertname="X"."""
    wanted = [text.replace('"', "").partition("=") for text in filters]
    return [
        _gettable(entry, now)
        for entry in active
        if entry.firing_at is not None and all(entry.labels.get(name) == value for name, _, value in wanted)
    ]


def _gettable(entry: Alert, now: float) -> Json:
    assert entry.firing_at is not None
    text = "".join(f"{name}\xff{value}\xff" for name, value in sorted(entry.labels.items()))
    return {
        "labels": entry.labels,
        "annotations": entry.annotations,
        "startsAt": rfc3339(entry.firing_at),
        "endsAt": rfc3339(now + 240),
        "updatedAt": rfc3339(now),
        "fingerprint": hashlib.sha256(text.encode()).hexdigest()[:16],
        "receivers": [{"name": "none"}],
        "status": {"state": "active", "inhibitedBy": [], "silencedBy": []},
        "generatorURL": f"/prometheus/graph?g0.expr={quote_plus(entry.rule.text)}&g0.tab=1",
    }
