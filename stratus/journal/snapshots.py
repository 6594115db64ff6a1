"""Content-addressed snapshots of raw objects."""

from __future__ import annotations

import hashlib
import json
import zlib

from sqlite_utils import Database

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.journal.chain import canonical
from stratus.journal.sealing import Seal


class SnapshotStore:
    """Implements ports.Snapshots on the journal's connection."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    def put(self, obj: JsonObject) -> str:
        """Store; returns the SHA-256 of the content (keyed for Secrets)."""
        plain = canonical(obj).encode()
        sealed = obj.get("kind") == "Secret"
        digest = self._seal.digest(plain) if sealed else hashlib.sha256(plain).hexdigest()
        packed = zlib.compress(plain)
        body = self._seal.seal(packed) if sealed else packed
        with self._database.atomic():
            self._database.execute(
                "INSERT OR IGNORE INTO snapshot (digest, sealed, body) VALUES (?, ?, ?)", [digest, int(sealed), body]
            )
        return digest

    def get(self, digest: str) -> JsonObject:
        """The object. Raises Absent."""
        row = self._database.execute("SELECT sealed, body FROM snapshot WHERE digest = ?", [digest]).fetchone()
        if row is None:
            raise Absent(f"no snapshot {digest[:12]} in this journal")
        body = self._seal.open(row[1]) if row[0] else row[1]
        loaded: JsonObject = json.loads(zlib.decompress(body))
        return loaded
