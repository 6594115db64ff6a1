"""PromQL gives what Prometheus gives: by hand for the basics, and against promtool where it is installed."""

from __future__ import annotations

import math
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from stratus.sandbox.traffic.promql.ast import PromqlError
from stratus.sandbox.traffic.promql.evaluate import Evaluator
from stratus.sandbox.traffic.promql.parser import duration, parse
from stratus.sandbox.traffic.promql.values import Value
from stratus.sandbox.traffic.series import Database

STEP = 2.0
SAMPLES = 120  # scrapes
END = STEP * (SAMPLES - 1)

Rows = dict[str, list[float | None]]


def fill(rows: Rows) -> Database:
    """A database from 'name{labels}' → one value per scrape (None: not exported)."""
    database = Database(STEP)
    for text, values in rows.items():
        selector = parse(text)
        labels = {m.label: m.value for m in selector.matchers}  # type: ignore[union-attr]
        series = None
        for index, value in enumerate(values):
            if value is not None:
                series = database.record(index * STEP, selector.name, labels, value)  # type: ignore[union-attr]
            elif series is not None:
                database.vanish(index * STEP, series)
    return database


def ask(database: Database, query: str, at: float = END) -> Value:
    return Evaluator(database, at).value(parse(query))


def numbers(database: Database, query: str, at: float = END) -> list[float]:
    value = ask(database, query, at)
    assert isinstance(value, list)
    return [point.value for point in value]


def counter(rate: int, *, start: int = 0) -> list[float | None]:
    return [float(start + rate * index) for index in range(SAMPLES)]


@pytest.fixture
def database() -> Database:
    return fill(
        {
            'load_requests_total{code="200",target="web"}': counter(8),
            'load_requests_total{code="502",target="web"}': counter(2),
            'load_requests_total{code="200",target="api"}': counter(5),
            'wanted{deployment="a"}': [2.0] * SAMPLES,
            'available{deployment="a"}': [1.0] * SAMPLES,
            'wanted{deployment="b"}': [1.0] * SAMPLES,
            'available{deployment="b"}': [1.0] * SAMPLES,
        }
    )


def test_an_error_rate_as_the_rules_write_it(database: Database) -> None:
    query = (
        'sum by (target) (rate(load_requests_total{code!="200"}[20s])) / '
        "sum by (target) (rate(load_requests_total[20s])) > 0.1"
    )
    value = ask(database, query)
    assert isinstance(value, list)
    assert [(point.labels, round(point.value, 9)) for point in value] == [({"target": "web"}, 0.2)]


def test_a_comparison_of_two_metrics_keeps_the_left_value_and_its_name(database: Database) -> None:
    value = ask(database, "wanted != available")
    assert isinstance(value, list)
    assert [(p.labels, p.value) for p in value] == [({"__name__": "wanted", "deployment": "a"}, 2.0)]


def test_a_series_that_vanished_is_stale_at_once() -> None:
    database = fill({"gone": [1.0] * 60 + [None] * 60})
    assert numbers(database, "gone", 59 * STEP) == [1.0]
    assert numbers(database, "gone", 60 * STEP) == []
    assert numbers(database, "absent(gone)") == [1.0]


def test_a_value_that_stays_costs_one_sample() -> None:
    database = fill({"still": [3.0] * SAMPLES})
    (series,) = database.select("still", lambda labels: True)
    assert len(series.times) == 1
    assert numbers(database, "avg_over_time(still[1m])") == [3.0]


@pytest.mark.parametrize(
    "query",
    [
        "sum(",
        "rate(x)",
        "x[5m] + 1",
        "foo bar",
        'x{a="b"',
        "nofunction(x)",
        "1 == 1",
        "x offset",
        "sum(x[1m])",
        "x{a~'b'}",
        "@",
    ],
)
def test_what_is_no_query_is_refused(database: Database, query: str) -> None:
    with pytest.raises(PromqlError):
        ask(database, query)


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("100ms", 0.1), ("2d", 172800)])
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


def random_rows(rng: random.Random) -> Rows:
    """Counters that rest, grow and are reset, gauges that jump, series that come and go."""
    rows: Rows = {}
    for number in range(8):
        value, values = 0.0, []
        for _ in range(SAMPLES):
            if rng.random() < 0.5:
                value += rng.randrange(10)
            if rng.random() < 0.02:
                value = 0.0
            values.append(value)
        begin, end = (rng.randrange(0, 60), rng.randrange(70, SAMPLES)) if number % 3 == 2 else (0, SAMPLES)
        kept = [v if begin <= i < end else None for i, v in enumerate(values)]
        rows[f'requests_total{{app="{"ab"[number % 2]}",pod="p{number}"}}'] = kept
        gauge = [float(rng.randrange(4)) for _ in range(SAMPLES)]
        rows[f'ready{{app="{"ab"[number % 2]}",pod="p{number}"}}'] = list(gauge)
    return rows


QUERIES = (
    "requests_total", "rate(requests_total[20s])", "increase(requests_total[1m])", "irate(requests_total[30s])",
    "sum by (app) (rate(requests_total[40s]))", "sum(rate(requests_total[40s])) by (pod)",
    "rate(requests_total[20s] offset 30s)", "delta(ready[30s])", "changes(ready[1m])", "resets(requests_total[2m])",
    "avg_over_time(ready[30s])", "max_over_time(ready[1m])", "min_over_time(requests_total[30s])",
    "count(ready == 0)", "ready > 1", "ready >= bool 2", "ready * on(pod, app) requests_total",
    "requests_total / on(app) group_left sum by (app) (requests_total)", "ready == 0 and on(pod) requests_total > 100",
    "ready unless on(pod) requests_total > 100", "requests_total > 300 or ready > 2", "topk(2, requests_total)",
    "max without (pod) (ready)", "avg(ready) by (app)", "stddev(ready)", "quantile(0.5, ready)",
    "-ready + 2 ^ 3 % 5",
    'label_replace(ready, "x", "$1-y", "pod", "p(.*)")', "clamp_max(requests_total, 50)", "round(ready / 3, 0.5)",
    'requests_total{app=~"a|c", pod!~"p[0-3]"}', "absent(nothing{app=\"q\"})", "scalar(sum(ready)) * ready",
    "max_over_time(sum by (app) (ready)[1m:10s])", "abs(ready - 2)", "vector(3) + 1", "1 + 2 * 3", "(ready + 1) / 0",
)  # fmt: skip


def promtool_2() -> bool:
    """Version 2, whose ranges include their start as ours do; version 3 leaves it out."""
    if shutil.which("promtool") is None:
        return False
    done = subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=False)
    return "version 2." in done.stdout + done.stderr


@pytest.mark.skipif(not promtool_2(), reason="promtool 2 is not installed")
@pytest.mark.parametrize("seed", [1, 2])
def test_every_query_gives_what_prometheus_gives(seed: int, tmp_path: Path) -> None:
    rows = random_rows(random.Random(seed))
    database = fill(rows)
    tests = []
    for text in QUERIES:
        # The two programs add in another order where they extrapolate or average, and differ in the last bit.
        query = f"round(({text}) * 1e6)" if re.search("rate|increase|avg|std|delta", text) else text
        for at in (80.0, 150.0, 238.0):
            tests.append({"expr": query, "eval_time": f"{int(at)}s", "exp_samples": samples(ask(database, query, at))})
    series = [
        {"series": text, "values": " ".join("_" if v is None else f"{v:g}" for v in values)}
        for text, values in rows.items()
    ]
    # promtool has no stale markers in its short notation before a gap of five minutes, so vanished series end in "stale".
    for entry, values in zip(series, rows.values(), strict=True):
        if values[-1] is None:
            last = max(i for i, v in enumerate(values) if v is not None)
            words = entry["values"].split()
            entry["values"] = " ".join([*words[: last + 1], "stale"])
    file = tmp_path / "queries.yml"
    group = {"interval": "2s", "input_series": series, "promql_expr_test": tests}
    file.write_text(yaml.safe_dump({"rule_files": [], "evaluation_interval": "2s", "tests": [group]}))
    done = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def samples(value: Value) -> list[dict[str, object]]:
    """The expectation in promtool's notation."""
    if isinstance(value, float):
        return [{"labels": "", "value": value}]
    assert isinstance(value, list)
    return [{"labels": labels(point.labels), "value": special(point.value)} for point in value]


def labels(found: dict[str, str]) -> str:
    name = found.get("__name__", "")
    inner = ",".join(f'{key}="{text}"' for key, text in sorted(found.items()) if key != "__name__")
    return f"{name}{{{inner}}}"


def special(value: float) -> object:
    return value if math.isfinite(value) else float(value)
