"""Named points at which a test can kill the engine: every boundary between two durable facts."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class CrashPoint(StrEnum):
    """Where the process may die. Each is passed once per step or transaction, in this order."""

    PROPOSED = "proposed"
    CLASSIFIED = "classified"
    SNAPSHOT = "snapshot"
    REHEARSED = "rehearsed"
    DECIDED = "decided"
    CHECKPOINT = "checkpoint"
    INTENDED = "intended"
    WRITTEN = "written"
    EXECUTED = "executed"
    SETTLED = "settled"
    UNDO_STARTED = "undo-started"
    UNDO_WRITTEN = "undo-written"
    UNDO_STEP = "undo-step"
    UNDO_VERIFIED = "undo-verified"


Reach = Callable[[CrashPoint], None]
"""Called at each point; in production it does nothing."""


def never(point: CrashPoint) -> None:
    """Go on."""
