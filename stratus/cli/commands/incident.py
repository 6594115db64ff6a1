"""``stratus incident``: incidents, and a post-mortem written from the log."""

from __future__ import annotations

from argparse import Namespace

from stratus.cli.output import Output, clean
from stratus.cli.remote import board_of
from stratus.cli.settings import load
from stratus.cli.summary import incident_line
from stratus.cli.transactions import document, outcome_of
from stratus.domain.errors import InvalidInput
from stratus.domain.incidents import IncidentView
from stratus.domain.projection import Board
from stratus.journal import open_reader


def _board(arguments: Namespace) -> Board:
    reader = open_reader(load(arguments).journal_path)
    try:
        return board_of(reader)
    finally:
        reader.close()


def _one(arguments: Namespace, board: Board) -> IncidentView:
    if not board.incidents:
        raise InvalidInput("there is no incident in this journal")
    wanted = arguments.incident or list(board.incidents)[-1]
    if wanted not in board.incidents:
        raise InvalidInput(f"there is no incident {wanted!r}; the newest is {list(board.incidents)[-1]}")
    return board.incidents[wanted]


def _output(arguments: Namespace) -> Output:
    return Output(arguments.output, color=False if arguments.no_color else None)


def list_(arguments: Namespace) -> int:
    """All incidents, newest first."""
    out, board = _output(arguments), _board(arguments)
    views = list(board.incidents.values())[::-1]
    if out.form != "text":
        out.json([incident_line(view) for view in views])
        return 0
    rows = [
        (each.id, str(each.state), f"{each.opened:%m-%d %H:%M:%S}", f"{each.initial:g}", each.title) for each in views
    ]
    out.table(("INCIDENT", "STATE", "OPENED", "SEVERITY", "WHAT"), rows)
    return 0


def show(arguments: Namespace) -> int:
    """One incident: its path, its diagnosis, its transactions."""
    out, board = _output(arguments), _board(arguments)
    view = _one(arguments, board)
    if out.form != "text":
        transactions = [document(board.transactions[tx]) for tx in view.transactions]
        out.json({**incident_line(view), "title": view.title, "transactions": transactions})
        return 0
    for line in report_lines(view, board):
        out.line(line)
    return 0


def report(arguments: Namespace) -> int:
    """A post-mortem in Markdown."""
    board = _board(arguments)
    out = _output(arguments)
    for line in report_lines(_one(arguments, board), board):
        out.line(line)
    return 0


def report_lines(view: IncidentView, board: Board) -> list[str]:
    """The post-mortem. Everything in it stands in the log."""
    ended = view.ended_at
    lasted = f"{(ended - view.opened).total_seconds():.0f} s" if ended else "still open"
    lines = [
        f"# Incident {view.id}: {clean(view.title)}",
        "",
        f"- opened {view.opened:%Y-%m-%d %H:%M:%S} UTC, {view.state}, {lasted}",
        f"- severity at opening: {view.initial:g}",
    ]
    if view.cause:
        found = view.cause
        lines += [
            "",
            "## Cause",
            "",
            f"{found.component} ({found.fault_class}, {found.confidence:.0%}): {clean(found.summary)}",
            "",
        ]
        lines += [f"- {clean(each)}" for each in found.evidence]
    lines += ["", "## What was seen first", ""]
    lines += [f"- {each.subject.path}: {each.reason} {clean(each.message)}" for each in view.findings]
    lines += ["", "## What was done", ""]
    for identifier in view.transactions:
        tx = board.transactions[identifier]
        lines += [f"- **{tx.id}** {clean(tx.proposal.title)}: {outcome_of(tx)}; {clean(tx.reason)}"]
        for step in tx.steps:
            lines += [
                f"  - {clean(c.path)}: `{clean(str(c.before))}` → `{clean(str(c.after))}`" for c in step.diff or ()
            ]
    lines += ["", "## Timeline", ""]
    lines += [
        f"- {said.at:%H:%M:%S} {said.role}: {clean(said.text)}" for said in view.transcript if said.kind != "tool"
    ]
    return lines
