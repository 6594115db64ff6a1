"""What PromQL expressions evaluate to."""

from __future__ import annotations

from dataclasses import dataclass, field

Labels = dict[str, str]


@dataclass(frozen=True)
class Point:
    """One element of an instant vector; `labels` may hold __name__."""

    labels: Labels
    value: float


Vector = list[Point]


@dataclass
class Range:
    """A range vector: samples of [start, end] per series, as Prometheus 2 has it."""

    start: float
    end: float
    rows: list[tuple[Labels, list[tuple[float, float]]]] = field(default_factory=list)


Value = float | str | Vector | Range


def without_name(labels: Labels) -> Labels:
    """The labels of a derived value."""
    return {name: value for name, value in labels.items() if name != "__name__"}
