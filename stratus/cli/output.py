"""stdout carries results only, stderr the narration; nobody else writes to either."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from stratus.domain.events import Recorded

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal would obey: escapes, and marks that reorder the text after them."""
SPELLED = {"\n": "↵", "\t": " "}
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def clean(text: str) -> str:
    """On one line, without control characters: what a cluster says may hold escapes, or lines that look like ours."""
    return CONTROL.sub(lambda found: SPELLED.get(found[0], "\N{REPLACEMENT CHARACTER}"), text)


class Output:
    """Writes results in the format that was asked for."""

    def __init__(self, form: str = "text", *, color: bool | None = None, stdout: TextIO | None = None) -> None:
        self.form = form
        self._stdout = stdout or sys.stdout
        if color is None:
            color = self._stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._color = color

    def style(self, text: str, *names: str) -> str:
        """``text`` in a terminal style, or as it is without colours."""
        if not self._color or not names:
            return text
        codes = ";".join(STYLES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def line(self, text: str = "") -> None:
        """One line of text."""
        print(text, file=self._stdout, flush=True)

    def json(self, value: Any) -> None:
        """One JSON document: indented for ``json``, one line for ``jsonl``."""
        self.line(json.dumps(value, indent=2 if self.form == "json" else None, ensure_ascii=False, default=str))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns."""
        cells = [[clean(str(cell)) for cell in row] for row in rows]
        widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
        for row in [list(header), *cells]:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def note(text: str) -> None:
    """Narration, to stderr."""
    print(_narration(text), file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """An error that ends the command, to stderr."""
    print(f"stratus: {_narration(text)}", file=sys.stderr, flush=True)


def to_the_end(tell: Callable[[Recorded], None]) -> Callable[[Recorded], None]:
    """``tell``, until what it prints cannot be written: a reader that goes away, as ``head`` does, or a full disk must not
    end a transaction half-way. The journal has everything.
    """
    lost = False

    def told(recorded: Recorded) -> None:
        nonlocal lost
        if lost:
            return
        try:
            tell(recorded)
        except OSError as error:
            lost = True
            forsake(error)

    return told


def forsake(error: OSError) -> None:
    """Let nothing be written any more, not even at exit, to what cannot be written to; and say so, if that can be said."""
    said = f"the output is lost ({error.strerror}): what is under way goes on, and the journal has everything"
    for stream, last_words in ((sys.stdout, sys.stdout.flush), (sys.stderr, lambda: note(said))):
        try:
            last_words()
        except OSError:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())


def _narration(text: str) -> str:
    """What we say ourselves may have several lines."""
    return "\n".join(clean(line) for line in text.splitlines())
