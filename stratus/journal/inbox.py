"""Commands from people: queued durably, each decided once."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlite_utils import Database

from stratus.domain.commands import COMMAND, Command, Posted
from stratus.journal.sealing import Seal

ID_BYTES = 6
SEALED_MARK = b"\x00sealed"
"""Commands that carry manifests (``do``) may carry Secret values: they are sealed."""


class SqliteInbox:
    """Implements ports.Inbox."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Queue; the same ``key`` twice is one command. Returns its id."""
        identifier = secrets.token_hex(ID_BYTES)
        now = datetime.now(UTC).isoformat()
        row = [identifier, now, actor, surface, self._encode(command), key or identifier]
        try:
            with self._database.atomic():
                self._database.execute(
                    "INSERT INTO inbox (id, posted_at, actor, surface, body, key) VALUES (?, ?, ?, ?, ?, ?)", row
                )
        except sqlite3.IntegrityError:
            found = self._database.execute("SELECT id FROM inbox WHERE key = ?", [key]).fetchone()
            return str(found[0])
        return identifier

    def pending(self) -> Sequence[Posted]:
        """Commands without an outcome, oldest first."""
        rows = self._database.execute(
            "SELECT id, actor, surface, body, posted_at FROM inbox WHERE accepted IS NULL ORDER BY posted_at, rowid"
        ).fetchall()
        return [
            Posted(id=row[0], actor=row[1], surface=row[2], command=self._decode(row[3]), at=row[4]) for row in rows
        ]

    def decide(self, command_id: str, accepted: bool, message: str) -> bool:
        """Set the outcome; False when it had one already."""
        with self._database.atomic():
            cursor = self._database.execute(
                "UPDATE inbox SET accepted = ?, message = ?, decided_at = ? WHERE id = ? AND accepted IS NULL",
                [int(accepted), message, datetime.now(UTC).isoformat(), command_id],
            )
        return bool(cursor.rowcount)

    def outcome(self, command_id: str) -> tuple[bool, str] | None:
        """(accepted, message), or None while undecided."""
        row = self._database.execute("SELECT accepted, message FROM inbox WHERE id = ?", [command_id]).fetchone()
        return (bool(row[0]), str(row[1])) if row and row[0] is not None else None

    def _encode(self, command: Command) -> bytes:
        plain = COMMAND.dump_json(command)
        return SEALED_MARK + self._seal.seal(plain) if command.verb == "do" else plain

    def _decode(self, body: bytes) -> Command:
        if body.startswith(SEALED_MARK):
            body = self._seal.open(body[len(SEALED_MARK) :])
        return COMMAND.validate_json(body)
