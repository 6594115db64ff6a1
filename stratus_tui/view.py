"""What a screen shows at one moment: the folded log, the time, and whether anything behind it is alive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from stratus.domain.incidents import IncidentView
from stratus.domain.machine import IncidentState, TxState
from stratus.domain.projection import Board
from stratus.domain.transactions import StepView, TxView
from stratus_tui.render.lines import Role

STALE_AFTER = timedelta(seconds=5)
"""An engine beats about once a second; after this long nothing shown counts as live."""
RESOLVED_SHOWN = timedelta(seconds=30)
"""How long a resolved incident stays on the machine before it rests on ``watching``."""


@dataclass(frozen=True)
class Notice:
    """One line for the person."""

    text: str
    role: Role
    at: datetime
    pending: bool = False
    """It waits for the engine's answer."""


class Link(StrEnum):
    """How the log behind the screen is doing."""

    LIVE = "live"
    REPLAY = "replay"
    STARTING = "starting"  # no engine has written yet
    STALE = "stale"  # an engine ran, has not stopped, and shows no sign of life
    STOPPED = "stopped"  # an engine stopped on purpose
    BROKEN = "broken"  # the log cannot be read


@dataclass(frozen=True)
class Replay:
    """Where a replay stands."""

    speed: float
    total: int
    """Events in the log."""


@dataclass(frozen=True)
class View:
    """Everything that the pure functions of ``render`` read."""

    board: Board
    now: datetime
    heartbeat: datetime | None = None
    """The engine's last sign of life."""
    replay: Replay | None = None
    read_only: bool = False
    problem: str = ""
    """Why the log, or the engine that this terminal started, is in trouble; "" when it is not."""
    broken: bool = False
    """The log itself cannot be read any further."""
    selected: str = ""
    """The transaction that somebody chose; "" follows what happens."""
    notice: Notice | None = None
    """What became of the person's last command."""

    @property
    def link(self) -> Link:
        """How the log behind the screen is doing."""
        if self.broken:
            return Link.BROKEN
        if self.replay is not None:
            return Link.REPLAY
        if self.heartbeat is None:
            return Link.STARTING
        if not self.board.running:
            return Link.STOPPED if self.board.seq else Link.STARTING
        return Link.STALE if self.now - self.heartbeat > STALE_AFTER else Link.LIVE

    @property
    def silent_for(self) -> float:
        """Seconds since the engine's last sign of life."""
        return (self.now - self.heartbeat).total_seconds() if self.heartbeat else 0.0

    @property
    def can_decide(self) -> bool:
        """Commands of this terminal reach an inbox."""
        return not self.read_only and self.replay is None

    @property
    def paused(self) -> bool:
        """Everything is paused now."""
        return "" in self.board.paused and self.in_force(self.board.paused[""])

    def in_force(self, until: datetime | None) -> bool:
        """Something with a time limit still holds."""
        return until is None or until > self.now

    @property
    def incident(self) -> IncidentView | None:
        """The open incident; else the last one while its end is news: escalated until healthy again, resolved for a moment."""
        if self.board.incident is not None:
            return self.board.incident
        last = next(reversed(list(self.board.incidents.values())), None)
        if last is None or last.ended_at is None:
            return last
        if last.state is IncidentState.ESCALATED:
            return last if self.board.health.severity > 0 else None
        return last if self.now - last.ended_at < RESOLVED_SHOWN else None

    @property
    def tx(self) -> TxView | None:
        """The transaction on the card: the chosen one, else the open one, else the newest of the incident on show."""
        chosen = self.board.transactions.get(self.selected)
        if chosen is not None:
            return chosen
        if self.board.open_tx is not None:
            return self.board.open_tx
        newest = next(reversed(list(self.board.transactions.values())), None)
        if newest is None or newest.state is TxState.DIVERGED:
            return newest
        incident = self.incident
        return newest if incident is not None and newest.incident == incident.id else None

    @property
    def handed_over(self) -> bool:
        """The card is the hand-over of an escalated incident, unless somebody chose a transaction or one diverged."""
        tx, incident = self.tx, self.incident
        escalated = incident is not None and incident.state is IncidentState.ESCALATED
        shows_fate = tx is not None and (tx.id == self.selected or tx.state is TxState.DIVERGED or not tx.ended)
        return escalated and not shows_fate

    @property
    def waiting(self) -> TxView | None:
        """The transaction whose decision window is open."""
        tx = self.board.open_tx
        return tx if tx is not None and tx.state is TxState.AWAITING and tx.window is not None else None


def remaining(tx: TxView, now: datetime) -> float | None:
    """Seconds until the window closes by itself; None when somebody stopped the clock or it has not started."""
    if tx.window is None or tx.window.deadline is None:
        return None
    return max(0.0, (tx.window.deadline - now).total_seconds())


def unknown_steps(tx: TxView) -> tuple[StepView, ...]:
    """Steps whose write was sent and whose answer was lost."""
    return tuple(step for step in tx.steps if step.outcome == "unknown")


def undoable(view: View) -> TxView | None:
    """What ``u`` would undo: the chosen transaction, else the newest that is committed or diverged."""
    states = (TxState.COMMITTED, TxState.DIVERGED)
    chosen = view.board.transactions.get(view.selected)
    if chosen is not None:
        return chosen if chosen.state in states else None
    return next((tx for tx in reversed(list(view.board.transactions.values())) if tx.state in states), None)
