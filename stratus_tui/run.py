"""The doors of the terminal: attach to a journal, start an engine and attach, or replay a log."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from stratus_tui.app import StratusApp
from stratus_tui.child import ChildEngine
from stratus_tui.source import JournalSource, open_replay

SIGNALLED = 128
"""A shell's exit code for a signal is this plus its number."""


def main(
    journal: Path, *, engine_command: Sequence[str] | None = None, read_only: bool = False, actor: str = ""
) -> int:
    """Show the journal until somebody leaves; returns the exit code.

    ``engine_command`` is started as a child first and stopped safely at the end; it creates the journal. Raises
    InvalidInput when the journal cannot be used, OSError when the command cannot be started.
    """
    source = JournalSource(journal)
    if engine_command is None:
        source.open()
    engine = ChildEngine(engine_command) if engine_command is not None else None
    _leave_when_hung_up(engine)
    try:
        return asyncio.run(_run(StratusApp(source, source, engine=engine, read_only=read_only, actor=actor)))
    finally:
        if engine is not None:
            engine.stop()
        source.close()


def run_replay(log: Path, speed: float = 1.0) -> int:
    """Play a journal or a file of JSON lines again. Raises InvalidInput when it is neither."""
    _leave_when_hung_up(None)
    return asyncio.run(_run(StratusApp(open_replay(log, speed), None)))


def _leave_when_hung_up(engine: ChildEngine | None) -> None:
    """When the terminal is gone there is nothing to put in order on it, and a write to it may block for ever: the engine
    is stopped safely, and the process ends without a word.
    """

    def leave() -> None:
        if engine is not None:
            engine.stop()
        os._exit(SIGNALLED + signal.SIGHUP)

    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=leave, name="hung up").start())


async def _run(app: StratusApp) -> int:
    """A SIGTERM leaves like a person does, so that an engine of ours is stopped safely."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.exit, SIGNALLED + signal.SIGTERM)
    code = await app.run_async()
    return code or app.return_code or 0
