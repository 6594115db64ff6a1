"""Text with roles, safe by construction: whatever a cluster, a log or a model puts into a name cannot steer the terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from rich.cells import cell_len, chop_cells, set_cell_size

Role = Literal[
    "", "ok", "bad", "warn", "info", "dim", "strong", "live", "active", "add", "del", "key", "banner", "calm", "title"
]
ROLES: tuple[str, ...] = tuple(role for role in get_args(Role) if role)
"""What a piece of text means; the style sheet says how it looks."""

ELLIPSIS = "…"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_SPELLED = {"\n": "↵", "\r": "␍", "\t": " "}
_CONTROL_PICTURES = 0x2400
_DELETE = 0x7F


def clean(text: str) -> str:
    """``text`` on one line, with everything that a terminal would obey (escapes, controls, bidi overrides) made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_clean_character(character) for character in text)


def _clean_character(character: str) -> str:
    if character in _SPELLED:
        return _SPELLED[character]
    code = ord(character)
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    if code == _DELETE:
        return "␡"
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    # marks that take no cell of their own would pile up on a neighbour that belongs to somebody else's text
    piles_up = category in ("Mn", "Me") or unicodedata.combining(character)
    return character if character.isprintable() and not piles_up else REPLACEMENT


@dataclass(frozen=True)
class Span:
    """A piece of a line. Its text is cleaned when it is made, so no caller can forget it."""

    text: str
    role: Role = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean(self.text))


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Row:
    """A line of a pane. ``key`` names what it shows, for the cursor and the filter; "" cannot be selected."""

    line: Line
    key: str = ""


def line(*pieces: str | Span) -> Line:
    """A line of plain strings and spans, without the empty ones."""
    spans = (Span(piece) if isinstance(piece, str) else piece for piece in pieces)
    return tuple(span for span in spans if span.text)


def text_of(spans: Line) -> str:
    """The text without its roles."""
    return "".join(span.text for span in spans)


def width_of(spans: Line) -> int:
    """Terminal cells."""
    return sum(cell_len(span.text) for span in spans)


def fit(spans: Line, width: int) -> Line:
    """At most ``width`` cells, with an ellipsis when something is cut off."""
    if width_of(spans) <= width:
        return spans
    room, kept = max(0, width - 1), []
    for span in spans:
        size = cell_len(span.text)
        if size > room:
            kept.append(Span(set_cell_size(span.text, room).rstrip() + ELLIPSIS, span.role))
            break
        kept.append(span)
        room -= size
    return tuple(kept) if width > 0 else ()


def clip(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells."""
    return text_of(fit((Span(text),), width))


def pad(text: str, width: int) -> str:
    """``text`` in exactly ``width`` cells."""
    short = clip(text, width)
    return short + " " * (width - cell_len(short))


def spread(left: Line, right: Line, width: int) -> Line:
    """``left`` and ``right`` at the two ends; the left end gives way."""
    right = fit(right, width)
    kept = fit(left, width - width_of(right) - 1)
    gap = width - width_of(kept) - width_of(right)
    return (*kept, Span(" " * max(0, gap)), *right)


def join(parts: Iterable[Line], separator: Span) -> Line:
    """The parts with the separator between them."""
    joined: list[Span] = []
    for part in parts:
        if part:
            joined += [separator, *part] if joined else [*part]
    return tuple(joined)


def wrap(text: str, width: int, limit: int = 0) -> list[str]:
    """``text`` broken at spaces into lines of at most ``width`` cells, at most ``limit`` of them when given."""
    broken: list[str] = []
    for paragraph in text.splitlines() or [""]:
        broken += _wrap_words(clean(paragraph), max(1, width))
    if limit and len(broken) > limit:
        last = broken[limit - 1]
        return [*broken[: limit - 1], clip(last, width - 1).removesuffix(ELLIPSIS) + ELLIPSIS]
    return broken


def _wrap_words(text: str, width: int) -> list[str]:
    lines, current = [], ""
    for word in text.split(" "):
        candidate = f"{current} {word}" if current else word
        if cell_len(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        *full, current = chop_cells(word, width) or [""]
        lines += full
    return [*lines, current]


def labelled(label: str, texts: Sequence[Line], width: int, gutter: int) -> list[Line]:
    """Lines under one label in a gutter of ``gutter`` cells."""
    rows = []
    for number, content in enumerate(texts):
        head = Span(pad(label if number == 0 else "", gutter), "dim")
        rows.append((head, *fit(content, width - gutter)))
    return rows
