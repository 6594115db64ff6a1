"""PromQL's binary operators and their vector matching."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from stratus.sandbox.traffic.promql.ast import Binary, Matching, PromqlError
from stratus.sandbox.traffic.promql.values import Labels, Point, Value, Vector, without_name

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}
SETS = ("and", "or", "unless")
Signature = tuple[tuple[str, str], ...]


def _divide(left: float, right: float) -> float:
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": lambda left, right: math.fmod(left, right) if right else math.nan,
    "^": lambda left, right: float(left**right),
}


def binary(expression: Binary, left: Value, right: Value) -> Value:
    """The value of an operation. Raises PromqlError for operands it does not take."""
    sides = (left, right)
    if not all(isinstance(side, float | list) for side in sides):
        raise PromqlError("binary expression must contain only scalar and instant vector types")
    if isinstance(left, list) and isinstance(right, list):
        return _sets(expression, left, right) if expression.operator in SETS else _join(expression, left, right)
    if expression.operator in SETS:
        raise PromqlError(f'set operator "{expression.operator}" not allowed in binary scalar expression')
    if isinstance(left, float) and isinstance(right, float):
        return _scalars(expression, left, right)
    vector = left if isinstance(left, list) else right
    assert isinstance(vector, list)
    return _with_scalar(expression, vector, left, right)


def _scalars(expression: Binary, left: float, right: float) -> float:
    if expression.operator in COMPARE:
        if not expression.boolean:
            raise PromqlError("comparisons between scalars must use BOOL modifier")
        return float(COMPARE[expression.operator](left, right))
    return ARITHMETIC[expression.operator](left, right)


def _with_scalar(expression: Binary, vector: Vector, left: Value, right: Value) -> Vector:
    result = []
    for point in vector:
        a = left if isinstance(left, float) else point.value
        b = right if isinstance(right, float) else point.value
        kept = _apply(expression, a, b, point.value)
        if kept is not None:
            plain = expression.operator in COMPARE and not expression.boolean
            result.append(Point(point.labels if plain else without_name(point.labels), kept))
    return result


def _apply(expression: Binary, left: float, right: float, kept: float) -> float | None:
    """The result for one pair; None when a filtering comparison drops it."""
    if expression.operator not in COMPARE:
        return ARITHMETIC[expression.operator](left, right)
    holds = COMPARE[expression.operator](left, right)
    if expression.boolean:
        return float(holds)
    return kept if holds else None


def _signature(matching: Matching, labels: Labels) -> Signature:
    if matching.on:
        return tuple((name, labels.get(name, "")) for name in sorted(matching.labels))
    return tuple(sorted((n, v) for n, v in labels.items() if n != "__name__" and n not in matching.labels))


def _sets(expression: Binary, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    if expression.operator == "or":
        have = {_signature(matching, point.labels) for point in left}
        return [*left, *(point for point in right if _signature(matching, point.labels) not in have)]
    have = {_signature(matching, point.labels) for point in right}
    wanted = expression.operator == "and"
    return [point for point in left if (_signature(matching, point.labels) in have) is wanted]


def _join(expression: Binary, left: Vector, right: Vector) -> Vector:
    matching = expression.matching
    many, one = (right, left) if matching.group == "right" else (left, right)
    partners: dict[Signature, Point] = {}
    for point in one:
        signature = _signature(matching, point.labels)
        if signature in partners:
            raise PromqlError(
                "found duplicate series for the match group on the "
                f"{'left' if matching.group == 'right' else 'right'} hand-side of the operation; many-to-many "
                "matching not allowed: matching labels must be unique on one side", "execution"
            )  # fmt: skip
        partners[signature] = point
    result: Vector = []
    seen: set[Signature] = set()
    for point in many:
        signature = _signature(matching, point.labels)
        partner = partners.get(signature)
        if partner is None:
            continue
        if not matching.group and signature in seen:
            raise PromqlError("multiple matches for labels: many-to-one matching must be explicit", "execution")
        seen.add(signature)
        a, b = (partner, point) if matching.group == "right" else (point, partner)
        value = _apply(expression, a.value, b.value, a.value)
        if value is not None:
            result.append(Point(_labels(expression, point, partner, signature), value))
    return result


def _labels(expression: Binary, point: Point, partner: Point, signature: Signature) -> Labels:
    matching = expression.matching
    if matching.group:
        labels = without_name(point.labels)
        labels.update({name: partner.labels[name] for name in matching.include if name in partner.labels})
        return labels
    if expression.operator in COMPARE and not expression.boolean:
        keep = point.labels if not matching.on else {n: v for n, v in point.labels.items() if n in matching.labels}
        return dict(keep)
    return {name: value for name, value in signature if value}
