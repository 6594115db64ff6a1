"""Describe, logs and YAML of the selection, as far as the log holds them: this terminal never asks the cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from stratus.domain.base import JsonObject
from stratus.domain.errors import StratusError
from stratus.domain.projection import Board
from stratus.domain.severity import Finding
from stratus.domain.transactions import TxView
from stratus_tui.render.card import card, diff_lines
from stratus_tui.render.lines import Line, Row, Span, line, wrap
from stratus_tui.render.transcript import KINDS, lines_of
from stratus_tui.render.values import clock, severity
from stratus_tui.view import View

Aspect = Literal["describe", "logs", "yaml"]
Fetch = Callable[[str], JsonObject]
"""Reads a stored object by its hash; raises StratusError when the store does not have it."""

_EVERYTHING = 100_000
_REDACTED = "(not shown)"


@dataclass(frozen=True)
class Selection:
    """What a key like ``tx 12.2``, ``workload hotel/deployment/geo`` or ``said 3`` names."""

    kind: str
    name: str

    @classmethod
    def of(cls, key: str) -> Selection:
        """From a row's key."""
        kind, _, name = key.partition(" ")
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def evidence(view: View, selection: Selection, aspect: Aspect, fetch: Fetch, width: int) -> list[Row]:
    """The page. It says so when the log holds nothing of the kind."""
    if selection.kind == "said":
        return _said(view, int(selection.name), width)
    if selection.kind == "answer":
        return _answer(view, selection.name, width)
    lines = _PAGES[aspect](view, selection, fetch, width)
    nothing = f"the log holds no {aspect} of {selection}; kubectl {_KUBECTL[aspect]} asks the cluster"
    return [Row((Span(" "), *each)) for each in lines] or [Row(line(Span(f" {nothing}", "dim")))]


_KUBECTL = {"describe": "describe", "logs": "logs", "yaml": "get -o yaml"}


def _said(view: View, number: int, width: int) -> list[Row]:
    transcript = lines_of(view)
    if number >= len(transcript):
        return []
    said = transcript[number]
    head = Row(line(Span(f" {clock(said.at)} {said.role} {said.kind}", "dim")))
    role = KINDS.get(said.kind, ("", ""))[1]
    return [head, *(Row(line(Span(f" {text}", role))) for text in wrap(said.text, width - 2))]


def _answer(view: View, command: str, width: int) -> list[Row]:
    """What the engine answered to a command of this terminal."""
    texts = [
        text
        for handled in view.board.handled
        if handled.command == command
        for text in wrap(handled.message, width - 2)
    ]
    return [Row(line(f" {text}")) for text in texts]


def _describe(view: View, selection: Selection, fetch: Fetch, width: int) -> list[Line]:
    tx = _tx(view, selection)
    if tx is not None:
        return [row.line for row in card(view, tx, width)] + [(), *_times(tx)]
    row = next((r for s, r in view.board.workloads.items() if s.path == selection.name), None)
    lines: list[Line] = []
    if row is not None:
        lines += [
            line(Span(row.subject.path, "strong")),
            line(f"{row.ready} of {row.desired} ready · {row.state} {row.note}"),
            (),
        ]
    lines += _findings(view.board.health.findings, selection.name, width)
    for touched in _touching(view.board, selection.name):
        lines.append(
            line(Span(f"tx {touched.id} {touched.state} {clock(touched.changed_at)} ", "info"), touched.proposal.title)
        )
        for step in touched.steps:
            lines += [(Span("  "), *each) for each in diff_lines(step.diff, width - 4)]
    return lines


def _times(tx: TxView) -> list[Line]:
    return [
        line(Span(f"{clock(at)}  ", "dim"), state.value) for state, at in sorted(tx.times.items(), key=lambda i: i[1])
    ]


def _findings(findings: tuple[Finding, ...], path: str, width: int) -> list[Line]:
    lines: list[Line] = []
    for finding in findings:
        if finding.subject.path == path:
            lines.append(line(Span(f"✗ {finding.reason} ", "bad"), f"μ {severity(finding.weight)} · {finding.oracle}"))
            lines += [line(f"  {text}") for text in wrap(finding.message, width - 4)]
    return [*lines, ()] if lines else []


def _touching(board: Board, path: str) -> list[TxView]:
    return [tx for tx in board.transactions.values() if any(step.target.path == path for step in tx.steps)]


def _logs(view: View, selection: Selection, fetch: Fetch, width: int) -> list[Line]:
    """Captured logs and events, then what was said about it."""
    name = selection.name.rpartition("/")[2]
    lines: list[Line] = []
    for incident in view.board.incidents.values():
        for kept in incident.evidence:
            if kept.tx == selection.name or name in kept.what:
                lines += [line(Span(f"{kept.what} (kept before the undo)", "info"))]
                lines += [*_captured(kept.snapshot, fetch, width), ()]
        for said in incident.transcript:
            if name in said.text:
                texts = wrap(said.text, width - 12)
                lines += [
                    line(Span(f"{clock(said.at)} ", "dim"), texts[0]),
                    *(line(" " * 9, text) for text in texts[1:]),
                ]
    return lines


def _captured(digest: str, fetch: Fetch, width: int) -> list[Line]:
    """The log lines and events in a record of evidence; anything else as YAML."""
    try:
        record = fetch(digest)
    except StratusError:
        return _fetched(digest, fetch, width)
    if "logs" not in record:
        return _dump(record)
    lines: list[Line] = []
    for pod, text in record["logs"].items():
        lines += [line(Span(pod, "strong")), *(line(f"  {each}") for each in str(text).splitlines())]
    for event in record.get("events", ()):
        head = f"{event.get('lastTimestamp') or ''} {event.get('type', '')} {event.get('reason', '')}: ".lstrip()
        lines.append(line(Span(head, "dim"), str(event.get("message", ""))))
    return lines


def _yaml(view: View, selection: Selection, fetch: Fetch, width: int) -> list[Line]:
    tx = _tx(view, selection)
    if tx is not None:
        return [each for step in tx.steps for each in _step_yaml(tx, step.number, fetch, width)]
    digest = view.board.baseline.get(selection.name)
    if digest:
        head = line(Span("# as it was when everything was last healthy", "dim"))
        return [head, *_fetched(digest, fetch, width)]
    for tx in reversed(_touching(view.board, selection.name)):
        step = next(each for each in tx.steps if each.target.path == selection.name)
        if step.snapshot:
            return [line(Span(f"# before {tx.id}", "dim")), *_fetched(step.snapshot, fetch, width)]
    return []


def _step_yaml(tx: TxView, number: int, fetch: Fetch, width: int) -> list[Line]:
    step = tx.steps[number - 1]
    lines = [line(Span(f"# {tx.id} step {number}: what is sent", "info"))]
    sent = step.step.model_dump(mode="json", exclude_none=True)
    if step.target.kind == "Secret" and "patch" in sent:
        sent["patch"] = _REDACTED
    lines += _dump(sent)
    if step.diff:
        lines += [line(Span("# every field that it changes", "info")), *diff_lines(step.diff, width - 2, _EVERYTHING)]
    if step.snapshot:
        lines += [line(Span("# the object before", "info")), *_fetched(step.snapshot, fetch, width)]
    return [*lines, ()]


def _fetched(digest: str, fetch: Fetch, width: int) -> list[Line]:
    try:
        return _dump(fetch(digest))
    except StratusError as error:
        return [line(Span(text, "dim")) for text in wrap(f"not in reach: {error}", width - 2)]


def _dump(obj: Any) -> list[Line]:
    text = yaml.safe_dump(_without_secrets(obj), sort_keys=False, allow_unicode=True, width=1000)
    return [line(each) for each in text.splitlines()]


def _without_secrets(obj: Any) -> Any:
    """Values of Secrets are for the engine, which needs them to undo; a screen can be looked at by anybody."""
    if isinstance(obj, list):
        return [_without_secrets(each) for each in obj]
    if not isinstance(obj, dict):
        return obj
    secret = obj.get("kind") == "Secret"
    hidden = ("data", "stringData") if secret else ()
    return {
        key: dict.fromkeys(value, _REDACTED) if key in hidden and isinstance(value, dict) else _without_secrets(value)
        for key, value in obj.items()
        if key != "managedFields"
    }


def _tx(view: View, selection: Selection) -> TxView | None:
    return view.board.transactions.get(selection.name) if selection.kind == "tx" else None


_PAGES: dict[str, Callable[[View, Selection, Fetch, int], list[Line]]] = {
    "describe": _describe,
    "logs": _logs,
    "yaml": _yaml,
}
