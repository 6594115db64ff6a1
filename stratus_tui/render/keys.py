"""The footer and the help, from the bindings that are live now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus_tui.render.lines import Row, Span, line, pad, width_of, wrap

_HELP_GUTTER = 24


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
        rows += [row for key in keys if key.group == group for row in _help_rows(key, width)]
    return rows


def _help_rows(key: Key, width: int) -> list[Row]:
    state = "" if key.enabled else " (not possible now)"
    texts = wrap(key.help + state, max(20, width - _HELP_GUTTER))
    head = (Span("  "), Span(pad(key.key, 10), "key"), Span(pad(key.label, _HELP_GUTTER - 12)))
    rest = [Row(line(" " * _HELP_GUTTER, Span(text, "dim"))) for text in texts[1:]]
    return [Row((*head, Span(texts[0], "dim"))), *rest]
