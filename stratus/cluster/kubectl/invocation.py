"""One command being compiled: what was said, and what may be asked of the cluster and of the caller."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from stratus.cluster.kubectl.discovery import Catalog
from stratus.cluster.kubectl.parser import Flags
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step
from stratus.ports import ClusterReader

ReadFile = Callable[[str], Mapping[str, bytes]]
"""Contents by path: one entry for a file, one for each file of a directory. Raises OSError."""

Handler = Callable[["Invocation"], Awaitable[Sequence[Step]]]

_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def no_files(path: str) -> Mapping[str, bytes]:
    """For callers that are not people at their own machine: an agent must not read files into the cluster."""
    raise InvalidInput(f"{path}: files cannot be read here; give the manifest on standard input (-f -)")


def local_files(path: str) -> Mapping[str, bytes]:
    """Files of this machine; a directory gives its own files, not those of subdirectories."""
    place = Path(path)
    if place.is_dir():
        return {str(entry): entry.read_bytes() for entry in sorted(place.iterdir()) if entry.is_file()}
    return {path: place.read_bytes()}


def reads_stdin(words: Sequence[str]) -> bool:
    """Whether a command line asks for standard input: ``-f -``, ``--filename=-``, ``--from-file=key=-``."""
    return any(
        word in ("-", "-f-", "-f=-")
        or (word.startswith(("--filename", "--patch-file", "--from-")) and word.endswith("=-"))
        for word in words
    )


def random_suffix() -> str:
    """Five letters, as the API server appends to a generateName."""
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@dataclass
class Invocation:
    """A parsed command with its surroundings; handlers read it and return steps."""

    verb: str
    args: tuple[str, ...]
    rest: tuple[str, ...] | None
    flags: Flags
    namespace: str
    """Where namespaced objects are when nothing else says so."""
    fenced: bool
    """The namespace was given with -n: a manifest that names another one is a mistake."""
    reader: ClusterReader
    stdin: str = ""
    read_file: ReadFile = no_files
    now: Callable[[], datetime] = utc_now
    suffix: Callable[[], str] = random_suffix
    catalog: Catalog = field(init=False, repr=False)
    """What this cluster serves."""

    def __post_init__(self) -> None:
        """The catalog asks the reader when it must."""
        self.catalog = Catalog(self.reader.resources)

    @property
    def words(self) -> tuple[str, ...]:
        """All positional arguments, those after ``--`` included."""
        return self.args + (self.rest or ())

    def file(self, path: str) -> Mapping[str, bytes]:
        """Contents by path; ``-`` is standard input. Raises InvalidInput for what cannot be read."""
        if path == "-":
            if not self.stdin:
                raise InvalidInput("standard input is empty")
            return {"-": self.stdin.encode()}
        if path.startswith(("http://", "https://")):
            raise InvalidInput(f"{path}: addresses are not fetched; download it, look at it, then use -f FILE")
        try:
            return self.read_file(path)
        except OSError as error:
            raise InvalidInput(f"{path}: {error.strerror or error}") from error

    def one_name(self) -> str:
        """The single NAME argument of a create verb."""
        if len(self.args) != 1:
            raise InvalidInput(f"kubectl {self.verb} takes exactly one NAME, {len(self.args)} were given")
        return self.args[0]

    def required(self, flag: str) -> str:
        """The value of a flag that must be there."""
        if not self.flags.text(flag):
            raise InvalidInput(f"kubectl {self.verb} needs --{flag}")
        return self.flags.text(flag)

    def meta(self, name: str, *, namespaced: bool = True, labels: Mapping[str, str] | None = None) -> JsonObject:
        """The metadata of a new object."""
        meta: JsonObject = {"name": name}
        if namespaced:
            meta["namespace"] = self.namespace
        return {**meta, "labels": dict(labels)} if labels else meta
