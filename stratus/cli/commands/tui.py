"""``stratus tui``: attaches to the running engine of a journal, or starts one as a child process."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from stratus.cli.assembly import actor
from stratus.cli.settings import Settings, load
from stratus.domain.errors import LeaseLost


def tui(arguments: Namespace) -> int:
    """The terminal app."""
    from stratus_tui import run

    if arguments.no_color:
        os.environ["NO_COLOR"] = "1"
    if arguments.replay:
        return run.run_replay(Path(arguments.replay), arguments.speed)
    settings = load(arguments)
    child = None if _is_running(settings) else _child(arguments, settings)
    return run.main(settings.journal_path, engine_command=child, actor=actor())


def _is_running(settings: Settings) -> bool:
    """Whether somebody holds the journal's file lock now."""
    from stratus.journal import open_journal

    try:
        open_journal(settings.journal_path).close()
    except LeaseLost:
        return True
    return False


def _child(arguments: Namespace, settings: Settings) -> list[str]:
    """The command line of an engine with the same settings."""
    child = [sys.executable, "-m", "stratus.cli.main", "run", "--until-eof", "-o", "jsonl"]
    child += ["--journal", str(settings.journal_path)]
    for flag in (
        "kubeconfig",
        "context",
        "prometheus",
        "alertmanager",
        "mode",
        "veto_window",
        "mind",
        "model",
        "config",
    ):
        value = getattr(arguments, flag, None)
        if value:
            child += [f"--{flag.replace('_', '-')}", str(value)]
    for flag, values in (("--namespace", arguments.namespaces), ("--probe", arguments.probes)):
        for value in values or ():
            child += [flag, value]
    return child
