"""``stratus tui``: attaches to the running engine of a journal, or starts one as a child process."""

from __future__ import annotations

import sys
from argparse import Namespace

from stratus.cli.settings import Settings, load
from stratus.domain.errors import LeaseLost


def tui(arguments: Namespace) -> int:
    """The terminal app."""
    if arguments.replay:
        from stratus_tui.run import run_replay

        return run_replay(arguments.replay, arguments.speed, no_color=arguments.no_color)
    settings = load(arguments)
    if _is_running(settings):
        from stratus_tui.run import run_attached

        return run_attached(settings.journal_path, no_color=arguments.no_color)
    from stratus_tui.run import run_with_engine

    return run_with_engine(settings.journal_path, _child(arguments, settings), no_color=arguments.no_color)


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
    child = [sys.executable, "-m", "stratus.cli.main", "run", "-o", "jsonl", "--journal", str(settings.journal_path)]
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
