"""What the agents say: time, role, and text, wrapped under itself."""

from __future__ import annotations

from stratus.domain.incidents import Said
from stratus_tui.render.lines import Role, Row, Span, line, pad, wrap
from stratus_tui.render.values import clock
from stratus_tui.view import View

ROLE_NAMES = {
    "detection": "detect",
    "diagnosis": "diagnose",
    "mitigation": "plan",
    "undo": "undo",
    "conductor": "conduct",
}
KINDS: dict[str, tuple[str, Role]] = {
    "thought": ("…", "dim"),
    "tool": ("»", "info"),
    "observation": ("=", ""),
    "conclusion": ("■", "strong"),
}
"""Glyph and role of each kind of utterance."""
LINES_SHOWN = 4
"""Lines of one utterance in the pane; enter shows all of it."""
NARROW = 46
"""Below this width the time of each line is left out."""
_ROLE_WIDTH = 9


def transcript(view: View, width: int) -> list[Row]:
    """Oldest first, keyed ``said N``."""
    said = lines_of(view)
    if not said:
        return [Row(line(Span(" nobody has said anything", "dim")))]
    return [row for number, each in enumerate(said) for row in _rows(each, f"said {number}", width)]


def lines_of(view: View) -> tuple[Said, ...]:
    """The transcript of the incident on show, else of the last one."""
    incident = view.incident or next(reversed(list(view.board.incidents.values())), None)
    return incident.transcript if incident is not None else ()


def _rows(said: Said, key: str, width: int) -> list[Row]:
    glyph, role = KINDS.get(said.kind, ("·", ""))
    name = ROLE_NAMES.get(said.role, said.role)
    head = f" {clock(said.at)} {pad(name, _ROLE_WIDTH)}"
    indent = len(head) + 2
    if width < NARROW:
        head, indent = f" {pad(name, _ROLE_WIDTH)}", _ROLE_WIDTH + 3
    texts = wrap(said.text, max(10, width - indent), LINES_SHOWN)
    first = Row(line(Span(head, "dim"), Span(f"{glyph} ", role), Span(texts[0], role)), key)
    return [first, *(Row(line(" " * indent, Span(text, role))) for text in texts[1:])]
