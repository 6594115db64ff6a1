"""``stratus log`` and ``stratus audit verify``: the event log and its hash chain."""

from __future__ import annotations

import time
from argparse import Namespace

from stratus.cli.commands.run import teller
from stratus.cli.exits import ExitCode
from stratus.cli.output import Output
from stratus.cli.settings import load
from stratus.journal import open_reader

POLL = 0.1


def log(arguments: Namespace) -> int:
    """Print the events; ``--follow`` waits for more."""
    form = "jsonl" if arguments.json or arguments.output != "text" else "text"
    tell = teller(Output(form, color=False if arguments.no_color else None))
    reader = open_reader(load(arguments).journal_path)
    seq, seen = 0, -1
    try:
        while True:
            while page := reader.read(seq, 500):
                for recorded in page:
                    tell(recorded)
                seq = page[-1].seq
            if not arguments.follow:
                return 0
            while seen == (seen := reader.changed()):
                time.sleep(POLL)
    finally:
        reader.close()


def verify(arguments: Namespace) -> int:
    """Check that no event was changed, removed or put in between."""
    reader = open_reader(load(arguments).journal_path)
    try:
        broken, head = reader.verify(), reader.head()
    finally:
        reader.close()
    out = Output(arguments.output, color=False if arguments.no_color else None)
    if out.form != "text":
        out.json({"events": head, "intact": broken is None, "first_broken": broken})
    elif broken is None:
        out.line(f"{head} events, the chain holds")
    else:
        out.line(f"the chain is broken at event {broken} of {head}: it, or one before it, is not what was written")
    return 0 if broken is None else int(ExitCode.INTERNAL)
