"""Kubernetes quantities ("100m", "96Mi", "1.5", "2e3"): exact arithmetic and the canonical text.

Quota, scheduling, limits and metrics all compare them, and the text that comes out is part of what clients see, so the
rules are those of k8s.io/apimachinery/pkg/api/resource: the suffix family is kept, the mantissa is an integer.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Family = Literal["binary", "decimal", "exponent"]

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
PATTERN = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d+))?$")


@lru_cache(maxsize=4096)
def parse(quantity: str | int | float) -> Fraction:
    """The exact amount. Raises ValueError for text that is no quantity."""
    match = PATTERN.match(str(quantity))
    if not match:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, binary, decimal, exponent = match.groups()
    amount = Fraction(number)
    if binary:
        return amount * Fraction(1024 ** BINARY[binary])
    if decimal:
        return amount * Fraction(1000) ** DECIMAL[decimal]
    return amount * Fraction(10) ** int(exponent) if exponent else amount


def family(quantity: str | int | float) -> Family:
    """The suffix family in which a quantity is written; a plain number is decimal."""
    match = PATTERN.match(str(quantity))
    if match and match[2]:
        return "binary"
    return "exponent" if match and match[4] else "decimal"


def milli(quantity: str | int | float) -> int:
    """Thousandths, rounded up, as Quantity.MilliValue()."""
    return math.ceil(parse(quantity) * 1000)


def value(quantity: str | int | float) -> int:
    """Whole units, rounded up, as Quantity.Value()."""
    return math.ceil(parse(quantity))


def text(amount: Fraction | int, kind: Family = "decimal") -> str:
    """The canonical form: the largest suffix of the family that leaves an integer mantissa."""
    amount = Fraction(amount)
    if not amount:
        return "0"
    if kind == "binary" and amount.denominator == 1:
        return _binary(amount.numerator)
    if kind == "exponent":
        return _scaled(amount, {f"e{3 * power}" if power else "": power for power in DECIMAL.values()})
    return _scaled(amount, DECIMAL)


@lru_cache(maxsize=4096)
def canonical(quantity: str | int | float) -> str:
    """A quantity as the API server stores it ("0.1" → "100m", "1024Mi" → "1Gi")."""
    return text(parse(quantity), family(quantity))


def _binary(amount: int) -> str:
    best = ""
    for suffix, power in BINARY.items():
        if amount % 1024**power == 0:
            best = suffix
    return f"{amount // 1024 ** BINARY[best]}{best}" if best else str(amount)


def _scaled(amount: Fraction, suffixes: dict[str, int]) -> str:
    for suffix, power in sorted(suffixes.items(), key=lambda item: -item[1]):
        mantissa = amount / Fraction(1000) ** power
        if mantissa.denominator == 1:
            return f"{mantissa.numerator}{suffix}"
    return f"{math.ceil(amount * 10**9)}n"
