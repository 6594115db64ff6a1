"""``stratus mode | pause | resume``: the human override of a running engine."""

from __future__ import annotations

from argparse import Namespace

from stratus.cli.output import Output
from stratus.cli.remote import ask, board_of
from stratus.cli.settings import load, seconds
from stratus.domain.commands import Command, Pause, Resume, SetMode
from stratus.domain.policy import Mode
from stratus.journal import open_reader


def mode(arguments: Namespace) -> int:
    """Show or change the mode."""
    if arguments.mode is not None:
        wanted = SetMode(mode=Mode(arguments.mode), namespace=arguments.namespace, seconds=_seconds(arguments))
        return _send(arguments, wanted)
    reader = open_reader(load(_without_mode(arguments)).journal_path)
    try:
        board = board_of(reader)
    finally:
        reader.close()
    out = Output(arguments.output, color=False if arguments.no_color else None)
    own = {namespace: str(each) for namespace, each in board.namespace_modes.items()}
    if out.form != "text":
        out.json({"mode": str(board.mode), "by": board.mode_by, "namespaces": own, "paused": sorted(board.paused)})
        return 0
    out.line(f"{board.mode}" + (f" (set by {board.mode_by})" if board.mode_by else ""))
    for namespace, each in own.items():
        out.line(f"{namespace}: {each}")
    for namespace in sorted(board.paused):
        out.line(f"paused: {namespace or 'everything'}")
    return 0


def pause(arguments: Namespace) -> int:
    """No new step until resumed."""
    return _send(arguments, Pause(namespace=arguments.namespace, seconds=_seconds(arguments)))


def resume(arguments: Namespace) -> int:
    """End a pause."""
    return _send(arguments, Resume(namespace=arguments.namespace))


def _send(arguments: Namespace, command: Command) -> int:
    message, _ = ask(load(_without_mode(arguments)).journal_path, command)
    Output(arguments.output).line(message)
    return 0


def _without_mode(arguments: Namespace) -> Namespace:
    """``mode`` is here what is asked of an engine, not a setting of this process."""
    return Namespace(**{key: value for key, value in vars(arguments).items() if key != "mode"})


def _seconds(arguments: Namespace) -> float | None:
    return seconds(arguments.seconds) if arguments.seconds else None
