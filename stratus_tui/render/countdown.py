"""The line that is always visible while a decision is open: what happens by itself, and when."""

from __future__ import annotations

from stratus.domain.transactions import TxView, Window
from stratus_tui.render.lines import Line, Role, Row, Span, fit, line, width_of
from stratus_tui.render.values import clock, duration
from stratus_tui.view import Link, View, remaining

LAST_SECONDS = 5.0
"""From here on the line warns."""
_BAR_MOST = 40
_BAR_LEAST = 6


def countdown(view: View, width: int, *, approvable: bool = True) -> list[Row]:
    """One line; empty when nothing waits for a decision. ``approvable``: the key for it works where this is shown."""
    tx = view.waiting
    if tx is None or tx.window is None:
        return []
    keys = _keys(view, tx.window, approvable=approvable)
    room = width - width_of(keys) - 2
    return [Row(fit((*_waiting(tx, tx.window, view, room), Span("  "), *keys), width))]


def _waiting(tx: TxView, window: Window, view: View, room: int) -> Line:
    if view.link in (Link.STALE, Link.STOPPED):
        return line(Span(f" ? {tx.id} waited when the engine fell silent; a decision stays in the inbox", "warn"))
    if window.held_by:
        until = f" until {clock(window.held_until)}" if window.held_until else ", no time limit"
        return line(Span(f" ‖ {tx.id} HELD by {window.held_by}{until}", "warn"))
    left = remaining(tx, view.now)
    if left is None:
        return line(Span(f" ◷ {tx.id} waits: its time starts when the card is delivered", "warn"))
    approval = window.wants == "approval"
    verb = "needs approval, expires in" if approval else "acts in"
    head, tail = f" ◷ {tx.id} {verb} ", f" {duration(left)}"
    role: Role = "bad" if left <= LAST_SECONDS and not approval else "warn"
    cells = min(_BAR_MOST, room - len(head) - len(tail) - 2)
    return line(Span(head, role), Span(_bar(left, window.seconds, cells), role), Span(tail, role))


def _bar(left: float, seconds: float, cells: int) -> str:
    if cells < _BAR_LEAST:
        return ""
    full = round(cells * min(1.0, left / seconds)) if seconds > 0 else 0
    return f"▕{'█' * full}{'░' * (cells - full)}▏"


def _keys(view: View, window: Window, *, approvable: bool) -> Line:
    if not view.can_decide:
        return ()
    hold = () if window.held_by else line(Span("h", "key"), " hold  ")
    approve = line(Span("a", "key"), " approve") if approvable else ()
    return line(Span("v", "key"), " veto  ", *hold, *approve)
