"""The card when there is no transaction to show: healthy, detecting, or handed over."""

from __future__ import annotations

from stratus.domain.incidents import IncidentView
from stratus.domain.machine import IncidentState, TxState
from stratus.domain.severity import Finding
from stratus_tui.render.glyphs import MODE_SIGNS, tx_sign
from stratus_tui.render.lines import Line, Row, Span, fit, labelled, line, wrap
from stratus_tui.render.values import clock, duration, elapsed, severity
from stratus_tui.view import View

GUTTER = 11
FINDINGS_SHOWN = 8
MODE_MEANING = {
    "observe": "looks and proposes, never writes",
    "approve": "every change waits for a person's yes",
    "veto": "acts after the window unless somebody objects",
    "auto": "acts at once, undoes what does not help",
}


def rest_card(view: View, width: int) -> list[Row]:
    """Since when the cluster is healthy, what is watched and what is not, who may act."""
    room = max(20, width - 2)
    health = view.board.health
    if health.at is None:
        lines = [line(Span("○ Nothing measured yet", "info"))]
    elif health.blind:
        lines = [
            line(Span(f"✗ Cannot see: {', '.join(health.blind)}. What cannot be observed is never healthy.", "bad"))
        ]
    elif health.severity > 0:
        lines = [line(Span(f"▲ Severity {severity(health.severity)}, no incident is open", "warn"))]
    else:
        lines = [line(Span(f"● Healthy since {clock(health.at)}, for {elapsed(health.at, view.now)}", "ok"))]
    lines += [
        (),
        *_findings(health.findings, room),
        *_watched(view, room),
        *_posture(view, room),
        *_history(view, room),
    ]
    return _rows(lines, room)


def _rows(lines: list[Line], width: int) -> list[Row]:
    return [Row((Span(" "), *fit(each, width))) for each in lines]


def _findings(findings: tuple[Finding, ...], width: int) -> list[Line]:
    texts = [
        line(Span(f"{finding.weight:g} ", "bad"), Span(f"{finding.subject} {finding.reason}", "strong"),
             f" {finding.message}")
        for finding in findings[:FINDINGS_SHOWN]
    ]  # fmt: skip
    if len(findings) > FINDINGS_SHOWN:
        texts.append(line(Span(f"… {len(findings) - FINDINGS_SHOWN} more", "dim")))
    return labelled("findings", texts, width, GUTTER)


def _watched(view: View, width: int) -> list[Line]:
    board = view.board
    seen = [name for name in board.oracles if name in board.health.observing]
    off = [name for name in board.oracles if name not in board.health.observing and name not in board.health.blind]
    workloads = f"{len(board.workloads)} workloads in {', '.join(board.namespaces) or 'all namespaces'}"
    texts = [line(Span(f"✓ {name}", "ok")) for name in seen] + [
        line(Span(f"✗ {n} (blind)", "bad")) for n in board.health.blind
    ]
    joined: Line = tuple(span for text in texts for span in (*text, Span("  ")))
    whys = [line(Span(f"  {name}: {why}", "dim")) for name, why in board.health.why_blind.items() if why]
    lines = labelled("watched", [line(workloads), joined, *whys], width, GUTTER)
    return lines + (labelled("not", [line(Span("  ".join(off), "dim"))], width, GUTTER) if off else [])


def _posture(view: View, width: int) -> list[Line]:
    mode = view.board.mode
    sign = MODE_SIGNS[mode]
    rows = [line(Span(f"{sign.glyph} {sign.word}", sign.role), f" {MODE_MEANING[mode.value]}")]
    if mode.value == "veto":
        rows[0] = (*rows[0], Span(f" ({duration(view.board.veto_window)})"))
    for namespace, bound in view.board.namespace_modes.items():
        rows.append(line(f"{namespace}: ", Span(bound.value, MODE_SIGNS[bound].role)))
    for namespace, until in view.board.paused.items():
        limit = f" until {clock(until)}" if until else ""
        if view.in_force(until):
            rows.append(line(Span(f"▮▮ paused: {namespace or 'everything'}{limit}", "warn")))
    return labelled("mode", rows, width, GUTTER)


def _history(view: View, width: int) -> list[Line]:
    ended = [incident for incident in view.board.incidents.values() if incident.ended_at]
    rows = [
        line(f"{incident.id} {incident.state} {clock(incident.ended_at)} · {incident.title}")
        for incident in reversed(ended[-3:])
        if incident.ended_at is not None
    ]
    return labelled("before", rows, width, GUTTER)


def incident_card(view: View, incident: IncidentView, width: int) -> list[Row]:
    """An incident without a proposal yet, or handed over to people."""
    room = max(20, width - 2)
    if incident.state is IncidentState.ESCALATED:
        return _rows(_handed_over(view, incident, room), room)
    doing = f"{incident.state.upper()} · {incident.path[-1].reason or 'no proposal yet'}"
    lines = [line(Span(text, "live")) for text in wrap(doing, room, 2)] + [()]
    lines += [*_findings(view.board.health.findings or incident.findings, room), *_diagnosis(incident, room)]
    return _rows(lines, room)


def _diagnosis(incident: IncidentView, width: int) -> list[Line]:
    found = incident.diagnosis
    if found is None:
        return []
    head = line(Span(found.component, "strong"), f" {found.fault_class} ", Span(f"{found.confidence:.0%} sure", "dim"))
    texts = [text for each in (found.summary, *found.evidence) if each for text in wrap(each, width - GUTTER, 3)]
    return labelled("diagnosis", [head, *(line(text) for text in texts)], width, GUTTER)


def _handed_over(view: View, incident: IncidentView, width: int) -> list[Line]:
    lines: list[Line] = [line(Span(" ESCALATED · the agents have stopped; this incident needs people now ", "banner"))]
    lines += [line(text) for text in wrap(incident.path[-1].reason, width, 3)] + [()]
    lines += [*_findings(view.board.health.findings, width), *_diagnosis(incident, width)]
    tried = [view.board.transactions[tx] for tx in incident.transactions if tx in view.board.transactions]
    rows = [
        line(Span(f"{sign.glyph} {tx.id} {sign.word} ", sign.role), tx.proposal.title)
        for tx in tried
        for sign in (tx_sign(tx, view.now),)
    ]
    lines += labelled("tried", rows or [line(Span("nothing was tried", "dim"))], width, GUTTER)
    kept = [f"{each.what} (tx {each.tx})" if each.tx else each.what for each in incident.evidence]
    lines += labelled("evidence", [line(text) for text in kept[-4:]], width, GUTTER)
    bound, now = severity(incident.initial), severity(view.board.health.severity)
    kept_open = [tx.id for tx in tried if tx.state is TxState.DIVERGED]
    quiet = "what was undone reads as before" if any(tx.writes for tx in tried) else "nothing was written"
    rest = f"{', '.join(kept_open)} DIVERGED" if kept_open else quiet
    left = f"μ {bound} when it opened, {now} now; {rest}"
    return [*lines, *labelled("left", [line(left)], width, GUTTER)]
