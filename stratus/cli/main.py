"""``stratus``: the parser and the dispatch. Every command lives in its own module and is imported when it is given."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from stratus import __version__
from stratus.cli.exits import ExitCode, code_of
from stratus.cli.output import fail
from stratus.domain.errors import StratusError

Handler = Callable[[argparse.Namespace], int]
if TYPE_CHECKING:
    Nouns = argparse._SubParsersAction[argparse.ArgumentParser]  # argparse has no public name for it
KUBECTL = "-- kubectl ARGS…"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    arguments = parser().parse_args(argv)
    module, _, function = arguments.handler.partition(":")
    try:
        handler: Handler = getattr(importlib.import_module(f"stratus.cli.commands.{module}"), function)
        return int(handler(arguments))
    except StratusError as error:
        fail(str(error))
        return int(code_of(error))
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 0
    except Exception as error:  # a bug of ours: say so plainly, and keep the traceback for a report
        if os.environ.get("STRATUS_DEBUG"):
            raise
        fail(f"internal error: {error!r}; what is open is recovered at the next start (STRATUS_DEBUG=1 shows where)")
        return int(ExitCode.INTERNAL)
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)


def parser() -> argparse.ArgumentParser:
    """The whole grammar."""
    top = argparse.ArgumentParser(
        prog="stratus", description="An autonomous SRE for Kubernetes that cannot make things worse."
    )
    top.add_argument("--version", action="version", version=f"stratus {__version__}")
    nouns = top.add_subparsers(metavar="COMMAND", required=True)
    _add_watching(nouns)
    _add_transactions(nouns)
    _add_override(nouns)
    _add_records(nouns)
    _add_sandbox(nouns)
    return top


def _command(nouns: Nouns, name: str, handler: str, text: str, **more: bool) -> argparse.ArgumentParser:
    added: argparse.ArgumentParser = nouns.add_parser(name, help=text, description=text)
    added.set_defaults(handler=handler)
    _common(added, cluster=more.get("cluster", False))
    return added


def _common(added: argparse.ArgumentParser, *, cluster: bool) -> None:
    shared = added.add_argument_group("common options")
    shared.add_argument("--journal", metavar="FILE", help="the event log (default: ~/.local/state/stratus/journal.db)")
    shared.add_argument("--config", metavar="FILE", help="configuration (default: ~/.config/stratus/config.toml)")
    shared.add_argument("-o", "--output", choices=("text", "json", "jsonl"), default="text")
    shared.add_argument("--no-color", action="store_true", help="as the environment's NO_COLOR does")
    if not cluster:
        return
    shared.add_argument("--kubeconfig", metavar="FILE")
    shared.add_argument("--context")
    shared.add_argument(
        "-n", "--namespace", dest="namespaces", action="append", metavar="NS", help="repeatable; a fence"
    )
    through = "or svc:NS/NAME:PORT through the API server"
    shared.add_argument("--prometheus", metavar="URL", help=f"its alerts are findings; {through}")
    shared.add_argument("--alertmanager", metavar="URL", help=f"what others send it, and its silences; {through}")
    shared.add_argument(
        "--probe",
        dest="probes",
        action="append",
        metavar="URL",
        help="an SLO probe, repeatable; svc:NS/NAME:PORT/PATH goes through the API server",
    )
    shared.add_argument("--mode", choices=("observe", "approve", "veto", "auto"))
    shared.add_argument("--veto-window", metavar="30s")
    shared.add_argument("--mind", choices=("playbook", "llm", "hybrid"))
    shared.add_argument("--model", help="model of the llm mind")


def _add_watching(nouns: Nouns) -> None:
    demo = _command(nouns, "demo", "demo:demo", "an embedded cluster, a fault, and agents that repair it", cluster=True)
    demo.add_argument("scenario", nargs="?", default="two-bad-deploys", metavar="SCENARIO")
    demo.add_argument("--headless", action="store_true", help="text instead of the terminal app")
    demo.add_argument("--watch", action="store_true", help="go on watching after the repair, until stopped")
    demo.add_argument("--list", action="store_true", dest="list_scenarios", help="the scenarios that can be named")
    run = _command(nouns, "run", "run:run", "the engine without a screen", cluster=True)
    for each in (demo, run):
        each.add_argument("--until-eof", action="store_true", help="stop safely when standard input ends")
    run.add_argument("--once", action="store_true", help="one look, mitigate if needed, exit with a meaningful code")
    bench = _command(nouns, "bench", "bench:bench", "the catalogue of faults, each repaired on an embedded cluster")
    bench.add_argument("faults", nargs="*", metavar="FAULT", help="names or parts of names (default: all of them)")
    bench.add_argument("--mind", choices=("playbook", "llm", "hybrid"))
    bench.add_argument("--model", help="model of the llm mind")
    tui = _command(nouns, "tui", "tui:tui", "the terminal app", cluster=True)
    tui.add_argument("--replay", metavar="LOG", help="play a journal or a JSON-lines log")
    tui.add_argument("--speed", type=float, default=1.0)

    ask = _command(nouns, "ask", "ask:ask", "ask the agents about the cluster; they only read", cluster=True)
    ask.add_argument("question", nargs="+", metavar="WORD", help="names of workloads narrow it down")


def _add_transactions(nouns: Nouns) -> None:
    do = _command(nouns, "do", "do:do", "a kubectl command as a transaction: stratus do -- kubectl ARGS…", cluster=True)
    do.add_argument("--yes", action="store_true", help="answer questions with yes; never lowers a policy")
    do.add_argument("--settle", metavar="60s", help="the longest wait for a verdict")
    do.add_argument("--irreversible", action="store_true", help="say explicitly that a change without undo is meant")
    do.add_argument("command", nargs=argparse.REMAINDER, metavar=KUBECTL)
    tx = nouns.add_parser("tx", help="transactions: list, show, diff, why, veto, hold, approve, undo")
    verbs = tx.add_subparsers(metavar="VERB", required=True)
    for verb, text in (
        ("list", "all transactions, newest first"),
        ("show", "one transaction with its steps"),
        ("diff", "the fields that it changes"),
        ("why", "reason, evidence, and how it ended"),
        ("veto", "stop it, or undo it while it is executing"),
        ("hold", "stop the clock of its window"),
        ("approve", "let it go ahead now"),
        ("undo", "undo a committed transaction"),
    ):
        added = _command(verbs, verb, f"tx:{verb}" if verb != "list" else "tx:list_", text, cluster=verb == "undo")
        if verb != "list":
            added.add_argument("tx", metavar="TX")
        if verb == "veto":
            added.add_argument("--reason", default="")
        if verb == "hold":
            added.add_argument("--for", dest="seconds", metavar="30m")
        if verb == "undo":
            added.add_argument("--yes", action="store_true")
            added.add_argument("--settle", metavar="60s", help="the longest wait for rollouts")


def _add_override(nouns: Nouns) -> None:
    mode = _command(nouns, "mode", "override:mode", "show or change the mode of the running engine")
    mode.add_argument("mode", nargs="?", choices=("observe", "approve", "veto", "auto"))
    pause = _command(nouns, "pause", "override:pause", "no new step until resumed")
    resume = _command(nouns, "resume", "override:resume", "end a pause")
    for each in (mode, pause, resume):
        each.add_argument(
            "--in", dest="namespace", default="", metavar="NS", help="one namespace instead of everything"
        )
    for each in (mode, pause):
        each.add_argument("--for", dest="seconds", metavar="30m", help="until then only")


def _add_records(nouns: Nouns) -> None:
    incident = nouns.add_parser("incident", help="incidents: list, show, report")
    verbs = incident.add_subparsers(metavar="VERB", required=True)
    _command(verbs, "list", "incident:list_", "all incidents, newest first")
    for verb, text in (("show", "one incident"), ("report", "a post-mortem in Markdown, from the log")):
        _command(verbs, verb, f"incident:{verb}", text).add_argument("incident", nargs="?", default="", metavar="ID")
    log = _command(nouns, "log", "log:log", "the event log")
    log.add_argument("-f", "--follow", action="store_true")
    log.add_argument("--json", action="store_true", help="JSON lines; the same as -o jsonl")
    audit = nouns.add_parser("audit", help="the log's hash chain")
    _command(audit.add_subparsers(metavar="VERB", required=True), "verify", "log:verify", "check the hash chain")
    _command(nouns, "doctor", "doctor:doctor", "is everything there that a run would need?", cluster=True)


def _add_sandbox(nouns: Nouns) -> None:
    sandbox = nouns.add_parser("sandbox", help="the embedded cluster: up, list, inject, heal, down")
    verbs = sandbox.add_subparsers(metavar="VERB", required=True)
    up = _command(verbs, "up", "sandbox:up", "serve an embedded cluster and write its kubeconfig")
    up.add_argument("--kubeconfig-out", metavar="FILE", help="default: ./stratus-sandbox.kubeconfig")
    up.add_argument("--port", type=int, default=0, help="default: any free one")
    up.add_argument(
        "--app", action="append", dest="applications", help="hotel (default), social-network, astronomy-shop"
    )
    _command(verbs, "list", "sandbox:list_", "the faults that can be injected")
    for verb, text in (
        ("inject", "inject a fault in a cluster that `sandbox up` serves"),
        ("heal", "heal a fault in a cluster that `sandbox up` serves"),
        ("down", "end a cluster that `sandbox up` serves"),
    ):
        added = _command(verbs, verb, f"sandbox:{verb}", text)
        if verb != "down":
            added.add_argument("fault")
        added.add_argument("--kubeconfig", metavar="FILE", help="the one that `sandbox up` wrote")


if __name__ == "__main__":
    sys.exit(main())
