"""The log as a story, line by line: what the text form of ``run``, ``demo`` and ``log`` prints."""

from __future__ import annotations

from collections import deque
from datetime import datetime

from stratus.cli.output import Output, clean
from stratus.domain import events as e
from stratus.domain.severity import Finding
from stratus.domain.steps import FieldChange

VALUE_WIDTH = 90
DIFF_ROWS = 12
REMEMBERED = 12
"""Lines: what was said within them is not said again by another event."""
FACTS = ("detection", "diagnosis", "mitigation")
"""Roles whose observations repeat what other events of the same moment say: findings, evidence, ends of transactions."""


class Story:
    """Prints each event that a person wants to read, with its time."""

    def __init__(self, out: Output, *, verbose: bool = False) -> None:
        self._out, self._verbose = out, verbose
        self._started: datetime | None = None
        self._told: deque[str] = deque(maxlen=REMEMBERED)
        self._findings: dict[tuple[str, str, str], Finding] = {}

    def tell(self, recorded: e.Recorded) -> None:
        """Print one event; nothing for what is only of interest to machines."""
        self._started = self._started or recorded.at
        lines = self._lines(recorded.event)
        if not lines:
            return
        self._told.extend(lines)
        seconds = (recorded.at - self._started).total_seconds()
        stamp = self._out.style(f"{recorded.at:%H:%M:%S} {seconds:6.1f}s", "dim")
        self._out.line(f"{stamp}  {lines[0]}")
        for line in lines[1:]:
            self._out.line(f"{'':16}    {line}")

    def _lines(self, event: e.Event) -> list[str]:
        match event:
            case e.EngineStarted():
                where = ", ".join(event.namespaces) or "all namespaces"
                cluster = event.cluster.context or event.cluster.server
                return [f"watching {where} of {clean(cluster)} (Kubernetes {event.cluster.version}), mode {event.mode}"]
            case e.HealthSample():
                return self._health(event)
            case e.IncidentOpened():
                return [self._out.style(f"INCIDENT {event.incident}  {clean(event.title)}", "bold")]
            case e.PhaseChanged():
                reason = f": {clean(event.reason)}" if self._is_new(event.reason) else ""
                return [self._out.style(f"{event.before} → {event.after}{reason}", "cyan")]
            case e.AgentSaid() if self._verbose or self._matters(event):
                return [f"{event.role:<10} {clean(event.text)}"]
            case e.DiagnosisMade():
                return self._diagnosis(event)
            case e.TxEvent():
                return self._transaction(event)
            case e.CommandHandled():
                return [f"{clean(event.actor)} ({event.surface}) {event.verb}: {clean(event.message)}"]
            case e.EngineStopped():
                return [f"stopped: {clean(event.reason)}"]
            case _:
                return []

    def _is_new(self, text: str) -> bool:
        return bool(text) and not any(clean(text) in told for told in self._told)

    def _matters(self, event: e.AgentSaid) -> bool:
        known = event.kind == "tool" or (event.kind == "observation" and event.role in FACTS)
        return not known and self._is_new(event.text)

    def _health(self, event: e.HealthSample) -> list[str]:
        """The severity, and what came and went since the last time."""
        before, self._findings = self._findings, {each.key: each for each in event.findings}
        if event.severity == 0:
            return [self._out.style("severity 0  everything that is watched is healthy", "green")]
        head = "∞" if event.severity is None else f"{event.severity:g}"
        blind = [clean(f"cannot observe {name}: {event.why_blind.get(name, '')}".rstrip(": ")) for name in event.blind]
        came = [f"+ {_finding(each)}" for key, each in self._findings.items() if key not in before]
        went = [
            clean(f"- {each.subject.path}: {each.reason}") for key, each in before.items() if key not in self._findings
        ]
        return [self._out.style(f"severity {head}", "red"), *blind, *came, *went]

    def _diagnosis(self, event: e.DiagnosisMade) -> list[str]:
        believed = f"{event.component}: {event.fault_class} ({event.confidence:.0%})"
        head = clean(f"{'diagnosis':<10} {believed}  {event.summary}")
        return [head, *(f"{'':10} · {clean(each)}" for each in event.evidence if clean(each) not in head)]

    def _transaction(self, event: e.TxEvent) -> list[str]:
        tx = self._out.style(f"tx {event.tx}", "bold")
        match event:
            case e.TxProposed():
                why = [f"why: {clean(event.proposal.reason)}"] if event.proposal.reason else []
                return [f"{tx} proposed: {clean(event.proposal.title)}", *why]
            case e.TxClassified():
                kinds = ", ".join(f"{each.tier}/{each.reversibility}" for each in event.steps)
                return [f"{tx} classified: {kinds}; mode {event.mode}"]
            case e.SnapshotTaken():
                return [f"{tx} snapshot of {clean(str(event.target))}: {event.snapshot[:12] or 'does not exist yet'}"]
            case e.StepRehearsed():
                return [f"{tx} dry run accepted; undo: {clean(event.undo)}", *self._diff(event.diff)]
            case e.StepRefused():
                return [f"{tx} refused: {clean(event.reason)}"]
            case e.TxAwaiting():
                return [f"{tx} waits {event.seconds:g} s for {'a veto' if event.wants == 'veto' else 'an approval'}"]
            case e.TxHeld():
                return [f"{tx} held by {clean(event.by)}"]
            case e.TxDecided() if event.by != "policy":
                return [f"{tx} {event.decision} by {clean(event.by)} {clean(event.reason)}"]
            case e.CheckpointTaken():
                point = event.checkpoint
                return [f"{tx} checkpoint: severity {point.severity:g}, bound {point.initial:g}"]
            case e.StepIntended():
                return [f"{tx} intent is durable: {event.write.kind} {clean(str(event.write.target))}"]
            case e.StepExecuted():
                return [f"{tx} step {event.step} {event.outcome}{': ' + clean(event.reason) if event.reason else ''}"]
            case _:
                return self._ending(event, tx)

    def _ending(self, event: e.TxEvent, tx: str) -> list[str]:
        match event:
            case e.TxSettled():
                return [f"{tx} settled: {clean(event.reason)}"]
            case e.TxCommitted():
                return [self._out.style(f"✓ {tx} COMMITTED, severity {event.severity:g}", "green")]
            case e.UndoStarted():
                return [self._out.style(f"↶ {tx} undoing: {clean(event.reason)}", "yellow")]
            case e.StepUndone():
                return [f"{tx} step {event.step} undone: {event.result} {clean(event.reason)}".rstrip()]
            case e.TxRestored():
                severity = "" if event.severity is None else f", severity {event.severity:g}"
                proof = "every changed field reads its snapshot again"
                return [self._out.style(f"↶ {tx} RESTORED: {proof}{severity}", "yellow")]
            case e.TxDiverged():
                return [self._out.style(f"✗ {tx} DIVERGED: {', '.join(map(clean, event.fields))}", "red", "bold")]
            case e.TxCancelled():
                return [f"{tx} cancelled ({event.cause}): {clean(event.reason)}; nothing was written"]
            case _:
                return []

    def _diff(self, diff: tuple[FieldChange, ...]) -> list[str]:
        lines = []
        for change in diff[:DIFF_ROWS]:
            lines.append(clean(change.path))
            if change.before is not None:
                lines.append(self._out.style(f"- {_short(change.before)}", "red"))
            if change.after is not None:
                lines.append(self._out.style(f"+ {_short(change.after)}", "green"))
        more = len(diff) - DIFF_ROWS
        return [*lines, f"… {more} more fields"] if more > 0 else lines


def _finding(finding: Finding) -> str:
    return clean(f"{finding.weight:g}  {finding.subject.path}: {finding.reason}  {finding.message}")


def _short(value: object) -> str:
    text = clean(str(value))
    return text if len(text) <= VALUE_WIDTH else f"{text[: VALUE_WIDTH - 1]}…"
