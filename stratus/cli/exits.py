"""Exit codes: one meaning each, on every command (docs/cli.md)."""

from __future__ import annotations

from enum import IntEnum

from stratus.domain.errors import (
    Bug,
    Conflict,
    InvalidInput,
    LeaseLost,
    NeedsHuman,
    OutcomeUnknown,
    Refused,
    Retryable,
    StratusError,
    Unobservable,
)


class ExitCode(IntEnum):
    """What a script can rely on."""

    HEALTHY = 0
    """Healthy, or committed and verified, or restored on demand."""
    INTERNAL = 1
    """An error of STRATUS itself; nothing is left changed."""
    USAGE = 2
    """The command line or the configuration is not usable."""
    NOT_FIXED = 3
    """A problem was found and not fixed."""
    BLOCKED = 4
    """Vetoed, denied, refused, or needed an approval that nobody could give."""
    RESTORED = 5
    """Acted, it got worse, undone and verified."""
    DIVERGED = 6
    """The undo is not complete: a human is needed now."""
    UNREACHABLE = 7
    """The cluster or the model cannot be reached."""
    UNKNOWN = 8
    """What became of a write is not known yet."""
    LEASE_HELD = 75
    """Another writer holds the lease (EX_TEMPFAIL)."""
    INTERRUPTED = 130
    TERMINATED = 143


OUTCOME_CODES = {
    "committed": ExitCode.HEALTHY,
    "restored": ExitCode.RESTORED,
    "diverged": ExitCode.DIVERGED,
    "vetoed": ExitCode.BLOCKED,
    "denied": ExitCode.BLOCKED,
    "refused": ExitCode.BLOCKED,
    "expired": ExitCode.BLOCKED,
    "stopped": ExitCode.BLOCKED,
    "unknown": ExitCode.UNKNOWN,
}
"""Exit code of a person's own command, by what became of its transaction."""

_ERRORS: tuple[tuple[type[StratusError], ExitCode], ...] = (
    (InvalidInput, ExitCode.USAGE),
    (LeaseLost, ExitCode.LEASE_HELD),
    (NeedsHuman, ExitCode.DIVERGED),
    (OutcomeUnknown, ExitCode.UNKNOWN),
    (Retryable, ExitCode.UNREACHABLE),
    (Unobservable, ExitCode.UNREACHABLE),
    (Conflict, ExitCode.BLOCKED),
    (Refused, ExitCode.BLOCKED),
    (Bug, ExitCode.INTERNAL),
)


def code_of(error: StratusError) -> ExitCode:
    """The exit code that an error which ends a command stands for."""
    return next((code for kind, code in _ERRORS if isinstance(error, kind)), ExitCode.INTERNAL)
