"""Severity over time as a stepped line: μ holds its value from one sample to the next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from stratus.domain.projection import Sample
from stratus.domain.severity import CRASHED
from stratus_tui.render.glyphs import tx_sign
from stratus_tui.render.lines import Role, Row, Span, fit, line
from stratus_tui.render.values import clock, severity
from stratus_tui.view import View

LEAST = timedelta(seconds=60)
"""The shortest time that the plot spans."""
MOST = timedelta(minutes=15)
_AXIS = 5


def plot(view: View, width: int, height: int) -> list[Row]:
    """``height`` lines: the curve, the time axis, and the transactions where they were proposed."""
    cells, levels = width - _AXIS, height - 2
    if cells < 8 or levels < 2:
        return [Row(fit(line(f"μ {severity(view.board.health.severity)}"), width))]
    start = _start(view)
    values = columns(view.board.samples, start, view.now, cells)
    bound = view.incident.initial if view.incident is not None else None
    top = _scale(values, bound)
    grid = curve([_level(value, top, levels) for value in values], levels)
    rows = [_plot_row(grid[at], levels - 1 - at, levels, top, bound) for at in range(levels)]
    return [*rows, Row(line(Span(_time_axis(start, view.now, cells), "dim"))), _marks(view, start, cells, width)]


def _start(view: View) -> datetime:
    """A while before the incident opened, so that the way up shows."""
    opened = view.incident.opened if view.incident is not None else view.now - MOST / 3
    span = min(MOST, max(LEAST, (view.now - opened) * 1.25))
    return view.now - span


def columns(samples: Sequence[Sample], start: datetime, end: datetime, cells: int) -> list[float | None]:
    """The worst μ in force during each column, in the last one what is true now; None before the first sample."""
    step = (end - start) / cells
    values: list[float | None] = []
    before: float | None = None
    pending = list(samples)
    while pending and pending[0].at <= start:
        before = pending.pop(0).severity
    for cell in range(1, cells + 1):
        worst = before
        while pending and pending[0].at <= start + step * cell:
            before = pending.pop(0).severity
            worst = before if worst is None else max(worst, before)
        values.append(worst)
    return [*values[:-1], before]


def _scale(values: Sequence[float | None], bound: float | None) -> float:
    finite = [value for value in (*values, bound) if value is not None and value != CRASHED]
    return max(1.0, *finite) if finite else 1.0


def _level(value: float | None, top: float, levels: int) -> int | None:
    if value is None:
        return None
    return levels - 1 if value == CRASHED else round(value / top * (levels - 1))


def curve(heights: Sequence[int | None], levels: int) -> list[str]:
    """Rows of box-drawing characters, topmost first; ``heights`` count from 0 at the bottom."""
    grid = [[" "] * len(heights) for _ in range(levels)]
    previous: int | None = None
    for column, height in enumerate(heights):
        if height is not None:
            _column(grid, column, height, height if previous is None else previous, levels)
        previous = height
    return ["".join(row) for row in grid]


def _column(grid: list[list[str]], column: int, height: int, previous: int, levels: int) -> None:
    grid[levels - 1 - height][column] = "─"
    if height == previous:
        return
    low, high = sorted((height, previous))
    for between in range(low + 1, high):
        grid[levels - 1 - between][column] = "│"
    rising = height > previous
    grid[levels - 1 - previous][column] = "╯" if rising else "╮"
    grid[levels - 1 - height][column] = "╭" if rising else "╰"


def _plot_row(text: str, level: int, levels: int, top: float, bound: float | None) -> Row:
    label = {levels - 1: f"{top:.3g}", 0: "0"}.get(level, "")
    at_bound = bound is not None and level == round(min(bound, top) / top * (levels - 1)) and level > 0
    if at_bound:
        label, text = "b", text.replace(" ", "┄")
    role: Role = "bad" if level > 0 else "ok"
    return Row(line(Span(f"{label:>{_AXIS - 1}}" + ("┤" if label else "│"), "dim"), Span(text, role)))


def _time_axis(start: datetime, now: datetime, cells: int) -> str:
    left, right = clock(start), clock(now)
    gap = cells - len(left) - len(right)
    return " " * (_AXIS - 1) + "└" + (left + "─" * gap + right if gap > 0 else "─" * cells)


def _marks(view: View, start: datetime, cells: int, width: int) -> Row:
    """``↺12.1`` below the moment at which each transaction was proposed; where they would overlap, the newest wins."""
    spans: list[Span] = []
    limit = width
    for tx in reversed(list(view.board.transactions.values())):
        sign = tx_sign(tx, view.now)
        label = f"{sign.glyph}{tx.id}"
        at = min(_AXIS + int((tx.proposed_at - start) / (view.now - start) * cells), limit - len(label))
        if tx.proposed_at < start or at < _AXIS:
            break
        spans = [Span(label, sign.role), Span(" " * (limit - at - len(label))), *spans]
        limit = at - 1
        spans = [Span(" "), *spans]
    return Row(line(Span(" " * limit), *spans))
