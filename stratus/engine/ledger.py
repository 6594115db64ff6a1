"""The engine's view of the log: what it appends, it folds at once, with the same function as every other reader."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from stratus.domain.errors import Bug
from stratus.domain.events import Event, Recorded
from stratus.domain.projection import Board, fold
from stratus.domain.transactions import TxView
from stratus.ports import EventLog

PAGE = 2000
_DRAFT = datetime.min.replace(tzinfo=UTC)


class Ledger:
    """Appends events and keeps the board that they add up to."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.subscribers: list[Callable[[Recorded], None]] = []
        """Called with each event right after it was appended."""
        self.board = Board()
        while page := log.read(self.board.seq, PAGE):
            self.board = fold(page, self.board)

    def emit(self, *events: Event, durable: bool = False) -> None:
        """Append and fold. ``durable``: on disk before this returns.

        Raises Bug when an event is not one that the machines allow; then nothing is appended.
        """
        self._check(*events)
        recorded = self._log.append(*events, durable=durable)
        self.board = fold(recorded, self.board)
        for each in recorded:
            for subscriber in self.subscribers:
                subscriber(each)

    def transaction(self, tx: str) -> TxView:
        """The transaction as it stands. Raises Bug when there is none."""
        view = self.board.transactions.get(tx)
        if view is None:
            raise Bug(f"no transaction {tx}")
        return view

    def next_tx(self, incident: str) -> str:
        """The id of the next transaction: ``12.3`` within incident 12, ``do.3`` for people's own commands."""
        family = incident or "do"
        taken = sum(1 for tx in self.board.transactions.values() if (tx.incident or "do") == family)
        return f"{family}.{taken + 1}"

    def _check(self, *events: Event) -> None:
        """Fold into a throw-away board first, so that an illegal event never reaches the log."""
        board = self.board
        for event in events:
            draft = Recorded(seq=board.seq + 1, at=_DRAFT, stream=event.stream, version=1, hash="", event=event)
            board = board.apply(draft)
