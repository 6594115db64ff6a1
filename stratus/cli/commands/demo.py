"""``stratus demo``: an embedded cluster, a fault, and agents that repair it. Needs no cluster, no key, no Slack."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from stratus.cli.assembly import actor, running_engine, temporary_journal
from stratus.cli.commands.run import drive, stop_on_signals, teller
from stratus.cli.embedded import embedded_cluster, noticed, watching
from stratus.cli.output import Output
from stratus.cli.settings import Settings, load
from stratus.domain.errors import Bug, InvalidInput
from stratus.domain.policy import Mode

if TYPE_CHECKING:
    from stratus.sandbox.cluster import EmbeddedCluster
    from stratus.sandbox.faults import Fault

SHOWS_WITHIN = 120.0
SHOWS_FOR = 5.0
TERMINAL_WINDOW = 8.0
"""Seconds of veto window in the terminal app's demo: long enough to read the card, short enough to stay awake."""


def demo(arguments: Namespace) -> int:
    """Show it: in the terminal app on a TTY, line by line otherwise."""
    from stratus.sandbox.faults import CATALOGUE, find

    out = Output(arguments.output, color=False if arguments.no_color else None)
    if arguments.list_scenarios:
        rows = [(", ".join(f.aliases) or f.id, f.application, f.summary) for f in CATALOGUE]
        out.table(("SCENARIO", "APPLICATION", "WHAT HAPPENED"), rows)
        return 0
    try:
        fault = find(arguments.scenario)
    except KeyError:
        raise InvalidInput(f"there is no scenario {arguments.scenario!r}: see `stratus demo --list`") from None
    if not arguments.headless and sys.stdout.isatty() and sys.stdin.isatty() and out.form == "text":
        return _in_terminal(arguments)
    return asyncio.run(_headless(load(arguments), fault, out, watch=arguments.watch, until_eof=arguments.until_eof))


async def _headless(settings: Settings, fault: Fault, out: Output, *, watch: bool, until_eof: bool) -> int:
    started = monotonic()
    async with temporary_journal() as scratch, embedded_cluster(fault.application) as cluster:
        if out.form == "text":
            took = f"{monotonic() - started:.1f} s"
            out.line(f"An embedded Kubernetes with the application {fault.application} is up and healthy after {took}.")
            out.line(f"Now the fault: {fault.summary}.")
        await _until_it_shows(cluster, fault)
        settings = watching(settings, fault.application, fault.namespace).model_copy(
            update={"journal": settings.journal or str(scratch)}
        )
        async with running_engine(
            settings, default_mode=Mode.AUTO, people=watch, on_event=teller(out), embedded=cluster
        ) as running:
            stopped = stop_on_signals(running, until_eof=until_eof)
            return await drive(settings, running, out, once=not watch, started=started, stopped=stopped)


async def _until_it_shows(cluster: EmbeddedCluster, fault: Fault) -> None:
    """Inject, and wait on the cluster's own time until somebody would notice more than a rollout."""
    run = cluster.faults.inject(fault.id)
    end = monotonic() + SHOWS_WITHIN
    since: float | None = None
    while monotonic() < end and not run.failed:
        await asyncio.sleep(0.2)
        since = (since or monotonic()) if run.done and noticed(cluster, fault) else None
        if since is not None and monotonic() - since >= SHOWS_FOR:
            return
    if run.failed:
        raise Bug(f"the scenario {fault.id} could not be staged: {run.failed}")


def _in_terminal(arguments: Namespace) -> int:
    """The same engine as a child process, and the terminal app on its journal."""
    import tempfile

    from stratus_tui.run import main as terminal

    if arguments.no_color:
        os.environ["NO_COLOR"] = "1"
    with tempfile.TemporaryDirectory(prefix="stratus-demo-") as directory:
        journal = Path(directory) / "journal.db"
        child = [
            sys.executable,
            "-m",
            "stratus.cli.main",
            "demo",
            arguments.scenario,
            "--headless",
            "--watch",
            "--until-eof",
            "-o",
            "jsonl",
        ]
        child += ["--journal", str(journal), "--mode", arguments.mode or "veto"]
        child += ["--veto-window", arguments.veto_window or f"{TERMINAL_WINDOW:g}s"]
        return terminal(journal, engine_command=child, actor=actor())
