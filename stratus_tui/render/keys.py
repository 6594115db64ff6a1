"""The footer and the help, from the bindings that are live now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus_tui.render.lines import Line, Row, Span, fit, line, pad, width_of


@dataclass(frozen=True)
class Key:
    """One live binding. ``enabled`` False is shown greyed."""

    key: str
    label: str
    enabled: bool = True
    help: str = ""
    group: str = ""


def footer(keys: Sequence[Key], width: int) -> list[Row]:
    """One line, as many keys as fit; the first ones matter most."""
    spans: list[Span] = []
    for key in keys:
        piece = [
            Span(f" {key.key}", "key" if key.enabled else "dim"),
            Span(f" {key.label} ", "" if key.enabled else "dim"),
        ]
        if width_of((*spans, *piece)) > width:
            break
        spans += piece
    return [Row(tuple(spans))]


def help_rows(keys: Sequence[Key], width: int) -> list[Row]:
    """Every live binding, by group."""
    rows: list[Row] = []
    for group in dict.fromkeys(key.group for key in keys):
        rows += [Row(())] if rows else []
        rows.append(Row(line(Span(f" {group}", "title"))))
        rows += [Row(fit(_help_line(key), width)) for key in keys if key.group == group]
    return rows


def _help_line(key: Key) -> Line:
    state = "" if key.enabled else " (not possible now)"
    return line("  ", Span(pad(key.key, 9), "key"), pad(key.label, 12), Span(key.help + state, "dim"))
