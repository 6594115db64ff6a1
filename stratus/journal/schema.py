"""Tables of the journal, as migrations that only ever grow."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from stratus.domain.errors import InvalidInput

BUSY_TIMEOUT_MS = 10_000
"""How long one connection waits for another's short write."""

migrations = Migrations("journal")


@migrations()
def m001_event_log(db: Database) -> None:
    """Append-only events, content-addressed snapshots, the inbox, the engine's heartbeat."""
    db.execute(
        """CREATE TABLE event (
             seq INTEGER PRIMARY KEY, at TEXT NOT NULL, stream TEXT NOT NULL, version INTEGER NOT NULL,
             type TEXT NOT NULL, body TEXT NOT NULL, hash TEXT NOT NULL, UNIQUE (stream, version)) STRICT"""
    )
    db.execute("CREATE TABLE snapshot (digest TEXT PRIMARY KEY, sealed INTEGER NOT NULL, body BLOB NOT NULL) STRICT")
    db.execute(
        """CREATE TABLE inbox (
             id TEXT PRIMARY KEY, posted_at TEXT NOT NULL, actor TEXT NOT NULL, surface TEXT NOT NULL,
             body BLOB NOT NULL, key TEXT UNIQUE, accepted INTEGER, message TEXT, decided_at TEXT) STRICT"""
    )
    db.execute("CREATE INDEX inbox_pending ON inbox (posted_at) WHERE accepted IS NULL")
    db.execute(
        """CREATE TABLE heartbeat (
             id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, pid INTEGER NOT NULL, at TEXT NOT NULL) STRICT"""
    )
    for table in ("event", "snapshot"):
        for verb in ("UPDATE", "DELETE"):
            db.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def connect(path: Path, *, create: bool) -> Database:
    """A connection to the journal at ``path``. Raises InvalidInput when it is not there or not a journal."""
    if not create and not path.exists():
        raise InvalidInput(f"no journal at {path}: start an engine first, or name the file with --journal")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if create:
            path.touch(mode=0o600)  # SQLite gives its -wal and -shm files the rights of the file that it opens
        connection = sqlite3.connect(path, check_same_thread=False)
        database = Database(connection, execute_plugins=False)
        database.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        if create:
            _prepare(database, path)
        elif migrations.pending(database):
            raise InvalidInput(
                f"{path} is not a journal of this version: start an engine on it once, to bring it up to date"
            )
    except (sqlite3.Error, OSError) as error:
        raise InvalidInput(f"cannot open the journal {path}: {error}") from error
    return database


def _prepare(database: Database, path: Path) -> None:
    database.enable_wal()
    database.execute("PRAGMA foreign_keys = ON")
    migrations.apply(database)
    path.chmod(0o600)
