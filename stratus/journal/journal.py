"""The writer's side: append with the hash chain, under a file lock that only one process holds."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from stratus.domain.errors import Conflict, LeaseLost
from stratus.domain.events import EVENT, Event, Recorded
from stratus.journal.chain import GENESIS, link
from stratus.journal.reader import LogReader
from stratus.journal.schema import connect
from stratus.journal.sealing import Seal


def default_path() -> Path:
    """``$XDG_STATE_HOME/stratus/journal.db``."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "stratus" / "journal.db"


def open_reader(path: Path) -> LogReader:
    """A reader of an existing journal. Raises InvalidInput when there is none."""
    return LogReader(connect(path, create=False), Seal(path.with_suffix(".key")))


def open_journal(path: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Journal:
    """Become the writer of the journal at ``path``, creating it when needed.

    Raises LeaseLost when another process is the writer, InvalidInput when the file cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = _lock(path.with_suffix(".lock"))
    try:
        return Journal(connect(path, create=True), Seal(path.with_suffix(".key")), lock, now)
    except BaseException:
        lock.close()
        raise


def _lock(path: Path) -> IO[str]:
    file = path.open("a+", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise LeaseLost(f"another process is the writer of {path.with_suffix('.db')}") from None
    return file


class Journal(LogReader):
    """Implements ports.EventLog. All methods are quick and synchronous: an append is one SQLite transaction."""

    def __init__(self, database: Database, seal: Seal, lock: IO[str], now: Callable[[], datetime]) -> None:
        super().__init__(database, seal)
        self._lock = lock
        self._now = now
        self._synchronous = ""
        row = database.execute("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq, self._hash = (int(row[0]), str(row[1])) if row else (0, GENESIS)
        versions = database.execute("SELECT stream, max(version) FROM event GROUP BY stream").fetchall()
        self._versions: dict[str, int] = {stream: version for stream, version in versions}

    def append(self, *events: Event, durable: bool = True) -> Sequence[Recorded]:
        """Append atomically; on disk before it returns when ``durable``.

        Raises Conflict when somebody else appended, which the file lock makes a sign of tampering or of a lost lock.
        """
        # WAL with NORMAL survives a crash of the process; FULL also survives the loss of power
        self._synchronize("FULL" if durable else "NORMAL")
        versions = dict(self._versions)
        seq, digest, recorded = self._seq, self._hash, []
        for event in events:
            seq, at = seq + 1, self._now()
            version = versions[event.stream] = versions.get(event.stream, 0) + 1
            body = EVENT.dump_json(event).decode()
            digest = link(digest, seq, at.isoformat(), event.stream, version, body)
            recorded.append(Recorded(seq=seq, at=at, stream=event.stream, version=version, hash=digest, event=event))
        try:
            with self._database.atomic():
                self._database.conn.executemany(_INSERT, [_row(each) for each in recorded])
        except sqlite3.IntegrityError as error:
            raise Conflict(f"somebody else wrote to this journal: {error}") from error
        self._seq, self._hash, self._versions = seq, digest, versions
        return recorded

    def beat(self, holder: str) -> None:
        """Show that this engine lives."""
        self._synchronize("NORMAL")
        with self._database.atomic():
            self._database.execute(
                "INSERT OR REPLACE INTO heartbeat (id, holder, pid, at) VALUES (1, ?, ?, ?)",
                [holder, os.getpid(), self._now().isoformat()],
            )

    def close(self) -> None:
        """Close the connection and give the lock up."""
        super().close()
        self._lock.close()

    def _synchronize(self, level: str) -> None:
        if level != self._synchronous:
            self._database.execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level


_INSERT = "INSERT INTO event (seq, at, stream, version, type, body, hash) VALUES (?, ?, ?, ?, ?, ?, ?)"


def _row(each: Recorded) -> tuple[int, str, str, int, str, str, str]:
    body = EVENT.dump_json(each.event).decode()
    return (each.seq, each.at.isoformat(), each.stream, each.version, each.event.event, body, each.hash)
