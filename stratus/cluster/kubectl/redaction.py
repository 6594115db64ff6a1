"""The command as it may be shown and logged: without the secrets that were typed into it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from stratus.domain.credentials import PATTERN
from stratus.domain.steps import Step

_MASK = "REDACTED"
_DATA_FLAGS = ("--from-literal", "--patch", "-p", "--overrides")
"""Flags whose value may be the data of a Secret."""
_PAIR = re.compile(rf"((?:^|[=,])[^=,]*(?:{PATTERN})[^=,]*=)[^,]+", re.IGNORECASE)


def shown_command(words: Sequence[str], steps: Sequence[Step]) -> str:
    """The kubectl command line for people.

    Where a Secret is written, everything that may carry its data is masked; elsewhere, values whose name says that they
    are credentials.
    """
    hidden = _DATA_FLAGS if any(step.target.kind == "Secret" for step in steps) else ()
    shown: list[str] = []
    for word in words:
        before = shown[-1] if shown else ""
        if before in hidden:
            shown.append(_data(word))
        elif before == "--docker-password":
            shown.append(_MASK)
        else:
            shown.append(_word(word, hidden))
    return shlex.join(["kubectl", *shown])


def _word(word: str, hidden: Sequence[str]) -> str:
    flag, equals, value = word.partition("=")
    if equals and flag in hidden:
        return f"{flag}={_data(value)}"
    if "-p" in hidden and word.startswith("-p") and len(word) > 2:
        return f"-p{_MASK}"
    return _PAIR.sub(rf"\g<1>{_MASK}", word)


def _data(value: str) -> str:
    """``key=value`` keeps its key; anything else (a patch) is masked as a whole."""
    key, equals, _ = value.partition("=")
    return f"{key}={_MASK}" if equals and re.fullmatch(r"[-._a-zA-Z0-9]+", key) else _MASK
