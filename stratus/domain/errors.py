"""Errors, classed by what must happen next.

StratusError
├── Retryable        the same call may succeed after ``delay`` seconds (429, 500, connection refused before sending)
├── Refused          the server or a policy said no, and nothing changed
│   ├── Absent       there is no such object (404)
│   └── Conflict     a precondition did not hold: somebody wrote in between (409)
├── OutcomeUnknown   a write was sent and its answer was lost: only reading tells whether it landed
├── NeedsHuman       no faithful inverse, or undo diverged: a person must decide
├── Unobservable     something that must be observed cannot be (never "healthy")
├── LeaseLost        this process may not write (any more)
├── InvalidInput     what the user gave is not usable; the message names the fix
└── Bug              an invariant of STRATUS itself does not hold
"""

from __future__ import annotations


class StratusError(Exception):
    """The base of every error that STRATUS raises on purpose."""


class Retryable(StratusError):
    """The same call may succeed later."""

    def __init__(self, message: str, delay: float = 1.0) -> None:
        """``delay``: seconds to wait before the next try."""
        super().__init__(message)
        self.delay = delay


class Refused(StratusError):
    """The answer is no, and nothing changed."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        """``status`` and ``reason`` are those of the Kubernetes Status, when a server said no."""
        super().__init__(message)
        self.status = status
        self.reason = reason


class Absent(Refused):
    """There is no such object."""


class Conflict(Refused):
    """A precondition did not hold."""


class OutcomeUnknown(StratusError):
    """A write was sent, its answer was lost."""


class NeedsHuman(StratusError):
    """Only a person can decide this."""


class Unobservable(StratusError):
    """Something that must be observed cannot be observed now."""


class LeaseLost(StratusError):
    """This process does not hold the writer's lease, or not for long enough."""


class InvalidInput(StratusError):
    """What the user gave is not usable; the message names the fix."""


class Bug(StratusError):
    """An invariant of STRATUS itself does not hold."""
