"""``stratus tx``: the transaction stack and its history."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace

from stratus.cli.assembly import actor, running_engine
from stratus.cli.output import Output, clean
from stratus.cli.remote import ask, board_of, follow
from stratus.cli.settings import Settings, load, seconds
from stratus.cli.story import Story
from stratus.cli.transactions import document, exit_code_of, outcome_of, print_transaction, refusal
from stratus.domain.commands import Approve, Command, Hold, Undo, Veto
from stratus.domain.errors import InvalidInput, LeaseLost, StratusError
from stratus.domain.transactions import TxView, card_digest
from stratus.journal import open_reader


def _output(arguments: Namespace) -> Output:
    return Output(arguments.output, color=False if arguments.no_color else None)


def _transactions(settings: Settings) -> dict[str, TxView]:
    reader = open_reader(settings.journal_path)
    try:
        return dict(board_of(reader).transactions)
    finally:
        reader.close()


def _one(arguments: Namespace) -> TxView:
    known = _transactions(load(arguments))
    if arguments.tx not in known:
        raise InvalidInput(
            f"there is no transaction {arguments.tx!r}; the newest: {', '.join(list(known)[-3:]) or 'none'}"
        )
    return known[arguments.tx]


def list_(arguments: Namespace) -> int:
    """All transactions, newest first."""
    out = _output(arguments)
    views = list(_transactions(load(arguments)).values())[::-1]
    if out.form == "jsonl":
        for view in views:
            out.json(document(view))
    elif out.form == "json":
        out.json([document(view) for view in views])
    else:
        rows = [
            (
                tx.id,
                outcome_of(tx) if tx.ended else str(tx.state),
                f"{tx.proposed_at:%m-%d %H:%M:%S}",
                tx.proposal.author,
                tx.proposal.title,
            )
            for tx in views
        ]
        out.table(("TX", "STATE", "PROPOSED", "BY", "CHANGE"), rows)
    return 0


def show(arguments: Namespace) -> int:
    """One transaction with its steps."""
    print_transaction(_output(arguments), _one(arguments))
    return 0


def diff(arguments: Namespace) -> int:
    """The fields that it changes."""
    out, view = _output(arguments), _one(arguments)
    if out.form != "text":
        out.json(document(view)["steps"])
        return 0
    for step in view.steps:
        out.line(out.style(step.target.path, "bold"))
        for change in step.diff or ():
            out.line(f"  {clean(change.path)}")
            if change.before is not None:
                out.line(out.style(f"  - {clean(str(change.before))}", "red"))
            if change.after is not None:
                out.line(out.style(f"  + {clean(str(change.after))}", "green"))
    return 0


def why(arguments: Namespace) -> int:
    """Reason, evidence, and how it ended."""
    out, view = _output(arguments), _one(arguments)
    if out.form != "text":
        out.json(
            {"tx": view.id, "reason": view.proposal.reason, "evidence": view.proposal.evidence, "ended": view.reason}
        )
        return 0
    out.line(f"{view.id}  {clean(view.proposal.title)}  (proposed by {clean(view.proposal.author)})")
    out.line(f"why    {clean(view.proposal.reason) or 'its author did not say'}")
    for each in view.proposal.evidence:
        out.line(f"       {clean(each)}")
    out.line(f"ended  {outcome_of(view) if view.ended else view.state}: {clean(view.reason)}")
    return 0


def veto(arguments: Namespace) -> int:
    """Stop it, or undo it while it is executing."""
    return _decide(arguments, Veto(tx=arguments.tx, reason=arguments.reason))


def hold(arguments: Namespace) -> int:
    """Stop the clock of its window."""
    return _decide(arguments, Hold(tx=arguments.tx, seconds=seconds(arguments.seconds) if arguments.seconds else None))


def approve(arguments: Namespace) -> int:
    """Let exactly what is shown now go ahead."""
    return _decide(arguments, Approve(tx=arguments.tx, digest=card_digest(_one(arguments))))


def _decide(arguments: Namespace, command: Command) -> int:
    message, _ = ask(load(arguments).journal_path, command)
    _output(arguments).line(message)
    return 0


def undo(arguments: Namespace) -> int:
    """Undo a committed transaction; edits that others made since are kept."""
    out = _output(arguments)
    try:
        return _undo_one(arguments, out)
    except StratusError as error:
        if out.form != "text":
            out.json(refusal(error, arguments.tx))
        raise


def _undo_one(arguments: Namespace, out: Output) -> int:
    view = _one(arguments)
    if sys.stdin.isatty() and not arguments.yes and input(f"undo {view.id} ({view.proposal.title})? [y/N] ") != "y":
        raise InvalidInput("not undone: answer y, or give --yes")
    settings = load(arguments)
    try:
        done = asyncio.run(_undo(settings, view.id, out, seconds(arguments.settle) if arguments.settle else None))
    except LeaseLost:
        ask(settings.journal_path, Undo(tx=view.id))
        done = follow(settings.journal_path, view.id, after=view.ended_at)
    print_transaction(out, done, undone_on_demand=True)
    return int(exit_code_of(done, undone_on_demand=True))


async def _undo(settings: Settings, tx: str, out: Output, settle: float | None) -> TxView:
    tell = Story(Output("text", stdout=sys.stderr)).tell if out.form == "text" else None
    async with running_engine(settings, on_event=tell) as running:
        context = running.engine.context
        if settle is not None:
            context.settings = context.settings.model_copy(update={"undo_settle": settle})
        await running.engine.undo(tx, by=actor(), reason=f"asked for by {actor()}")
        return running.engine.ledger.transaction(tx)
