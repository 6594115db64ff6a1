"""``stratus run``: the engine without a screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable
from time import monotonic

from stratus.cli.assembly import Running, running_engine
from stratus.cli.exits import ExitCode
from stratus.cli.minds import conductor_for
from stratus.cli.output import Output, forsake, note
from stratus.cli.settings import Settings, load
from stratus.cli.story import Story
from stratus.cli.summary import summary
from stratus.domain.errors import InvalidInput, LeaseLost, StratusError, Unobservable
from stratus.domain.events import Recorded, RunFinished

WAIT_FOR_LEASE = 60.0
"""Seconds that a daemon waits for another writer to go; ``--once`` does not wait."""


def run(arguments: Namespace) -> int:
    """Run until healthy (``--once``) or until stopped."""
    settings = load(arguments)
    out = Output(arguments.output, color=False if arguments.no_color else None)
    return asyncio.run(_run(settings, out, once=arguments.once, until_eof=arguments.until_eof))


def teller(out: Output) -> Callable[[Recorded], None]:
    """What prints each event in the format that was asked for; ``json`` prints the summary only."""
    if out.form == "jsonl":
        return lambda recorded: out.json(recorded.line())
    if out.form == "json":
        return lambda recorded: None
    return Story(out).tell


async def _run(settings: Settings, out: Output, *, once: bool, until_eof: bool) -> int:
    tell = teller(out)
    started = monotonic()
    try:
        async with running_engine(
            settings, people=not once, wait=0.0 if once else WAIT_FOR_LEASE, on_event=tell
        ) as running:
            stopped = stop_on_signals(running, until_eof=until_eof)
            return await drive(settings, running, out, once=once, started=started, stopped=stopped)
    except Unobservable as error:
        note(f"the cluster cannot be reached: {error}")
        return int(ExitCode.UNREACHABLE)


async def drive(
    settings: Settings, running: Running, out: Output, *, once: bool, started: float, stopped: list[int]
) -> int:
    """Let the conductor work, then say how it ended."""
    engine = running.engine
    conductor = conductor_for(settings, engine, once=once)
    unreachable = False
    try:
        if once:
            await conductor.run_once()
        else:
            await conductor.watch()
    except LeaseLost:
        raise
    except StratusError as error:
        note(f"stopped: {error}")
        unreachable = True
    finished = summary(
        running.before, engine.ledger.board, monotonic() - started, engine.context.writer.sent, unreachable=unreachable
    )
    engine.emit(finished)
    try:
        if out.form == "json":
            out.json(finished.model_dump(mode="json"))
        if out.form == "text":
            _say(out, finished)
    except OSError as error:
        forsake(error)
    return 128 + stopped[0] if stopped else finished.exit_code


def _say(out: Output, finished: RunFinished) -> None:
    initial, final = (finished.severity[key] for key in ("initial", "final"))
    counts = ", ".join(f"{count} {word}" for word, count in finished.transactions.items() if count)
    head = f"{finished.outcome.upper()} in {finished.seconds:.1f} s"
    severity = f"severity {_spelled(initial)} → {_spelled(final)}"
    out.line(f"{head}: {severity}; {counts or 'no transaction'}; exit {finished.exit_code}")
    for denied in finished.denied:
        out.line(f"  not done: {denied}")


def _spelled(severity: float | None) -> str:
    return "∞" if severity is None else f"{severity:g}"


def stop_on_signals(running: Running, *, until_eof: bool = False) -> list[int]:
    """The first SIGINT or SIGTERM stops safely (no new step, the current one is undone); a second one at once.

    ``until_eof``: so does the end of standard input. Whoever started this engine holds the other end, and is gone then.
    """
    received: list[int] = []

    def handle(number: int) -> None:
        if received:
            os._exit(128 + number)  # the journal is valid at any point: the next start recovers
        received.append(number)
        note("stopping: no new step; a transaction under way is undone (again to leave at once)")
        running.engine.stop()

    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, handle, each)
    if until_eof:
        try:
            loop.add_reader(sys.stdin.fileno(), _stop_at_eof, running)
        except PermissionError:  # a file or /dev/null can always be read: nobody is at its other end
            raise InvalidInput(
                "--until-eof needs a pipe as standard input, held by whoever starts the engine"
            ) from None
    return received


def _stop_at_eof(running: Running) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        running.engine.stop("whoever started it is gone")
