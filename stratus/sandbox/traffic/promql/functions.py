"""PromQL's functions over vectors and ranges, with Prometheus' own extrapolation of rates."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Sequence

from stratus.sandbox.traffic.promql.aggregate import quantile
from stratus.sandbox.traffic.promql.ast import Call, Selector
from stratus.sandbox.traffic.promql.values import Labels, Point, Range, Value, Vector, without_name

Samples = Sequence[tuple[float, float]]


def kind(value: Value) -> str:
    """Prometheus' name of a value's type."""
    names = ((float, "scalar"), (str, "string"), (list, "instant vector"))
    return next((name for type_, name in names if isinstance(value, type_)), "range vector")


def increase_of(samples: Samples) -> float:
    """The growth of a counter between the first and the last sample, resets included."""
    total = samples[-1][1] - samples[0][1]
    for (_, before), (_, after) in itertools.pairwise(samples):
        if after < before:
            total += before
    return total


def extrapolated(samples: Samples, start: float, end: float, change: float, *, counter: bool) -> float:
    """`change` between the samples, extrapolated to the window as Prometheus' extrapolatedRate does."""
    first, last = samples[0][0], samples[-1][0]
    sampled = last - first
    # Equal values are stored once, so the real number of scrapes comes from the grid, not from the list.
    average = _grid(samples)
    before, after = first - start, end - last
    if counter and change > 0 and samples[0][1] >= 0:
        before = min(before, sampled * samples[0][1] / change)
    threshold = average * 1.1
    reach = sampled + (before if before < threshold else average / 2) + (after if after < threshold else average / 2)
    return change * reach / sampled


def _grid(samples: Samples) -> float:
    return min(b[0] - a[0] for a, b in itertools.pairwise(samples))


def _over_time(reducer: Callable[[Samples, Range], float | None]) -> Callable[[Range], Vector]:
    def apply(window: Range) -> Vector:
        if not isinstance(window, Range):
            raise TypeError
        points = ((labels, reducer(samples, window)) for labels, samples in window.rows)
        return [Point(without_name(labels), value) for labels, value in points if value is not None]

    return apply


def _increase(samples: Samples, window: Range) -> float | None:
    if len(samples) < 2:
        return None
    return extrapolated(samples, window.start, window.end, increase_of(samples), counter=True)


def _rate(samples: Samples, window: Range) -> float | None:
    grown = _increase(samples, window)
    return None if grown is None else grown / (window.end - window.start)


def _delta(samples: Samples, window: Range) -> float | None:
    if len(samples) < 2:
        return None
    return extrapolated(samples, window.start, window.end, samples[-1][1] - samples[0][1], counter=False)


def _irate(samples: Samples, window: Range) -> float | None:
    if len(samples) < 2:
        return None
    (t0, v0), (t1, v1) = samples[-2:]
    return (v1 - v0 if v1 >= v0 else v1) / (t1 - t0)


def _changes(samples: Samples, window: Range) -> float | None:
    return float(sum(a[1] != b[1] for a, b in itertools.pairwise(samples)))


def _resets(samples: Samples, window: Range) -> float | None:
    return float(sum(b[1] < a[1] for a, b in itertools.pairwise(samples)))


def _average(samples: Samples, window: Range) -> float | None:
    """The mean over the scrape grid: a value held for long weighs by its time."""
    if len(samples) < 2:
        return samples[0][1]
    step = _grid(samples)
    weights = [max(1.0, round((b[0] - a[0]) / step)) for a, b in itertools.pairwise(samples)] + [1.0]
    return math.fsum(w * s[1] for w, s in zip(weights, samples, strict=True)) / math.fsum(weights)


def _map(function: Callable[..., float]) -> Callable[..., Vector]:
    def apply(vector: Vector, *rest: float) -> Vector:
        if not isinstance(vector, list):
            raise TypeError
        return [Point(without_name(point.labels), function(point.value, *rest)) for point in vector]

    return apply


def _round(value: float, to: float = 1.0) -> float:
    return math.floor(value / to + 0.5) * to


def label_replace(vector: Vector, target: str, replacement: str, source: str, pattern: str) -> Vector:
    """Sets a label from another by a fully anchored regular expression; $1 is its first group."""
    expression = re.compile(pattern)
    template = re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", replacement)
    result = []
    for point in vector:
        match = expression.fullmatch(point.labels.get(source, ""))
        labels: Labels = dict(point.labels)
        if match:
            labels[target] = match.expand(template)
            if not labels[target]:
                del labels[target]
        result.append(Point(labels, point.value))
    return result


def label_join(vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """Joins labels into one."""
    return [
        Point({**point.labels, target: separator.join(point.labels.get(name, "") for name in sources)}, point.value)
        for point in vector
    ]


def scalar(vector: Vector) -> float:
    """The value of a one-element vector, else NaN."""
    return vector[0].value if len(vector) == 1 else math.nan


def vector(value: float) -> Vector:
    """A scalar as a vector without labels."""
    return [Point({}, float(value))]


def absent(call: Call, value: Value) -> Vector:
    """1 with the selector's equality labels when the argument is empty."""
    rows = value.rows if isinstance(value, Range) else value
    if rows:
        return []
    argument = call.arguments[0]
    labels = (
        {m.label: m.value for m in argument.matchers if m.operator == "="} if isinstance(argument, Selector) else {}
    )
    return [Point(labels, 1.0)]


def histogram_quantile(q: float, buckets: Vector) -> Vector:
    """Quantiles of classic histograms, interpolated linearly inside a bucket."""
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for point in buckets:
        labels = without_name(point.labels)
        bound = labels.pop("le", None)
        if bound is not None:
            groups.setdefault(tuple(sorted(labels.items())), []).append((float(bound), point.value))
    return [Point(dict(key), _bucket_quantile(q, sorted(rows))) for key, rows in groups.items()]


def _bucket_quantile(q: float, rows: list[tuple[float, float]]) -> float:
    total = rows[-1][1]
    if not total or rows[-1][0] != math.inf or len(rows) < 2:
        return math.nan
    rank = q * total
    lower, below = 0.0, 0.0
    for bound, count in rows:
        if count >= rank:
            if bound == math.inf:
                return rows[-2][0]
            return lower + (bound - lower) * ((rank - below) / (count - below) if count > below else 1.0)
        lower, below = bound, count
    return rows[-2][0]


def _quantile_over_time(q: float, window: Range) -> Vector:
    return [Point(without_name(labels), quantile(q, [v for _, v in samples])) for labels, samples in window.rows]


def _sorted(values: Vector, *, descending: bool) -> Vector:
    return sorted(values, key=lambda point: point.value, reverse=descending)


def pi() -> float:
    """The circle constant."""
    return math.pi


FUNCTIONS: dict[str, Callable[..., Value]] = {
    "rate": _over_time(_rate),
    "increase": _over_time(_increase),
    "irate": _over_time(_irate),
    "delta": _over_time(_delta),
    "changes": _over_time(_changes),
    "resets": _over_time(_resets),
    "avg_over_time": _over_time(_average),
    "max_over_time": _over_time(lambda samples, _: max(value for _, value in samples)),
    "min_over_time": _over_time(lambda samples, _: min(value for _, value in samples)),
    "last_over_time": _over_time(lambda samples, _: samples[-1][1]),
    "present_over_time": _over_time(lambda samples, _: 1.0),
    "quantile_over_time": _quantile_over_time,
    "abs": _map(abs),
    "ceil": _map(math.ceil),
    "floor": _map(math.floor),
    "round": _map(_round),
    "sqrt": _map(lambda value: math.sqrt(value) if value >= 0 else math.nan),
    "clamp_min": _map(lambda value, low: max(value, low)),
    "clamp_max": _map(lambda value, high: min(value, high)),
    "clamp": _map(lambda value, low, high: max(low, min(value, high))),
    "label_replace": label_replace,
    "label_join": label_join,
    "histogram_quantile": histogram_quantile,
    "scalar": scalar,
    "vector": vector,
    "sort": lambda values: _sorted(values, descending=False),
    "sort_desc": lambda values: _sorted(values, descending=True),
    "pi": pi,
}
