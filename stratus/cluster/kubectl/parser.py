"""Command lines as kubectl's own parser (pflag) reads them, so that a flag never means something else here than there."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stratus.domain.errors import InvalidInput

FlagKind = Literal["truth", "text", "number", "words", "array", "optional"]
"""``words`` are split at commas and repeated, an ``array`` is only repeated, ``optional`` takes its value only after "="."""

_TRUTHS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


@dataclass(frozen=True)
class Flag:
    """One flag of a verb."""

    name: str
    kind: FlagKind = "text"
    short: str = ""
    bare: str = ""
    """The value of an ``optional`` flag that is given without one."""
    refused: str = ""
    """Why STRATUS does not take it, and what to do instead; "" when it does."""
    ignored: bool = False
    """It changes nothing here (output, waiting, verbosity)."""

    def __str__(self) -> str:
        """``--namespace (-n)``."""
        return f"--{self.name} (-{self.short})" if self.short else f"--{self.name}"


@dataclass(frozen=True)
class Flags:
    """The flags that were given, by name, with their raw values in order."""

    given: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """It was given, whatever its value."""
        return name in self.given

    def text(self, name: str, default: str = "") -> str:
        """The last value given."""
        return self.given[name][-1] if name in self.given else default

    def truth(self, name: str, default: bool = False) -> bool:
        """The value of a boolean flag."""
        return _TRUTHS[self.given[name][-1].lower()] if name in self.given else default

    def number(self, name: str, default: int = 0) -> int:
        """The value of an integer flag."""
        return int(self.given[name][-1]) if name in self.given else default

    def words(self, name: str) -> list[str]:
        """Every value of a repeated flag, in order."""
        return list(self.given.get(name, ()))


@dataclass(frozen=True)
class Parsed:
    """A command line after parsing."""

    args: tuple[str, ...]
    """The positional arguments before ``--``."""
    rest: tuple[str, ...] | None
    """What follows ``--``; None when there is no ``--``."""
    flags: Flags


def parse(words: Sequence[str], flags: Iterable[Flag], *, where: str) -> Parsed:
    """Split ``words`` into positional arguments and flags.

    ``where`` names the verb in messages. Raises InvalidInput for an unknown, refused or malformed flag.
    """
    reader = _Reader(list(words), list(flags), where)
    return reader.read()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean "scale"?``, or "" when nothing is close."""
    close = difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


class _Reader:
    def __init__(self, words: list[str], flags: list[Flag], where: str) -> None:
        self._words = words
        self._where = where
        self._long = {flag.name: flag for flag in flags}
        self._short = {flag.short: flag for flag in flags if flag.short}
        self._given: dict[str, list[str]] = {}

    def read(self) -> Parsed:
        args: list[str] = []
        rest: tuple[str, ...] | None = None
        while self._words:
            word = self._words.pop(0)
            if word == "--":
                rest = tuple(self._words)
                break
            if word.startswith("--"):
                self._read_long(word[2:])
            elif word.startswith("-") and word != "-":
                self._read_short(word[1:])
            else:
                args.append(word)
        return Parsed(tuple(args), rest, Flags(self._given))

    def _read_long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self._long.get(name)
        if flag is None:
            hint = did_you_mean(f"--{name}", (f"--{known}" for known in self._long))
            raise InvalidInput(f"unknown flag --{name} for kubectl {self._where}{hint}")
        self._take(flag, value if equals else None)

    def _read_short(self, letters: str) -> None:
        while letters:
            flag = self._short.get(letters[0])
            if flag is None:
                raise InvalidInput(f"unknown flag -{letters[0]} for kubectl {self._where}")
            letters = letters[1:]
            if letters.startswith("="):
                self._take(flag, letters[1:])
                return
            if flag.kind == "truth":
                self._take(flag, None)
                continue
            self._take(flag, letters or None)
            return

    def _take(self, flag: Flag, value: str | None) -> None:
        if flag.refused:
            raise InvalidInput(f"{flag} is not taken: {flag.refused}")
        if value is None:
            value = self._implied(flag)
        self._given.setdefault(flag.name, []).extend(_checked(flag, value))

    def _implied(self, flag: Flag) -> str:
        if flag.kind == "truth":
            return "true"
        if flag.kind == "optional":
            return flag.bare
        if not self._words:
            raise InvalidInput(f"{flag} needs a value")
        return self._words.pop(0)


def _checked(flag: Flag, value: str) -> list[str]:
    if flag.kind == "truth" and value.lower() not in _TRUTHS:
        raise InvalidInput(f'{flag} is true or false, not "{value}"')
    if flag.kind == "number" and not value.removeprefix("-").isdecimal():
        raise InvalidInput(f'{flag} is a whole number, not "{value}"')
    if flag.kind == "words":
        return next(csv.reader([value]), [""])
    return [value]
