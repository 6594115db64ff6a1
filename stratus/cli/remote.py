"""Commands to an engine that is already running on the journal: posted to its inbox, answered through the log."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stratus.cli.assembly import actor
from stratus.domain.commands import Command
from stratus.domain.errors import LeaseLost, Refused, Retryable
from stratus.domain.projection import Board, fold
from stratus.domain.transactions import TxView
from stratus.journal import LogReader, open_reader

POLL = 0.02
ANSWER_WITHIN = 15.0
"""Seconds for a running engine to take a command."""

SILENT_AFTER = timedelta(seconds=30)
"""An engine shows a sign of life every two seconds; one that is silent for this long was killed."""


def board_of(reader: LogReader, board: Board | None = None) -> Board:
    """The state of the log as it is now."""
    board = board or Board()
    while page := reader.read(board.seq, 2000):
        board = fold(page, board)
    return board


def running(path: Path) -> bool:
    """Whether an engine lives on this journal."""
    if not path.exists():
        return False
    reader = open_reader(path)
    try:
        return _lives(reader, board_of(reader))
    finally:
        reader.close()


def ask(path: Path, command: Command, seconds: float = ANSWER_WITHIN) -> tuple[str, str]:
    """Post and wait for the engine's word, for at most ``seconds``: (its message, the transaction that it names).

    Raises Refused with its words, Retryable when no engine takes the command.
    """
    reader = open_reader(path)
    try:
        identifier = reader.inbox.post(command, actor=actor(), surface="cli")
        outcome = _answer(reader, identifier, seconds)
        board = board_of(reader)
    finally:
        reader.close()
    accepted, message = outcome
    if not accepted:
        raise Refused(message)
    target = next((each.target for each in reversed(board.handled) if each.command == identifier), "")
    return message, target


def _answer(reader: LogReader, identifier: str, seconds: float) -> tuple[bool, str]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        outcome = reader.inbox.outcome(identifier)
        if outcome is not None:
            return outcome
        time.sleep(POLL)
    reader.inbox.decide(identifier, False, "no engine took it in time")
    outcome = reader.inbox.outcome(identifier)
    if outcome is not None and outcome[0]:
        return outcome
    if _lives(reader, board_of(reader)):
        raise Retryable("the engine is busy with another command: ask again when it is done")
    raise Retryable("no engine is running on this journal: start one with `stratus run` or `stratus tui`")


def _lives(reader: LogReader, board: Board) -> bool:
    beat = reader.heartbeat()
    return board.running and beat is not None and datetime.now(UTC) - beat.at < SILENT_AFTER


def follow(path: Path, tx: str, *, after: datetime | None = None) -> TxView:
    """Wait until a transaction has ended (``after``: has ended again since then). Raises LeaseLost when the engine goes."""
    reader = open_reader(path)
    try:
        board = board_of(reader)
        while True:
            view = board.transactions.get(tx)
            if view is not None and view.ended and view.ended_at != after:
                return view
            if not _lives(reader, board):
                raise LeaseLost(f"the engine stopped before transaction {tx} ended: see `stratus tx show {tx}`")
            time.sleep(POLL)
            board = board_of(reader, board)
    finally:
        reader.close()
