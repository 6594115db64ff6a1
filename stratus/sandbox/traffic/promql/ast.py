"""Expressions of PromQL as data."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


class PromqlError(ValueError):
    """The query cannot be parsed or evaluated; `kind` is Prometheus' errorType (bad_data or execution)."""

    def __init__(self, message: str, kind: str = "bad_data") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str


@dataclass(frozen=True)
class Matcher:
    label: str
    operator: str
    value: str
    pattern: re.Pattern[str] | None = None

    def matches(self, labels: dict[str, str]) -> bool:
        have = labels.get(self.label, "")
        if self.operator == "=":
            return have == self.value
        if self.operator == "!=":
            return have != self.value
        assert self.pattern is not None
        return (self.pattern.fullmatch(have) is not None) is (self.operator == "=~")


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: tuple[Matcher, ...]
    window: float = 0.0  # seconds; 0 for an instant vector
    offset: float = 0.0

    def matches(self, labels: dict[str, str]) -> bool:
        return all(matcher.matches(labels) for matcher in self.matchers)


@dataclass(frozen=True)
class Subquery:
    inner: Expr
    window: float
    step: float
    offset: float = 0.0


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True)
class Aggregation:
    function: str
    inner: Expr
    labels: tuple[str, ...] = ()
    without: bool = False
    parameter: Expr | None = None


@dataclass(frozen=True)
class Matching:
    """How the two sides of a binary operation find each other."""

    on: bool = False
    labels: tuple[str, ...] = ()
    group: str = ""  # "left" or "right": the many side
    include: tuple[str, ...] = ()


@dataclass(frozen=True)
class Binary:
    operator: str
    left: Expr
    right: Expr
    boolean: bool = False
    matching: Matching = field(default_factory=Matching)


@dataclass(frozen=True)
class Negative:
    inner: Expr


Expr = Number | Text | Selector | Subquery | Call | Aggregation | Binary | Negative
