"""The incident machine, drawn from its table: a change of the table changes the picture.

The first target of each state is its straight way on, so following first targets gives the spine; states beside it
form the way back. It is drawn below the spine from right to left, under the states it comes from and returns to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stratus.domain.incidents import IncidentView
from stratus.domain.machine import INCIDENT_ENDED, INCIDENT_TRANSITIONS, IncidentState
from stratus_tui.render.lines import Line, Role, Row, Span, fit, line, text_of, width_of
from stratus_tui.render.values import elapsed
from stratus_tui.view import View

Table = Mapping[IncidentState, tuple[IncidentState, ...]]
_ARROW = " ─▶ "


def spine(table: Table = INCIDENT_TRANSITIONS) -> tuple[IncidentState, ...]:
    """The straight way from the first state to an end."""
    path = [next(iter(table))]
    while table[path[-1]] and table[path[-1]][0] not in path:
        path.append(table[path[-1]][0])
    return tuple(path)


def way_back(table: Table = INCIDENT_TRANSITIONS) -> tuple[IncidentState, ...]:
    """The states beside the spine that lead back to it, in the order in which they are passed."""
    beside = [state for state in table if state not in spine(table) and table[state]]
    return tuple(sorted(beside, key=lambda state: table[state][0] not in beside))


@dataclass(frozen=True)
class Progress:
    """Where an incident is, and where it was."""

    live: IncidentState
    visited: frozenset[IncidentState]
    clock: str = ""
    """Time in the live state."""

    @property
    def next(self) -> tuple[IncidentState, ...]:
        """Where the table lets it go from here."""
        return INCIDENT_TRANSITIONS[self.live]


def progress(incident: IncidentView | None, now: datetime) -> Progress:
    """``watching`` between incidents."""
    if incident is None:
        return Progress(IncidentState.WATCHING, frozenset())
    since = incident.path[-1].since
    spent = "" if incident.ended else elapsed(since, now)
    visited = frozenset({IncidentState.WATCHING, *(visit.state for visit in incident.path[:-1])})
    return Progress(incident.state, visited, spent)


def machine(view: View, width: int) -> list[Row]:
    """Four lines: spine, connectors, way back, and the path with times. One line when it does not fit."""
    incident = view.incident
    where = progress(incident, view.now)
    top = _spine_line(where)
    if width_of(top) > width:
        return [Row(compact(view, width))]
    return [Row(top), *(Row(fit(each, width)) for each in _below(text_of(top), where)), Row(_path_line(view, width))]


def _spine_line(where: Progress) -> Line:
    spans: list[Span] = [Span("  ")]
    for number, state in enumerate(spine()):
        if number:
            passed = state in where.visited or state is where.live
            spans.append(Span(_ARROW, "" if passed else "dim"))
        spans += _cell(state, where)
    return tuple(spans)


def _cell(state: IncidentState, where: Progress, *, tight: bool = False) -> list[Span]:
    """``tight`` leaves the time to the path line: the way back has to fit below the spine."""
    if state is where.live and tight:
        return [Span(f"▐{state.upper()}▌", _live_role(state))]
    if state is where.live:
        text = f"▐ {state.upper()}{' ' + where.clock if where.clock else ''} ▌"
        return [Span(text, _live_role(state))]
    if state in where.visited:
        return [Span("✓ ", "ok"), Span(state.value)]
    return [Span(state.value, "strong" if state in where.next else "dim")]


def _live_role(state: IncidentState) -> Role:
    if state is IncidentState.ESCALATED:
        return "banner"
    return "calm" if state in (IncidentState.WATCHING, IncidentState.RESOLVED) else "live"


def _below(top: str, where: Progress) -> list[Line]:
    back = way_back()
    sources = [_center(top, state) for state in spine() if back[0] in INCIDENT_TRANSITIONS[state]]
    targets = [_center(top, state) for state in spine() if state in _non_final(back[-1])]
    connectors = _marks({**{at: "▲" for at in targets}, **{at: "│" for at in sources}}, len(top))
    return [line(Span(connectors, "dim")), _back_line(sources, targets, where, top)]


def _non_final(state: IncidentState) -> list[IncidentState]:
    return [target for target in INCIDENT_TRANSITIONS[state] if target not in INCIDENT_ENDED]


def _center(top: str, state: IncidentState) -> int:
    """The column under the middle of a state's name."""
    start = top.upper().index(state.upper())
    return start + len(state) // 2


def _marks(marks: Mapping[int, str], width: int) -> str:
    return "".join(marks.get(column, " ") for column in range(width)).rstrip()


def _back_line(sources: list[int], targets: list[int], where: Progress, top: str) -> Line:
    """``╰──┴── reflecting ◀─ undoing ──┴──╯`` and, at the right, the end that every state can reach."""
    cells = [_cell(state, where, tight=True) for state in reversed(way_back())]
    names: list[Span] = []
    for number, cell in enumerate(cells):
        names += [Span(" ◀─ ", "dim"), *cell] if number else cell
    size = width_of(tuple(names))
    start = max(targets[-1] + 2, min(sources[0] - size // 2, sources[-1] - size - 3))
    left = _rail(targets, start - 1, open_at=targets[0])
    right = _rail(sources, sources[-1] + 1, open_at=start + size + 1, closing=True)
    end = _ends(where)
    gap = max(2, len(top) - (sources[-1] + 1) - width_of(end))
    return (Span(" " * targets[0] + left + " ", "dim"), *names, Span(" " + right, "dim"), Span(" " * gap), *end)


def _rail(joints: list[int], until: int, *, open_at: int, closing: bool = False) -> str:
    corner = {joints[-1]: "╯"} if closing else {joints[0]: "╰"}
    inner = {at: "┴" for at in joints}
    return "".join({**inner, **corner}.get(column, "─") for column in range(open_at, until))


def _ends(where: Progress) -> Line:
    """Ends off the spine, with the number of states that lead there."""
    spans: list[Span] = []
    for state in (state for state in INCIDENT_TRANSITIONS if state in INCIDENT_ENDED and state not in spine()):
        origins = sum(state in targets for targets in INCIDENT_TRANSITIONS.values())
        spans += [Span(f"any of {origins} ─▶ ", "dim"), *_cell(state, where, tight=True)]
    return tuple(spans)


def _path_line(view: View, width: int) -> Line:
    """The path taken with the time in each state; at rest, what the machine waits for."""
    incident = view.incident
    if incident is None:
        return line(Span("  resting: an incident opens when an oracle has a finding", "dim"))
    steps = [f"{visit.state} {elapsed(visit.since, visit.until or view.now)}" for visit in incident.path]
    if incident.ended:
        steps[-1] = incident.state.value
    kept = len(steps)
    while kept > 1 and len(_path_text(steps, kept)) > width - 2:
        kept -= 1
    text = _path_text(steps, kept)
    reason = incident.path[-1].reason
    said = line(Span("  " + text, "dim"), Span(f"  {reason}" if reason else "", "info"))
    return said if width_of(said) <= width else fit(line(Span("  " + text, "dim")), width)


def _path_text(steps: list[str], kept: int) -> str:
    return ("path … ▸ " if kept < len(steps) else "path ") + " ▸ ".join(steps[-kept:])


def compact(view: View, width: int) -> Line:
    """``… ✓ planning ▸ MITIGATING 00:12 ▸ verifying …``: the live state with its neighbours."""
    where = progress(view.incident, view.now)
    way = spine() if where.live in spine() else (*_before_back(), *way_back(), *_non_final(way_back()[-1])[:1])
    if where.live not in way:
        passed = [visit.state for visit in view.incident.path[:-1]] if view.incident is not None else []
        way = (*dict.fromkeys(passed), where.live)
    at = way.index(where.live)
    shown = list(way[max(0, at - 2) : at + 4])
    while True:
        spans = _compact_spans(shown, way, where)
        if width_of(spans) <= width or len(shown) <= 1:
            return fit(spans, width)
        shown.pop(-1 if len(shown) - shown.index(where.live) > shown.index(where.live) + 1 else 0)


def _before_back() -> tuple[IncidentState, ...]:
    return tuple(state for state in spine() if way_back()[0] in INCIDENT_TRANSITIONS[state])[:1]


def _compact_spans(shown: list[IncidentState], way: tuple[IncidentState, ...], where: Progress) -> Line:
    spans: list[Span] = [Span(" " if shown[0] is way[0] else " … ", "dim")]
    for number, state in enumerate(shown):
        spans += [Span(" ▸ ", "dim")] if number else []
        spans += _cell(state, where)
    return (*spans, Span("" if shown[-1] is way[-1] else " …", "dim"))
