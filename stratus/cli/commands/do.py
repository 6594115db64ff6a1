"""``stratus do -- kubectl …``: a person's own command with snapshot, dry run, health check and undo."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from stratus.cli.assembly import actor, connect, running_engine
from stratus.cli.exits import ExitCode
from stratus.cli.output import Output, note
from stratus.cli.remote import ask, board_of, follow
from stratus.cli.settings import Settings, load, seconds
from stratus.cli.story import Story
from stratus.cli.transactions import exit_code_of, print_transaction, refusal
from stratus.domain.commands import Do
from stratus.domain.errors import InvalidInput, LeaseLost, StratusError
from stratus.domain.steps import Proposal
from stratus.domain.transactions import TxView
from stratus.ports import ClusterReader

if TYPE_CHECKING:
    from stratus.cluster.transport import Transport


def do(arguments: Namespace) -> int:
    """Compile, rehearse, write, verify; undo when it made things worse."""
    settings = load(arguments)
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        raise InvalidInput(
            "nothing to do: write the command behind --, as in stratus do -- kubectl scale deploy/x --replicas=2"
        )
    out = Output(arguments.output, color=False if arguments.no_color else None)
    settle = seconds(arguments.settle) if arguments.settle else None
    try:
        view = asyncio.run(_do(settings, words, out, settle, arguments.irreversible))
    except StratusError as error:
        if out.form != "text":
            out.json(refusal(error))
        raise
    if view is None:
        return int(ExitCode.USAGE)
    print_transaction(out, view)
    return int(exit_code_of(view))


async def _do(
    settings: Settings, words: list[str], out: Output, settle: float | None, irreversible: bool
) -> TxView | None:
    tell = Story(Output("text", stdout=sys.stderr)).tell if out.form == "text" else None
    try:
        async with running_engine(settings, wait=0.0, on_event=tell) as running:
            proposal = await _compile(words, running.reader, _namespace(settings, running.transport))
            result = await running.engine.do(proposal, settle=settle, irreversible_ok=irreversible)
            return running.engine.ledger.transaction(result.tx)
    except LeaseLost:
        if not _engine_is_here(settings.journal_path):
            raise
    return await _through_inbox(settings, words, settle, irreversible)


def _engine_is_here(path: Path) -> bool:
    """Whether the writer that is in the way writes this very journal."""
    from stratus.journal import open_reader

    reader = open_reader(path)
    try:
        return board_of(reader).running
    finally:
        reader.close()


async def _through_inbox(settings: Settings, words: list[str], settle: float | None, irreversible: bool) -> TxView:
    """Hand the command to the engine that is running on the journal, and wait for its end."""
    from stratus.cluster.reader import Reader

    transport = connect(settings)
    try:
        proposal = await _compile(words, Reader(transport), _namespace(settings, transport))
    finally:
        await transport.close()
    command = Do(proposal=proposal, settle=settle, irreversible_ok=irreversible)
    message, tx = await asyncio.to_thread(ask, settings.journal_path, command)
    note(f"the running engine took it: {message}")
    return await asyncio.to_thread(follow, settings.journal_path, tx)


def _namespace(settings: Settings, transport: Transport) -> str:
    """As kubectl: what the command line fences, else the kubeconfig context's own, else ``default``."""
    return settings.namespaces[0] if settings.namespaces else transport.endpoint.namespace or "default"


async def _compile(words: list[str], reader: ClusterReader, namespace: str) -> Proposal:
    from stratus.cluster.kubectl import compile_command, local_files, reads_stdin

    stdin = sys.stdin.read() if reads_stdin(words) and sys.stdin is not None and not sys.stdin.isatty() else ""
    proposal = await compile_command(words, reader=reader, namespace=namespace, stdin=stdin, read_file=local_files)
    return proposal.model_copy(update={"author": f"human:{actor()}"})
