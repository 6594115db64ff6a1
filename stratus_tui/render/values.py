"""How times, severities and field values are written, everywhere the same."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import Any

from stratus.domain.severity import CRASHED

SHORT_HASH = 4


def clock(at: datetime) -> str:
    """``02:14:45``, UTC as everything in the log."""
    return at.strftime("%H:%M:%S")


def elapsed(since: datetime, now: datetime) -> str:
    """``00:38``, ``1:02:03`` or ``3 d 04 h``; never negative, for clocks of two machines differ."""
    seconds = max(0, int((now - since).total_seconds()))
    hours, rest = divmod(seconds, 3600)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24:02} h"
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"


def duration(seconds: float) -> str:
    """``18 s``, ``2 min``, ``1 h``: a span that somebody configured or waits for."""
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 * 2 else f"{seconds / 3600:.0f} h"


def severity(value: float | None) -> str:
    """``7``, ``0.5``, ``∞``; ``–`` when it was not measured."""
    if value is None:
        return "–"
    return "∞" if value == CRASHED else f"{value:.4g}"


def field_value(value: Any) -> str:
    """A leaf or a small tree as one line; text without quotes where that is unambiguous."""
    if isinstance(value, str) and value and value == value.strip():
        return value
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def short(digest: str) -> str:
    """The first digits of a content hash."""
    return digest[:SHORT_HASH]
