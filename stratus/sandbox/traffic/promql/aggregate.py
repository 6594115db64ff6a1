"""PromQL's aggregations."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from stratus.sandbox.traffic.promql.ast import Aggregation, PromqlError
from stratus.sandbox.traffic.promql.values import Labels, Point, Value, Vector, without_name


def quantile(q: float, values: Sequence[float]) -> float:
    """The q-quantile with linear interpolation, as Prometheus computes it."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    if q < 0 or q > 1:
        return -math.inf if q < 0 else math.inf
    rank = q * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


REDUCERS: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": _variance,
    "stddev": lambda values: math.sqrt(_variance(values)),
}


def aggregate(expression: Aggregation, vector: Vector, parameter: Value | None) -> Vector:
    """One point per group, or for topk and bottomk the chosen points themselves. Raises PromqlError."""
    groups: dict[tuple[tuple[str, str], ...], tuple[Labels, Vector]] = {}
    for point in vector:
        labels = _group(expression, point.labels)
        groups.setdefault(tuple(sorted(labels.items())), (labels, []))[1].append(point)
    reducer = REDUCERS.get(expression.function)
    if reducer is not None:
        return [Point(labels, reducer([p.value for p in points])) for labels, points in groups.values()]
    if not isinstance(parameter, float):
        raise PromqlError(f"expected a scalar parameter in {expression.function}")
    if expression.function == "quantile":
        return [Point(labels, quantile(parameter, [p.value for p in points])) for labels, points in groups.values()]
    if expression.function in ("topk", "bottomk"):
        sign = -1 if expression.function == "topk" else 1
        return [
            point
            for _, points in groups.values()
            for point in sorted(points, key=lambda p: sign * p.value)[: int(parameter)]
        ]
    raise PromqlError(f"unsupported aggregation {expression.function}")


def _group(expression: Aggregation, labels: Labels) -> Labels:
    if expression.without:
        return {n: v for n, v in without_name(labels).items() if n not in expression.labels}
    return {name: labels[name] for name in expression.labels if name in labels}
