"""stdout carries results only, stderr the narration; nobody else writes to either."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def clean(text: str) -> str:
    """Without control characters: an object's name or a log line may hold terminal escapes."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


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
    print(clean(text), file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """An error that ends the command, to stderr."""
    print(f"stratus: {clean(text)}", file=sys.stderr, flush=True)
