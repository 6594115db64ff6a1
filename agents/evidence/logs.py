"""What applications say in their logs: failing calls, missing settings, refused credentials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

CallKind = Literal["refused", "timeout", "name", "auth", "error"]

_SEVERE: Final = re.compile(
    r"\b(fatal|error|err|panic|critical|exception|traceback|fail(?:ed|ure)?|cannot|can't|could not|unable|missing|required"
    r"|denied|unauthorized|not authorized|refused|timed? ?out|no such)\b|\berror[=:]",
    re.IGNORECASE,
)
_TARGET: Final = re.compile(r"(?<![\w./-])([a-z](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9-]+)*):(\d{2,5})\b")
_LOOKUP: Final = re.compile(
    r"(?:lookup|resolve|find|bad address|getaddrinfo(?: ENOTFOUND)?|host)[ '\":]+([a-z](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9-]+)*)"
)
_KINDS: Final[tuple[tuple[CallKind, str], ...]] = (
    ("name", r"name or service not known|no such host|nxdomain|name resolution|enotfound|eai_again|bad address"
             r"|nodename nor servname|could not resolve|no address associated|host not found|unknown host|can't find"),
    ("auth", r"\b401\b|\b403\b|unauthori[sz]ed|authentication failed|not authorized|access denied|bad or missing token"
             r"|invalid (?:token|credentials|password)|permission denied for|could not find user|auth(?:entication)? error"),
    ("refused", r"connection refused|econnrefused|errno 111|connection reset|no route to host|network is unreachable"),
    ("timeout", r"timed? ?out|timeout|deadline exceeded|i/o timeout|etimedout"),
    ("error", r"\b50\d\b|bad gateway|service unavailable|internal server error|failed"),
)  # fmt: skip
_SETTING: Final = re.compile(
    r"(?:missing|required|unset|not set|undefined|must (?:be set|provide)|empty|no value|keyerror"
    r"|not (?:found|provided|configured))",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\b")
_NOT_NAMES: Final = frozenset(
    "FATAL ERROR INFO WARN WARNING DEBUG TRACE PANIC CRITICAL NOTICE GET POST PUT HTTP HTTPS URL TCP DNS JSON YAML UTC ENV "
    "API EOF ID OK NULL TLS SSL".split()
)
_FILE: Final = re.compile(r"(?<![\w:/])(/[\w.@%+-]+(?:/[\w.@%+-]+)+)")
_LISTEN: Final = re.compile(r"(?:listen(?:ing|s)?|serving|started|bound)\b[^\n]{0,40}?[: ](\d{2,5})\b", re.IGNORECASE)


_STAMPED: Final = re.compile(r"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) ?(.*)")


def stamped(text: str) -> Iterator[tuple[datetime | None, str]]:
    """The lines of a log that was asked for with timestamps: (when, line); None where a line bears no time."""
    for line in text.splitlines():
        found = _STAMPED.fullmatch(line)
        yield (datetime.fromisoformat(found[1]), found[2]) if found else (None, line)


@dataclass(frozen=True)
class FailedCall:
    """A log line that says a call to ``host`` failed."""

    host: str
    port: int | None
    kind: CallKind
    line: str


def severe(lines: Iterable[str]) -> list[str]:
    """The lines that speak of a problem, each once, newest last."""
    found = [line.strip() for line in lines if _SEVERE.search(line)]
    return list(dict.fromkeys(reversed(found)))[::-1]


def failed_calls(lines: Iterable[str]) -> Iterator[FailedCall]:
    """Calls that a log reports as failed, newest last."""
    for line in severe(lines):
        kind = next((kind for kind, words in _KINDS if re.search(words, line, re.IGNORECASE)), None)
        if kind is None:
            continue
        targets = [(m[1], int(m[2])) for m in _TARGET.finditer(line)]
        names = [(m[1], None) for m in _LOOKUP.finditer(line)] if kind == "name" else []
        for host, port in (targets or names)[:1]:
            yield FailedCall(host, port, kind, line)


def missing_settings(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(variable, line) for variables that a log calls missing."""
    for line in severe(lines):
        if _SETTING.search(line):
            for name in _NAME.findall(line):
                if name not in _NOT_NAMES and len(name) > 2:
                    yield name, line


def missing_files(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(path, line) for files that a log cannot open."""
    for line in severe(lines):
        if re.search(r"no such file|cannot open|not found|enoent|does not exist", line, re.IGNORECASE):
            for match in _FILE.finditer(line):
                yield match[1], line


def refuses_credentials(lines: Iterable[str]) -> list[str]:
    """Lines in which credentials are refused, as the server or as the client of a store says it."""
    words = dict(_KINDS)["auth"]
    return [line for line in severe(lines) if re.search(words, line, re.IGNORECASE)]


def listening_ports(lines: Iterable[str]) -> set[int]:
    """Ports that a log says the process listens on."""
    return {int(match[1]) for line in lines for match in _LISTEN.finditer(line)}
