"""Reading the log: what every screen, bot and report does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from stratus.domain.base import Value
from stratus.domain.events import EVENT, Recorded
from stratus.journal.chain import GENESIS, link
from stratus.journal.inbox import SqliteInbox
from stratus.journal.sealing import Seal
from stratus.journal.snapshots import SnapshotStore


class Heartbeat(Value):
    """The sign of life of the engine on this journal."""

    holder: str
    pid: int
    at: datetime


class LogReader:
    """Reads events, snapshots and the heartbeat, and posts to the inbox. Safe beside a running engine."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self.inbox = SqliteInbox(database, seal)
        self.snapshots = SnapshotStore(database, seal)

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events with ``seq > after``, oldest first."""
        rows = self._database.execute(
            "SELECT seq, at, stream, version, hash, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", [after, limit]
        ).fetchall()
        return [_recorded(row) for row in rows]

    def head(self) -> int:
        """The newest seq; 0 for an empty log."""
        return int(self._database.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0])

    def changed(self) -> int:
        """A number that differs once another connection has written: cheap to poll (``PRAGMA data_version``)."""
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def heartbeat(self) -> Heartbeat | None:
        """The engine's last sign of life; None when no engine ever ran here."""
        row = self._database.execute("SELECT holder, pid, at FROM heartbeat").fetchone()
        return Heartbeat(holder=row[0], pid=row[1], at=datetime.fromisoformat(row[2])) if row else None

    def verify(self) -> int | None:
        """The seq of the first event that breaks the hash chain, or None when the chain holds."""
        previous, expected = GENESIS, 1
        for row in self._database.execute("SELECT seq, at, stream, version, hash, body FROM event ORDER BY seq"):
            seq, at, stream, version, digest, body = row
            if seq != expected or digest != link(previous, seq, at, stream, version, body):
                return int(seq)
            previous, expected = digest, seq + 1
        return None

    def close(self) -> None:
        """Close the connection."""
        connection: sqlite3.Connection = self._database.conn
        connection.close()


def _recorded(row: tuple[Any, ...]) -> Recorded:
    seq, at, stream, version, digest, body = row
    return Recorded(
        seq=seq,
        at=datetime.fromisoformat(at),
        stream=stream,
        version=version,
        hash=digest,
        event=EVENT.validate_json(body),
    )
