"""``stratus ask``: what the agents know of the cluster now. The running engine answers, else a look that cannot write."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from stratus.cli import remote
from stratus.cli.assembly import looking
from stratus.cli.exits import ExitCode
from stratus.cli.output import Output, clean
from stratus.cli.settings import Settings, load
from stratus.clock import SystemClock
from stratus.domain.commands import Ask

PATIENCE = 120.0
"""Seconds for an answer: an engine may be in the middle of a command, and a model takes its time."""


def ask(arguments: Namespace) -> int:
    """Print the answer."""
    settings = load(arguments)
    question = " ".join(arguments.question)
    if remote.running(settings.journal_path):
        text, _ = remote.ask(settings.journal_path, Ask(question=question), PATIENCE)
    else:
        text = asyncio.run(_look(settings, question))
    out = Output(arguments.output, color=False if arguments.no_color else None)
    if out.form == "text":
        for line in text.splitlines():
            out.line(clean(line))
    else:
        out.json({"question": question, "answer": text})
    return int(ExitCode.HEALTHY)


async def _look(settings: Settings, question: str) -> str:
    """Raises Unobservable when the cluster does not answer."""
    from agents.answers import answer
    from agents.baseline import Baseline
    from agents.minds.choice import mind_for
    from stratus.journal import open_reader

    mind = mind_for(settings.mind, settings.model, lambda called: None, lambda: "")
    async with looking(settings) as (panel, reader):
        clock = SystemClock()
        if not settings.journal_path.exists():
            return await answer(question, panel, reader, mind, clock, settings.namespaces)
        log = open_reader(settings.journal_path)
        try:
            healthy = Baseline(log.snapshots, remote.board_of(log).baseline).objects()
        finally:
            log.close()
        return await answer(question, panel, reader, mind, clock, settings.namespaces, healthy)
