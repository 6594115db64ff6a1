"""The two lines on top: where, who may act, how bad; and what is going on."""

from __future__ import annotations

from stratus.domain.machine import IncidentState
from stratus_tui.render.glyphs import MODE_SIGNS
from stratus_tui.render.lines import Line, Role, Row, Span, clip, fit, join, line, spread, width_of
from stratus_tui.render.values import clock, duration, elapsed, severity
from stratus_tui.view import Link, View

_BAR = Span(" │ ", "dim")
_PLACE_WIDTH = 28
_HOLDER_WIDTH = 20


def header(view: View, width: int) -> list[Row]:
    """One line. What matters least is left out first when the terminal is narrow."""
    right = line(Span(f"{clock(view.now)} ", "strong"))
    parts = [_place(view), _mode(view), _severity(view), _lease(view), _mind(view), _version(view), _spend(view)]
    while len(parts) > 3 and width_of(join(parts, _BAR)) + width_of(right) + 12 > width:
        parts.pop()
    left = (Span(" STRATUS ", "title") if width >= 60 else Span(" "), Span(" "), *join(parts, _BAR))
    return [Row(spread(left, right, width))]


def _place(view: View) -> Line:
    cluster = view.board.cluster
    name = (cluster.context or cluster.server or cluster.uid) if cluster else "no cluster yet"
    scope = ", ".join(view.board.namespaces) or "all namespaces"
    return line(Span(clip(name, _PLACE_WIDTH), "strong"), " ▸ ", clip(scope, _PLACE_WIDTH))


def _mode(view: View) -> Line:
    if view.replay is not None:
        return line(Span(f"▷ REPLAY ×{view.replay.speed:g} {view.board.seq}/{view.replay.total}", "info"))
    if view.paused:
        return line(Span("▮▮ PAUSED", "banner"))
    sign = MODE_SIGNS[view.board.mode]
    window = f" {duration(view.board.veto_window)}" if view.board.mode.value == "veto" else ""
    until = view.board.mode_until
    limit = f" until {clock(until)}" if until is not None and view.in_force(until) else ""
    looking = " (looking on)" if view.read_only else ""
    return line(Span(f"{sign.glyph} {sign.word}{window}{limit}{looking}", sign.role))


def _severity(view: View) -> Line:
    now, incident = view.board.health.severity, view.incident
    role: Role = "bad" if now > 0 else "ok"
    measured = view.board.health.at is not None
    opened = f" of {severity(incident.initial)}" if incident is not None else ""
    return line("μ ", Span(severity(now if measured else None), role if measured else "dim"), Span(opened, "dim"))


def _lease(view: View) -> Line:
    if not view.board.holder:
        return line(Span("no writer", "dim"))
    mark = Span(" ✓", "ok") if view.board.lease_held else Span(" ✗", "bad")
    return line("lease ", clip(view.board.holder, _HOLDER_WIDTH), mark)


def _mind(view: View) -> Line:
    return line(view.board.mind)


def _version(view: View) -> Line:
    cluster = view.board.cluster
    return line(f"k8s {cluster.version.removeprefix('v')}") if cluster and cluster.version else ()


def _spend(view: View) -> Line:
    return line(f"${view.board.cost_usd:.2f}") if view.board.mind not in ("", "playbook") else ()


def headline(view: View, width: int) -> list[Row]:
    """One line: what is wrong with what you see, else the incident, else that all is well."""
    banner = _banner(view)
    return [Row(_padded(banner, width))] if banner else [Row(_incident_line(view, width))]


def _padded(banner: Line, width: int) -> Line:
    """A banner fills its line, so that nobody misses it."""
    shown = fit(banner, width)
    return (*shown, Span(" " * (width - width_of(shown)), banner[-1].role))


def _banner(view: View) -> Line:
    match view.link:
        case Link.BROKEN:
            return line(
                Span(f" LOG UNREADABLE · {view.problem} · what you see ends at event {view.board.seq} ", "banner")
            )
        case Link.STALE:
            ago = duration(view.silent_for)
            return line(Span(f" ENGINE UNREACHABLE · last seen {ago} ago · nothing shown is live ", "banner"))
        case Link.STARTING:
            return line(Span(f" {view.problem or 'waiting for the engine'} … ", "info"))
        case Link.STOPPED:
            return line(Span(f" ENGINE STOPPED · {view.problem or 'nothing shown is live'} ", "banner"))
        case _:
            pass
    if view.problem:
        return line(Span(f" {view.problem} ", "banner"))
    if view.board.holder and not view.board.lease_held and view.replay is None:
        return line(
            Span(f" ANOTHER WRITER · {view.board.holder} holds the lease · this engine only looks on ", "banner")
        )
    return ()


def _incident_line(view: View, width: int) -> Line:
    incident, board = view.incident, view.board
    if incident is None:
        return _quiet_line(view, width)
    left = line(Span(f" INCIDENT {incident.id}", "strong"), " · ", Span(incident.title or "(no title)", "strong"))
    if incident.ended_at is not None:
        role: Role = "ok" if incident.state is IncidentState.RESOLVED else "bad"
        took = elapsed(incident.opened, incident.ended_at)
        right = line(Span(f"{incident.state.upper()} {clock(incident.ended_at)}", role), f" after {took} ")
    else:
        right = line(f"open {elapsed(incident.opened, view.now)} · b {severity(incident.initial)} ")
    paused = line(Span("PAUSED · no new step · ", "warn")) if view.paused else ()
    blind = line(Span(f"BLIND: {', '.join(board.health.blind)} · ", "bad")) if board.health.blind else ()
    return spread(left, (*paused, *blind, *right), width)


def _quiet_line(view: View, width: int) -> Line:
    health = view.board.health
    if health.at is None:
        return line(Span(" not measured yet", "dim"))
    if health.blind:
        return line(Span(f" CANNOT SEE · {', '.join(health.blind)} blind · no data is never healthy ", "bad"))
    if health.severity > 0:
        return line(Span(f" {len(health.findings)} findings, no incident open", "warn"))
    paused = line(Span("PAUSED · no new step ", "warn")) if view.paused else ()
    since = elapsed(health.at, view.now)
    return spread(line(Span(" ● HEALTHY", "ok"), f" · since {clock(health.at)} ({since})"), paused, width)
