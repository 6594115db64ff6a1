"""The one fold: every reader (terminal, Slack, command line, recovery) sees the same state of the same log (I12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from stratus.domain import events as e
from stratus.domain.commands import Posted
from stratus.domain.incidents import IncidentView, incident_after
from stratus.domain.machine import TxState
from stratus.domain.objects import ClusterIdentity, Subject
from stratus.domain.policy import Mode
from stratus.domain.severity import CRASHED, Finding
from stratus.domain.transactions import TxView, tx_after

__all__ = ["Board", "Health", "Posted", "Sample", "fold"]

SAMPLES_KEPT = 600
HANDLED_KEPT = 50


@dataclass(frozen=True)
class Health:
    """The newest health sample."""

    severity: float = 0.0
    findings: tuple[Finding, ...] = ()
    blind: tuple[str, ...] = ()
    observing: tuple[str, ...] = ()
    why_blind: Mapping[str, str] = field(default_factory=dict)
    """What each blind oracle said of it when it went blind."""
    at: datetime | None = None
    """Since when it reads like this; None before the first sample."""


@dataclass(frozen=True)
class Sample:
    """One point of the severity plot."""

    at: datetime
    severity: float


@dataclass(frozen=True)
class Board:
    """Everything that a screen shows, folded from the log. Ordered mappings: oldest first."""

    seq: int = 0
    at: datetime | None = None
    running: bool = False
    """An engine started and has not said that it stopped (it may have been killed: see the heartbeat)."""
    holder: str = ""
    lease_held: bool = False
    version: str = ""
    cluster: ClusterIdentity | None = None
    namespaces: tuple[str, ...] = ()
    mode: Mode = Mode.OBSERVE
    mode_until: datetime | None = None
    mode_by: str = ""
    """Who set the mode; "" is the configuration. A person's word outlives a restart of the engine."""
    namespace_modes: Mapping[str, Mode] = field(default_factory=dict)
    namespace_until: Mapping[str, datetime | None] = field(default_factory=dict)
    lasting_modes: Mapping[str, Mode] = field(default_factory=dict)
    """What people set for good ("" is everything): it holds again once a mode that was set for a while is over."""
    veto_window: float = 30.0
    mind: str = ""
    oracles: tuple[str, ...] = ()
    paused: Mapping[str, datetime | None] = field(default_factory=dict)
    """Paused namespaces ("" is everything) and until when."""
    health: Health = Health()
    samples: tuple[Sample, ...] = ()
    workloads: Mapping[Subject, e.WorkloadRow] = field(default_factory=dict)
    baseline: Mapping[str, str] = field(default_factory=dict)
    incidents: Mapping[str, IncidentView] = field(default_factory=dict)
    transactions: Mapping[str, TxView] = field(default_factory=dict)
    handled: tuple[e.CommandHandled, ...] = ()
    tokens: int = 0
    cost_usd: float = 0.0
    finished: e.RunFinished | None = None

    @property
    def incident(self) -> IncidentView | None:
        """The open incident, if any."""
        newest = next(reversed(list(self.incidents.values())), None)
        return newest if newest is not None and not newest.ended else None

    @property
    def open_tx(self) -> TxView | None:
        """The transaction that has not ended, if any (there is at most one)."""
        return next((tx for tx in reversed(list(self.transactions.values())) if not tx.ended), None)

    def apply(self, recorded: e.Recorded) -> Board:
        """The state after one more event. Total: an event that this version does not show changes only the position."""
        board = replace(self, seq=recorded.seq, at=recorded.at)
        event = recorded.event
        if isinstance(event, e.TxEvent):
            return _transaction(board, event, recorded.at)
        if isinstance(event, e.IncidentEvent):
            return _incident(board, event, recorded.at)
        return _engine(board, event, recorded.at)


def fold(recorded: Iterable[e.Recorded], board: Board | None = None) -> Board:
    """The state after all of ``recorded``."""
    state = board or Board()
    for each in recorded:
        state = state.apply(each)
    return state


def _transaction(board: Board, event: e.TxEvent, at: datetime) -> Board:
    tx = tx_after(board.transactions.get(event.tx), event, at)
    board = replace(board, transactions={**board.transactions, tx.id: tx})
    incident = board.incidents.get(tx.incident)
    if isinstance(event, e.TxProposed) and incident is not None:
        incident = replace(incident, transactions=(*incident.transactions, tx.id))
        board = replace(board, incidents={**board.incidents, incident.id: incident})
    return board


def _incident(board: Board, event: e.IncidentEvent, at: datetime) -> Board:
    incident = incident_after(board.incidents.get(event.incident), event, at)
    if isinstance(event, e.DiagnosisMade) and not _stands(board, incident):
        incident = replace(incident, cause=event)
    board = replace(board, incidents={**board.incidents, incident.id: incident})
    if isinstance(event, e.ModelCalled):
        spent = event.prompt_tokens + event.completion_tokens
        board = replace(board, tokens=board.tokens + spent, cost_usd=board.cost_usd + event.cost_usd)
    return board


def _stands(board: Board, incident: IncidentView) -> bool:
    """Whether a change that the incident made is there now."""
    return any(board.transactions[each].state is TxState.COMMITTED for each in incident.transactions)


def _engine(board: Board, event: e.Event, at: datetime) -> Board:
    match event:
        case e.EngineStarted():
            return replace(
                board,
                running=True,
                holder=event.holder,
                version=event.version,
                cluster=event.cluster,
                namespaces=event.namespaces,
                mode=board.mode if board.mode_by else event.mode,
                veto_window=event.veto_window,
                mind=event.mind,
                oracles=event.oracles,
                finished=None,
            )
        case e.EngineStopped():
            return replace(board, running=False, lease_held=False)
        case e.LeaseChanged():
            return replace(board, lease_held=event.held, holder=event.holder)
        case e.ModeChanged() if event.namespace:
            return replace(
                _lasting(board, event),
                namespace_modes={**board.namespace_modes, event.namespace: event.mode},
                namespace_until={**board.namespace_until, event.namespace: event.until},
            )
        case e.ModeChanged():
            return replace(_lasting(board, event), mode=event.mode, mode_until=event.until, mode_by=event.by)
        case e.Paused():
            return replace(board, paused={**board.paused, event.namespace: event.until})
        case e.Resumed():
            rest = {ns: until for ns, until in board.paused.items() if event.namespace not in ("", ns)}
            return replace(board, paused=rest)
        case e.HealthSample():
            return _health(board, event, at)
        case e.WorkloadsChanged():
            rows = {**board.workloads, **{row.subject: row for row in event.changed}}
            return replace(board, workloads={s: row for s, row in rows.items() if s not in event.gone})
        case e.BaselineTaken():
            known = {**board.baseline, **event.changed}
            return replace(board, baseline={path: digest for path, digest in known.items() if path not in event.gone})
        case e.CommandHandled():
            return replace(board, handled=(*board.handled, event)[-HANDLED_KEPT:])
        case e.RunFinished():
            return replace(board, finished=event)
        case _:
            return board


def _lasting(board: Board, event: e.ModeChanged) -> Board:
    if event.until is not None:
        return board
    return replace(board, lasting_modes={**board.lasting_modes, event.namespace: event.mode})


def _health(board: Board, event: e.HealthSample, at: datetime) -> Board:
    severity = CRASHED if event.severity is None else event.severity
    health = Health(severity, event.findings, event.blind, event.observing, event.why_blind, at)
    return replace(board, health=health, samples=(*board.samples, Sample(at, severity))[-SAMPLES_KEPT:])
