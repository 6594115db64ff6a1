"""Kubernetes timestamps."""

from __future__ import annotations

from datetime import UTC, datetime

EPOCH = datetime.fromtimestamp(0, UTC)
"""Stands for a time that an object does not carry."""


def when(stamp: object) -> datetime:
    """An RFC 3339 timestamp, aware; EPOCH when there is none or it cannot be read."""
    if not isinstance(stamp, str) or not stamp:
        return EPOCH
    try:
        parsed = datetime.fromisoformat(_microseconds(stamp))
    except ValueError:
        return EPOCH
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _microseconds(stamp: str) -> str:
    """Prometheus writes nanoseconds, of which Python reads the first six digits."""
    head, dot, fraction = stamp.partition(".")
    if not dot:
        return stamp
    digits = len(fraction) - len(fraction.lstrip("0123456789"))
    return f"{head}.{fraction[: min(digits, 6)]}{fraction[digits:]}"
