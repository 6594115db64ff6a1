"""The command as it may be shown and logged: without the secrets that were typed into it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from stratus.domain.steps import Step

_MASK = "REDACTED"
_SECRET_FLAGS = ("--docker-password", "--from-literal", "--patch", "-p", "--overrides")
_SENSITIVE = re.compile(r"(pass(word|wd|phrase)?|secret|token|credential|api[-_]?key|private[-_]?key)", re.IGNORECASE)


def shown_command(words: Sequence[str], steps: Sequence[Step]) -> str:
    """The kubectl command line for people.

    Where a Secret is written, everything that may carry its data is masked; elsewhere, values whose name says that they
    are credentials.
    """
    secret = any(step.target.kind == "Secret" for step in steps)
    shown: list[str] = []
    masked_next = False
    for word in words:
        if masked_next:
            shown.append(_masked(word, secret))
            masked_next = False
            continue
        flag, equals, value = word.partition("=")
        if flag in _SECRET_FLAGS and not equals:
            masked_next = True
            shown.append(word)
        elif flag in _SECRET_FLAGS:
            shown.append(f"{flag}={_masked(value, secret or flag == '--docker-password')}")
        elif equals and _SENSITIVE.search(flag) and not flag.startswith("--"):
            shown.append(f"{flag}={_MASK}")
        else:
            shown.append(word)
    return shlex.join(["kubectl", *shown])


def _masked(value: str, secret: bool) -> str:
    if not secret:
        return value
    key, equals, _ = value.partition("=")
    return f"{key}={_MASK}" if equals and "{" not in key else _MASK
