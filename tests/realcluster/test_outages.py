"""The API server or its store dies in the middle of a transaction and comes back: no transaction stays open (I4).

These tests disturb everybody who uses the cluster at the same time, for a few seconds each.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from stratus.domain.errors import LeaseLost, Retryable, Unobservable
from stratus.domain.machine import TxState
from stratus.domain.policy import Mode
from stratus.engine.crashpoints import CrashPoint
from tests.realcluster.room import Doing, Room, running

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]
AWAY = 3.0
"""Seconds for which the component stays dead."""
BETTER = "kubectl set env deploy/web COLOR=red"
WORSE = "kubectl set image deploy/web main=localhost:5000/nothing:1"
Control = Callable[[Sequence[str]], None]
Until = Callable[[Callable[[], bool], str], None]


class Outage:
    """Kills a component once, at a named point, and starts it again a little later."""

    def __init__(self, component: str, point: CrashPoint, control: Control) -> None:
        self.component, self.point, self.control = component, point, control
        self.back: threading.Timer | None = None

    def __call__(self, reached: CrashPoint) -> None:
        """The engine's callback."""
        if reached is self.point and self.back is None:
            self.control(["kill", self.component])
            self.back = threading.Timer(AWAY, self.control, [["start", self.component]])
            self.back.start()


@pytest.fixture
def outage_of(room: Room, components: Control, until: Until) -> Iterator[Callable[[str, CrashPoint], Outage]]:
    """Makes outages; afterwards everything runs again, whatever happened."""
    made: list[Outage] = []

    def make(component: str, point: CrashPoint) -> Outage:
        made.append(Outage(component, point, components))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            if each.back is not None:
                each.back.join()
        for component in ("etcd", "kube-apiserver"):
            components(["start", component])
        until(lambda: room.kubectl("get", "--raw", "/readyz", check=False).strip() == "ok", "a ready API server")


@pytest.mark.parametrize(
    ("component", "point", "line"),
    [
        ("kube-apiserver", CrashPoint.INTENDED, BETTER),
        ("kube-apiserver", CrashPoint.WRITTEN, BETTER),
        ("kube-apiserver", CrashPoint.UNDO_STARTED, WORSE),
        ("etcd", CrashPoint.INTENDED, BETTER),
        ("etcd", CrashPoint.UNDO_STARTED, WORSE),
    ],
)
async def test_no_transaction_stays_open(
    component: str,
    point: CrashPoint,
    line: str,
    room: Room,
    journal: Path,
    outage_of: Callable[[str, CrashPoint], Outage],
    until: Until,
) -> None:
    before = room.objects()
    outage = outage_of(component, point)
    async with running(room, journal, mode=Mode.AUTO) as doing:
        doing.running.engine.context.reach = outage
        with suppress(Retryable, Unobservable, LeaseLost):  # then it is left to recovery, below
            await doing.transact(line)
        assert outage.back is not None, "the point was never reached"
        await asyncio.to_thread(outage.back.join)
    await asyncio.to_thread(
        until, lambda: room.kubectl("get", "--raw", "/readyz", check=False).strip() == "ok", "a ready API server"
    )
    async with running(room, journal) as again:
        (tx,) = again.running.engine.ledger.board.transactions.values()
        assert tx.state in (TxState.COMMITTED, TxState.RESTORED), tx.reason
        await _undone(again, tx.id, tx.state)
    assert room.objects() == before


async def _undone(doing: Doing, tx: str, state: TxState) -> None:
    if state is TxState.COMMITTED:
        assert (await doing.undo(tx)).outcome == "restored"
