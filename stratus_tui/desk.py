"""The way of a person's command: posted, said to be on its way at once, and answered when the engine has taken it."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from stratus.domain.commands import Command
from stratus.domain.errors import StratusError
from stratus.domain.events import CommandHandled
from stratus.domain.projection import Board
from stratus_tui.render.lines import Role
from stratus_tui.view import Notice

NOTICE_SHOWN = timedelta(seconds=10)
UNANSWERED_AFTER = timedelta(seconds=5)


class Post(Protocol):
    """The part of ports.Inbox that a face needs."""

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Queue; returns the command's id."""
        ...


@dataclass(frozen=True)
class _Sent:
    about: str
    at: datetime


class Desk:
    """Sends commands and tells what became of them. ``post`` blocks on the disk: call it from a thread."""

    def __init__(self, inbox: Post | None, actor: str, now: Callable[[], datetime]) -> None:
        self._inbox = inbox
        self._actor = actor
        self._now = now
        self._session = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._sent: dict[str, _Sent] = {}
        self.notice: Notice | None = None

    @property
    def open(self) -> bool:
        """Commands can be sent from here."""
        return self._inbox is not None

    def say(self, text: str, role: Role = "info") -> None:
        """Show a line for a while."""
        self.notice = Notice(text, role, self._now())

    def sending(self, about: str) -> None:
        """Show at once that something is on its way."""
        self.notice = Notice(f"{about} sent…", "info", self._now(), pending=True)

    def post(self, command: Command, about: str, key: str = "") -> None:
        """Write it to the inbox. ``key`` makes pressing a key twice one command."""
        if self._inbox is None:
            return
        unique = f"terminal/{self._session}/{key}" if key else ""
        try:
            identifier = self._inbox.post(command, actor=self._actor, surface="terminal", key=unique)
        except (StratusError, sqlite3.Error) as error:
            self.say(f"{about} NOT sent: {error}", "bad")
            return
        with self._lock:
            self._sent[identifier] = _Sent(about, self._now())

    def settle(self, board: Board) -> list[CommandHandled]:
        """Match the engine's answers with what was sent from here; returns those that are new."""
        answers = []
        with self._lock:
            for handled in board.handled:
                sent = self._sent.pop(handled.command, None)
                if sent is not None:
                    answers.append(handled)
                    mark, fallback = ("✓", "done") if handled.accepted else ("✗", "refused")
                    text = f"{mark} {sent.about}: {handled.message or fallback}"
                    self.notice = Notice(text, "ok" if handled.accepted else "bad", self._now())
        return answers

    def current(self) -> Notice | None:
        """What to show now: an answer for a while, an unanswered command for as long as it takes."""
        now = self._now()
        with self._lock:
            late = [sent for sent in self._sent.values() if now - sent.at > UNANSWERED_AFTER]
        notice = self.notice
        if late:
            waited = int((now - late[-1].at).total_seconds())
            return Notice(
                f"{late[-1].about}: no answer from the engine for {waited} s; it stays in the inbox", "warn", now
            )
        if notice is None or notice.pending:
            return notice
        return notice if now - notice.at < NOTICE_SHOWN else None
