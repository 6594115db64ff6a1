"""Evaluates PromQL expressions at one moment."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from stratus.sandbox.traffic.promql import functions
from stratus.sandbox.traffic.promql.aggregate import aggregate
from stratus.sandbox.traffic.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Negative,
    Number,
    PromqlError,
    Selector,
    Subquery,
    Text,
)
from stratus.sandbox.traffic.promql.binary import binary
from stratus.sandbox.traffic.promql.values import Point, Range, Value, Vector, without_name
from stratus.sandbox.traffic.series import Database

LOOKBACK = 300.0  # seconds; a vanished series is stale at once, so this bounds nothing else
DEFAULT_STEP = 60.0  # of a subquery that names none


@dataclass(frozen=True)
class Evaluator:
    """Evaluation at one time (seconds since the epoch)."""

    database: Database
    at: float

    def value(self, expression: Expr) -> Value:
        """A number, a text, a vector or a range. Raises PromqlError."""
        match expression:
            case Number(value) | Text(value):
                return value
            case Selector():
                return self._selector(expression)
            case Subquery():
                return self._subquery(expression)
            case Negative(inner):
                return self._negative(self.value(inner))
            case Aggregation():
                return self._aggregation(expression)
            case Binary():
                return binary(expression, self.value(expression.left), self.value(expression.right))
            case Call():
                return self._call(expression)

    def _selector(self, selector: Selector) -> Vector | Range:
        at = self.at - selector.offset
        found = self.database.select(selector.name, selector.matches)
        if not selector.window:
            return [
                Point({"__name__": series.name, **series.mapping}, value)
                for series in found
                if not math.isnan(value := series.at(at))
            ]
        start = at - selector.window
        windows = Range(start, at)
        for series in found:
            samples = series.window(start, at, self.database.interval)
            if samples:
                windows.rows.append(({"__name__": series.name, **series.mapping}, samples))
        return windows

    def _subquery(self, query: Subquery) -> Range:
        end = self.at - query.offset
        step = query.step or DEFAULT_STEP
        rows: dict[tuple[tuple[str, str], ...], tuple[dict[str, str], list[tuple[float, float]]]] = {}
        moment = math.ceil((end - query.window) / step) * step
        while moment <= end:
            inner = Evaluator(self.database, moment).value(query.inner)
            points = inner if isinstance(inner, list) else [Point({}, float(inner))] if isinstance(inner, float) else []
            for point in points:
                key = tuple(sorted(point.labels.items()))
                rows.setdefault(key, (point.labels, []))[1].append((moment, point.value))
            moment += step
        return Range(end - query.window, end, list(rows.values()))

    def _negative(self, value: Value) -> Value:
        if isinstance(value, float):
            return -value
        if isinstance(value, list):
            return [Point(without_name(point.labels), -point.value) for point in value]
        raise PromqlError("unary expression only allowed on expressions of type scalar or instant vector")

    def _aggregation(self, expression: Aggregation) -> Vector:
        inner = self.value(expression.inner)
        if not isinstance(inner, list):
            raise PromqlError(f"expected type instant vector in aggregation expression, got {functions.kind(inner)}")
        parameter = self.value(expression.parameter) if expression.parameter is not None else None
        return aggregate(expression, inner, parameter)

    def _call(self, call: Call) -> Value:
        if call.function == "time":
            return self.at
        if call.function in ("absent", "absent_over_time"):
            return functions.absent(call, self.value(call.arguments[0]))
        function: Callable[..., Value] | None = functions.FUNCTIONS.get(call.function)
        if function is None:
            raise PromqlError(f'unknown function with name "{call.function}"')
        arguments = [self.value(argument) for argument in call.arguments]
        try:
            return function(*arguments)
        except (TypeError, AttributeError) as error:
            raise PromqlError(f'wrong arguments in call to function "{call.function}"') from error
