"""A command line as one string, split as a shell would, with nothing of a shell behind it."""

from __future__ import annotations

import shlex

from stratus.domain.errors import InvalidInput

_OPERATORS = {
    "|": "a pipe",
    "&": "a background job or a list of commands",
    ";": "a list of commands",
    "<": "a redirection",
    ">": "a redirection",
    "(": "a subshell",
    ")": "a subshell",
    "\n": "a list of commands",
}
_ADVICE = (
    "STRATUS runs no shell. Give one kubectl command, a manifest on standard input (-f -), and quote literal signs"
)


def split_line(line: str) -> list[str]:
    """The words of ``line``. Raises InvalidInput for pipes, redirections, substitutions and unbalanced quotes."""
    line = line.strip().replace("\\\n", " ")
    _refuse_shell(line)
    try:
        return shlex.split(line)
    except ValueError as error:
        raise InvalidInput(f"the command cannot be split into words: {error}") from error


def _refuse_shell(line: str) -> None:
    quote = ""
    escaped = False
    for position, sign in enumerate(line):
        if escaped:
            escaped = False
        elif quote == "'":
            quote = "" if sign == "'" else quote
        elif sign == "\\":
            escaped = True
        elif sign in "'\"":
            quote = "" if sign == quote else quote or sign
        elif sign == "`" or (sign == "$" and _expands(line[position + 1 : position + 2])):
            raise InvalidInput(f"a substitution at {line[position : position + 12]!r}: {_ADVICE}")
        elif not quote and sign in _OPERATORS:
            raise InvalidInput(f"{_OPERATORS[sign]} at {line[position : position + 12]!r}: {_ADVICE}")


def _expands(following: str) -> bool:
    return bool(following) and (following.isalnum() or following in "_({@*#?$!-")
