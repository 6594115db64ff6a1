"""A terminal that goes away, politely or not: the app ends, and an engine that it started ends with it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stratus.journal import open_journal
from tests.stratus_tui import stories

PATIENCE = 30.0


def eventually(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        os.sched_yield()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    journal = open_journal(path)
    journal.append(*(each.event for each in stories.waiting().log.recorded))
    journal.close()
    return path


def ended(process: int) -> int | None:
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def test_the_app_ends_when_its_terminal_is_gone(log: Path) -> None:
    """As when a connection drops or a multiplexer is killed: SIGHUP and SIGCONT, and nobody reads what is written."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [sys.executable, "-m", "stratus.cli.main", "tui", "--replay", str(log)])
    assert b"STRATUS" in drawn(terminal)
    os.close(terminal)
    os.kill(process, signal.SIGCONT)
    codes: list[int | None] = []
    eventually(lambda: codes.append(ended(process)) or codes[-1] is not None)
    assert codes[-1] == 128 + signal.SIGHUP


def drawn(terminal: int) -> bytes:
    seen = b""
    while b"STRATUS" not in seen:
        seen += os.read(terminal, 65536)
    return seen


ENGINE = """
import pathlib, sys
pathlib.Path({ready!r}).touch()
sys.stdin.read()
pathlib.Path({done!r}).touch()
"""
TERMINAL = """
import sys
from stratus_tui.child import ChildEngine
engine = ChildEngine([sys.executable, "-c", sys.argv[1]])
engine._process.wait()
"""


def test_an_engine_notices_that_its_terminal_was_killed(tmp_path: Path) -> None:
    ready, done = tmp_path / "ready", tmp_path / "done"
    code = ENGINE.format(ready=str(ready), done=str(done))
    terminal = subprocess.Popen([sys.executable, "-c", TERMINAL, code])
    eventually(ready.exists)
    terminal.kill()
    terminal.wait()
    eventually(done.exists)
