"""Workloads with their health, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stratus.domain.events import WorkloadRow
from stratus_tui.render.glyphs import WORKLOAD_SIGNS
from stratus_tui.render.lines import Role, Row, Span, clip, fit, line, pad
from stratus_tui.view import View

_ORDER = list(WORKLOAD_SIGNS)
_NAME_MOST = 40


def workloads(view: View, width: int) -> list[Row]:
    """Rows keyed ``workload PATH``."""
    reasons = _reasons(view)
    every = sorted(
        view.board.workloads.values(), key=lambda row: (_ORDER.index(_state(row, reasons)), row.subject.path)
    )
    if not every:
        return [Row(line(Span(" no workload seen yet", "dim")))]
    several = len({row.subject.namespace for row in every}) > 1
    names = [_name(row, several) for row in every]
    room = min(_NAME_MOST, max(8, *(len(name) for name in names)), max(8, width - 12))
    return [_row(row, name, room, reasons, width) for row, name in zip(every, names, strict=True)]


def _name(row: WorkloadRow, several: bool) -> str:
    name = row.subject.name if row.subject.kind == "Deployment" else str(row.subject)
    return f"{row.subject.namespace}/{name}" if several else name


def _reasons(view: View) -> dict[str, str]:
    """The heaviest finding of each subject: findings come heaviest first."""
    return {finding.subject.path: finding.reason for finding in reversed(view.board.health.findings)}


def _state(row: WorkloadRow, reasons: Mapping[str, str]) -> str:
    """Ready pods are not health: a workload about which any oracle has a finding is at least degraded."""
    return "degraded" if row.state == "ok" and row.subject.path in reasons else row.state


def _row(row: WorkloadRow, name: str, room: int, reasons: Mapping[str, str], width: int) -> Row:
    state = _state(row, reasons)
    sign = WORKLOAD_SIGNS[state]
    note = row.note or reasons.get(row.subject.path, "")
    role: Role = "strong" if state in ("failed", "degraded") else ""
    spans = line(
        Span(f" {sign.glyph} ", sign.role), Span(pad(clip(name, room), room), role),
        Span(f" {row.ready}/{row.desired} ".rjust(6), sign.role), Span(f" {note}" if note else "", "dim"),
    )  # fmt: skip
    return Row(fit(spans, width), f"workload {row.subject.path}")


def summary(view: View) -> str:
    """``300 · 2 failed · 1 degraded``, for the title."""
    reasons = _reasons(view)
    counts = Counter(_state(row, reasons) for row in view.board.workloads.values())
    worst = [f"{counts[state]} {state}" for state in ("failed", "degraded", "moving") if counts[state]]
    return " · ".join([str(len(view.board.workloads)), *worst])
