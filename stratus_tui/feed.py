"""Folds the log beside the screen: reading and folding happen in a thread, the screen is only told to look again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from stratus.domain.errors import Bug, StratusError
from stratus.domain.projection import Board
from stratus_tui.source import LogSource

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Seen:
    """The newest state of the log, replaced as a whole so that a reader in another thread never sees half of it."""

    board: Board = field(default_factory=Board)
    heartbeat: datetime | None = None
    problem: str = ""
    broken: bool = False
    """The log cannot be folded any further."""
    polls: int = 0


class Feed:
    """Polls a source and keeps ``seen``; ``changed`` is called, from the thread, after each difference."""

    def __init__(self, source: LogSource, changed: Callable[[], object]) -> None:
        self._source = source
        self._changed = changed
        self._stop = threading.Event()
        self.seen = Seen()

    def run(self) -> None:
        """Until ``stop``: the body of a thread worker."""
        while not self._stop.is_set():
            before = self.seen
            self.look()
            if self.seen.board is not before.board or self.seen.problem != before.problem or not before.polls:
                self._changed()
            if self.seen.broken:
                return
            self._stop.wait(POLL_SECONDS)

    def stop(self) -> None:
        """End ``run`` soon."""
        self._stop.set()

    def look(self) -> None:
        """One poll."""
        seen = replace(self.seen, polls=self.seen.polls + 1)
        try:
            recorded = self._source.poll()
            seen = replace(seen, heartbeat=self._source.heartbeat(), problem="")
        except (StratusError, sqlite3.Error) as error:
            self.seen = replace(seen, problem=f"cannot read the log: {error}")
            return
        board = seen.board
        for each in recorded:
            try:
                board = board.apply(each)
            except Bug as error:
                # stopping here is honest: everything after an impossible event would be shown wrong
                self.seen = replace(seen, board=board, problem=f"event {each.seq} does not fit: {error}", broken=True)
                return
        self.seen = replace(seen, board=board)
