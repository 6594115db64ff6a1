"""The desk: takes people's commands from the inbox, the first valid one wins, and everybody is answered (I3)."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from stratus.domain import commands as c
from stratus.domain.events import CommandHandled, ModeChanged, Paused, Resumed, TxHeld
from stratus.domain.machine import TX_WROTE, TxState
from stratus.domain.policy import Mode, Policy
from stratus.domain.transactions import TxView, card_digest
from stratus.engine.ledger import Ledger
from stratus.ports import Clock, Inbox

STALE_AFTER = 60.0
"""Seconds after which a command that no engine took is not carried out any more: it was meant for another situation. What
only makes the engine more careful (veto, hold, pause, a stricter mode) never gets too old."""


class Desk:
    """Turns commands into events and into flags that the running transaction looks at."""

    def __init__(self, inbox: Inbox, ledger: Ledger, clock: Clock, policy: Policy) -> None:
        self._inbox, self._ledger, self._clock, self._policy = inbox, ledger, clock, policy
        self._decisions: dict[str, tuple[str, c.Posted]] = {}
        self.queue: deque[c.Posted] = deque()
        """Commands that take their turn: do, undo, ask."""
        self._queued: set[str] = set()

    def take(self) -> None:
        """Handle every pending command."""
        for posted in self._inbox.pending():
            if posted.id not in self._queued:
                self._handle(posted)

    def decision(self, tx: str) -> tuple[str, c.Posted] | None:
        """("veto" or "approve", who) once somebody decided about ``tx``."""
        return self._decisions.get(tx)

    def answer(self, posted: c.Posted, accepted: bool, message: str, target: str = "", **result: object) -> bool:
        """Decide a command once and record it. False when it was decided before: whoever asked has given up waiting."""
        first = self._inbox.decide(posted.id, accepted, message)
        if first:
            handled = CommandHandled(
                command=posted.id,
                verb=posted.command.verb,
                target=target,
                actor=posted.actor,
                surface=posted.surface,
                accepted=accepted,
                message=message,
                result=result,
            )
            self._ledger.emit(handled)
        return first

    def mode_of(self, namespace: str) -> Mode:
        """The mode that people last asked for, within the configuration's ceiling."""
        board, lasting = self._ledger.board, self._ledger.board.lasting_modes
        mode = lasting.get("", self._policy.mode) if self._over(board.mode_until) else board.mode
        own = board.namespace_modes.get(namespace, Mode.AUTO)
        if self._over(board.namespace_until.get(namespace)):
            own = lasting.get(namespace, Mode.AUTO)
        return min(mode, own, self._policy.ceiling, key=lambda each: each.freedom)

    def paused(self, namespaces: set[str]) -> bool:
        """Whether no new step may be made in one of ``namespaces``."""
        now = self._clock.now()
        return any(
            (namespace == "" or namespace in namespaces) and (until is None or now < until)
            for namespace, until in self._ledger.board.paused.items()
        )

    def _handle(self, posted: c.Posted) -> None:
        if self._stale(posted):
            self.answer(posted, False, "asked while no engine was listening, too long ago: look again, then ask again")
            return
        match posted.command:
            case c.Veto() | c.Approve() | c.Hold():
                self._decide(posted)
            case c.Pause() as pause:
                until = self._until(pause.seconds)
                self._ledger.emit(Paused(namespace=pause.namespace, until=until, by=posted.actor), durable=True)
                self.answer(posted, True, f"paused {pause.namespace or 'everything'}")
            case c.Resume() as resume:
                self._ledger.emit(Resumed(namespace=resume.namespace, by=posted.actor), durable=True)
                self.answer(posted, True, f"resumed {resume.namespace or 'everything'}")
            case c.SetMode():
                self._set_mode(posted, posted.command)
            case c.Do() | c.Undo() | c.Ask():
                self._queued.add(posted.id)
                self.queue.append(posted)

    def _stale(self, posted: c.Posted) -> bool:
        command = posted.command
        careful = isinstance(command, c.Veto | c.Hold | c.Pause) or (
            isinstance(command, c.SetMode) and command.mode.freedom < self.mode_of(command.namespace).freedom
        )
        age = 0.0 if posted.at is None else (self._clock.now() - posted.at).total_seconds()
        return age > STALE_AFTER and not careful

    def _set_mode(self, posted: c.Posted, wanted: c.SetMode) -> None:
        ceiling = min(
            self._policy.ceiling,
            self._policy.namespaces.get(wanted.namespace, Mode.AUTO),
            key=lambda mode: mode.freedom,
        )
        if wanted.mode.freedom > ceiling.freedom:
            self.answer(posted, False, f"the configuration allows no more than {ceiling}: change its file to lift it")
            return
        until = self._until(wanted.seconds)
        self._ledger.emit(
            ModeChanged(mode=wanted.mode, namespace=wanted.namespace, until=until, by=posted.actor), durable=True
        )
        self.answer(posted, True, f"mode {wanted.mode} for {wanted.namespace or 'everything'}")

    def _decide(self, posted: c.Posted) -> None:
        assert isinstance(posted.command, c.Veto | c.Approve | c.Hold)
        tx = self._ledger.board.transactions.get(posted.command.tx)
        refusal = self._refusal(tx, posted)
        if tx is None or refusal:
            self.answer(posted, False, refusal, posted.command.tx)
        elif isinstance(posted.command, c.Hold):
            until = self._until(posted.command.seconds)
            self._ledger.emit(TxHeld(tx=tx.id, by=posted.actor, surface=posted.surface, until=until), durable=True)
            self.answer(posted, True, f"{tx.id} is held", tx.id)
        else:
            self._decisions[tx.id] = (posted.command.verb, posted)
            done = "vetoed" if isinstance(posted.command, c.Veto) else "approved"
            undo = " while it was executing: it will be undone" if tx.state in TX_WROTE else ""
            self.answer(posted, True, f"{tx.id} {done}{undo}", tx.id)

    def _refusal(self, tx: TxView | None, posted: c.Posted) -> str:
        """Why a decision comes too late or does not fit; "" when it may be taken."""
        if tx is None:
            return f"there is no transaction {getattr(posted.command, 'tx', '')}: see `stratus tx list`"
        if tx.ended or tx.state is TxState.UNDOING:
            by = f" by {tx.decision.by}" if tx.decision and tx.decision.by else ""
            hint = ": use undo to take it back" if tx.state is TxState.COMMITTED else ""
            return f"too late, {tx.id} is already {tx.state}{by}{hint}"
        first = self._decisions.get(tx.id)
        if first is not None and (first[0] == "veto" or not isinstance(posted.command, c.Veto)):  # no veto is too late
            return f"too late, {first[1].actor} was first: {first[0]}"
        if isinstance(posted.command, c.Veto):
            return ""
        if tx.state is not TxState.AWAITING:
            return f"{tx.id} is {tx.state}, it waits for nobody"
        if isinstance(posted.command, c.Approve) and posted.command.digest not in ("", card_digest(tx)):
            return f"{tx.id} is not what you were shown any more: look again"
        return ""

    def _over(self, until: datetime | None) -> bool:
        return until is not None and self._clock.now() >= until

    def _until(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self._clock.now() + timedelta(seconds=seconds)
