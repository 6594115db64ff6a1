"""Where events come from: a journal that an engine writes, or a finished log that is played again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from stratus.domain.base import JsonObject
from stratus.domain.commands import Command
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.events import EVENT, Recorded
from stratus.journal import LogReader, open_reader
from stratus_tui.view import Replay

BATCH = 2_000
_SQLITE_MAGIC = b"SQLite format 3\x00"


class LogSource(Protocol):
    """A log to look at. ``poll`` and ``heartbeat`` are called from one worker thread, ``fetch`` from another."""

    def poll(self) -> Sequence[Recorded]:
        """Events that came since the last call, oldest first; empty when there are none.

        Raises StratusError when the log cannot be read now.
        """
        ...

    def heartbeat(self) -> datetime | None:
        """The engine's last sign of life; None when no engine ever ran."""
        ...

    def now(self) -> datetime:
        """The moment at which the log is looked at."""
        ...

    def fetch(self, digest: str) -> JsonObject:
        """A stored object. Raises Absent."""
        ...

    @property
    def replay(self) -> Replay | None:
        """Set when this is the past."""
        ...


class JournalSource:
    """Tails a journal, which need not be there yet: an engine may be about to create it. Also its inbox."""

    replay: Replay | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: LogReader | None = None
        self._other: LogReader | None = None
        self._other_lock = threading.Lock()
        self._seq = 0
        self._version: int | None = None

    def open(self) -> None:
        """Insist on a journal that is there. Raises InvalidInput otherwise."""
        self._reader = self._reader or open_reader(self._path)

    def now(self) -> datetime:
        """The wall clock."""
        return datetime.now(UTC)

    def poll(self) -> Sequence[Recorded]:
        """New events; reads only when the file's version says that somebody wrote."""
        if self._reader is None:
            if not self._path.exists():
                return ()
            self.open()
        assert self._reader is not None
        version = self._reader.changed()
        if version == self._version:
            return ()
        recorded = self._reader.read(after=self._seq, limit=BATCH)
        if len(recorded) < BATCH:
            self._version = version
        self._seq = recorded[-1].seq if recorded else self._seq
        return recorded

    def heartbeat(self) -> datetime | None:
        """Of the engine on this journal."""
        beat = self._reader.heartbeat() if self._reader is not None else None
        return beat.at if beat is not None else None

    def fetch(self, digest: str) -> JsonObject:
        """From the journal's snapshots."""
        with self._other_lock:
            return self._second().snapshots.get(digest)

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Write a command into the inbox. Raises InvalidInput when there is no journal."""
        with self._other_lock:
            return self._second().inbox.post(command, actor=actor, surface=surface, key=key)

    def close(self) -> None:
        """Close both connections, once nobody polls any more."""
        for reader in (self._reader, self._other):
            if reader is not None:
                reader.close()

    def _second(self) -> LogReader:
        """A connection of its own, so that a write never waits behind the tail."""
        if self._other is None:
            self._other = open_reader(self._path)
        return self._other


class ReplaySource:
    """Plays a finished log: events become visible as their time comes, ``speed`` times as fast as they happened."""

    def __init__(
        self,
        recorded: Sequence[Recorded],
        speed: float,
        reader: LogReader | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Raises InvalidInput for an empty log or a speed that is not positive."""
        if not recorded:
            raise InvalidInput("the log is empty: there is nothing to replay")
        if speed <= 0:
            raise InvalidInput("--speed must be above 0")
        self._recorded = recorded
        self._reader = reader
        self._speed = speed
        self._clock, self._started = clock, clock()
        self._next = 0
        self.replay: Replay | None = Replay(speed, len(recorded))

    def now(self) -> datetime:
        """The log's time, not today's; it stops with the log's last event."""
        first, last = self._recorded[0].at, self._recorded[-1].at
        return min(last, first + timedelta(seconds=(self._clock() - self._started) * self._speed))

    def poll(self) -> Sequence[Recorded]:
        """Events whose time has come."""
        start, now = self._next, self.now()
        while self._next < len(self._recorded) and self._recorded[self._next].at <= now:
            self._next += 1
        return self._recorded[start : self._next]

    def heartbeat(self) -> datetime | None:
        """The past has no engine."""
        return None

    def fetch(self, digest: str) -> JsonObject:
        """From the journal that is replayed; a JSON lines log carries no objects."""
        if self._reader is None:
            raise Absent("a log of JSON lines carries no objects: replay the journal itself")
        return self._reader.snapshots.get(digest)


def open_replay(path: Path, speed: float) -> ReplaySource:
    """A journal or a file of JSON lines. Raises InvalidInput when it is neither."""
    if not path.is_file():
        raise InvalidInput(f"no log at {path}")
    with path.open("rb") as file:
        is_journal = file.read(len(_SQLITE_MAGIC)) == _SQLITE_MAGIC
    if not is_journal:
        return ReplaySource(_json_lines(path), speed)
    reader = open_reader(path)
    recorded: list[Recorded] = []
    while batch := reader.read(after=recorded[-1].seq if recorded else 0, limit=BATCH):
        recorded += batch
    return ReplaySource(recorded, speed, reader)


def _json_lines(path: Path) -> list[Recorded]:
    recorded = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if text.strip():
            try:
                recorded.append(recorded_of(json.loads(text)))
            except (ValueError, KeyError) as error:
                raise InvalidInput(f"{path}:{number} is not an event of this version: {error}") from error
    return recorded


def recorded_of(fields: dict[str, Any]) -> Recorded:
    """The inverse of ``Recorded.line``. Raises KeyError or ValueError."""
    body = {name: value for name, value in fields.items() if name not in ("schema", "seq", "ts")}
    event = EVENT.validate_python(body)
    at = datetime.fromisoformat(fields["ts"])
    return Recorded(seq=fields["seq"], at=at, stream=event.stream, version=0, hash="", event=event)
