"""In-memory log, snapshots and inbox, with the journal's semantics and nothing on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from stratus.domain.base import JsonObject
from stratus.domain.commands import Command, Posted
from stratus.domain.errors import Absent
from stratus.domain.events import EVENT, Event, Recorded
from stratus.journal.chain import GENESIS, canonical, link

EPOCH = datetime(2026, 1, 1, 2, 14, tzinfo=UTC)


class MemorySnapshots:
    """Implements ports.Snapshots."""

    def __init__(self) -> None:
        self.objects: dict[str, JsonObject] = {}

    def put(self, obj: JsonObject) -> str:
        """Store; returns the content hash."""
        digest = hashlib.sha256(canonical(obj).encode()).hexdigest()
        self.objects[digest] = obj
        return digest

    def get(self, digest: str) -> JsonObject:
        """The object. Raises Absent."""
        if digest not in self.objects:
            raise Absent(f"no snapshot {digest[:12]}")
        return self.objects[digest]


class MemoryInbox:
    """Implements ports.Inbox."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.outcomes: dict[str, tuple[bool, str]] = {}
        self._keys: dict[str, str] = {}

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Queue; the same ``key`` twice is one command."""
        identifier = f"c{len(self.posted) + 1}"
        if key and key in self._keys:
            return self._keys[key]
        self._keys[key or identifier] = identifier
        self.posted.append(
            Posted.model_validate({"id": identifier, "actor": actor, "surface": surface, "command": command})
        )
        return identifier

    def pending(self) -> Sequence[Posted]:
        """Commands without an outcome."""
        return [each for each in self.posted if each.id not in self.outcomes]

    def decide(self, command_id: str, accepted: bool, message: str) -> bool:
        """Set the outcome once."""
        if command_id in self.outcomes:
            return False
        self.outcomes[command_id] = (accepted, message)
        return True

    def outcome(self, command_id: str) -> tuple[bool, str] | None:
        """The outcome, or None."""
        return self.outcomes.get(command_id)


class MemoryLog:
    """Implements ports.EventLog; ``now`` defaults to a clock that ticks a second an event."""

    def __init__(self, now: Callable[[], datetime] | None = None) -> None:
        self.recorded: list[Recorded] = []
        self.inbox = MemoryInbox()
        self.snapshots = MemorySnapshots()
        self._versions: dict[str, int] = {}
        self._now = now or (lambda: EPOCH + timedelta(seconds=len(self.recorded)))

    def append(self, *events: Event, durable: bool = True) -> Sequence[Recorded]:
        """Append."""
        added = []
        for event in events:
            at, seq = self._now(), len(self.recorded) + 1
            version = self._versions[event.stream] = self._versions.get(event.stream, 0) + 1
            previous = self.recorded[-1].hash if self.recorded else GENESIS
            body = EVENT.dump_json(event).decode()
            digest = link(previous, seq, at.isoformat(), event.stream, version, body)
            each = Recorded(seq=seq, at=at, stream=event.stream, version=version, hash=digest, event=event)
            self.recorded.append(each)
            added.append(each)
        return added

    def beat(self, holder: str) -> None:
        """Nobody watches this heart."""

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events with ``seq > after``."""
        return self.recorded[after : after + limit]

    def head(self) -> int:
        """The newest seq."""
        return len(self.recorded)
