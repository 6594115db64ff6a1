"""Invariants I1 to I4 on a real cluster, judged by the API server's own audit log and by the objects."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from stratus.domain.commands import Veto
from stratus.domain.events import StepIntended, TxCommitted, TxRestored
from stratus.domain.machine import TxState
from stratus.domain.policy import Mode
from tests.realcluster.conftest import Audited
from tests.realcluster.room import Doing, Room, running

pytestmark = pytest.mark.realcluster
Until = Callable[[Callable[[], bool], str], None]
BETTER = "kubectl set env deploy/web COLOR=red"
WORSE = "kubectl set image deploy/web main=localhost:5000/nothing:1"


async def _awaiting(doing: Doing) -> str:
    """The transaction that waits for a decision."""
    while True:
        found = doing.running.engine.ledger.board.open_tx
        if found is not None and found.state is TxState.AWAITING:
            return found.id
        await asyncio.sleep(0.02)


async def test_a_veto_in_the_window_means_no_write(room: Room, journal: Path, audited: Audited) -> None:
    before = room.get("deploy/web")["metadata"]["resourceVersion"]
    async with running(room, journal, mode=Mode.VETO, veto_window=60.0) as doing:
        proposed = asyncio.create_task(doing.transact(BETTER))
        tx = await _awaiting(doing)
        doing.running.journal.inbox.post(Veto(tx=tx, reason="not now"), actor="ana", surface="terminal")
        assert (await proposed).outcome == "vetoed"
    assert audited(room.namespace) == []
    assert room.get("deploy/web")["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize("mode", [Mode.APPROVE, Mode.OBSERVE])
async def test_what_nobody_approved_means_no_write(mode: Mode, room: Room, journal: Path, audited: Audited) -> None:
    async with running(room, journal, people=False, mode=mode) as doing:
        assert (await doing.transact(BETTER)).outcome == "denied"
    assert audited(room.namespace) == []


async def test_every_write_lies_inside_a_transaction(room: Room, journal: Path, audited: Audited) -> None:
    async with running(room, journal, mode=Mode.AUTO) as doing:
        done = await doing.do("kubectl label deploy/spare cm/settings svc/web team=blue")
        assert done.outcome == "committed", done
        assert (await doing.undo(done.tx)).outcome == "restored"
        events = [each for each in doing.running.journal.read(0, 10_000)]
    ours = audited(room.namespace)
    assert len(ours) >= 6
    begins = [each.at for each in events if isinstance(each.event, StepIntended)]
    ends = [each.at for each in events if isinstance(each.event, TxCommitted | TxRestored)]
    for entry in ours:
        assert min(begins) <= _when(entry["requestReceivedTimestamp"]) <= _when(entry["stageTimestamp"]) <= max(ends)
        assert entry["objectRef"]["name"] in {"spare", "settings", "web"}
    first = [entry for entry in ours if _when(entry["requestReceivedTimestamp"]) <= min(ends)]
    for entry in first:
        when = _when(entry["requestReceivedTimestamp"])
        intents = [each for each in events if isinstance(each.event, StepIntended) and each.at <= when]
        assert intents[-1].event.write.target.name == entry["objectRef"]["name"]  # type: ignore[union-attr]


def _when(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00"))


def test_mode_observe_writes_nothing(room: Room, journal: Path, audited: Audited) -> None:
    seen = room.start("run", "--once", "--mode", "observe", *room.arguments(journal), "-o", "json")
    out, err = seen.communicate(timeout=120)
    assert seen.returncode in (3, 4), err
    assert json.loads(out)["writes"] == 0
    assert audited(room.namespace) == []


async def test_a_killed_process_leaves_nothing_behind(room: Room, journal: Path, until: Until) -> None:
    before = room.objects()
    doomed = room.start("do", *room.arguments(journal), "-o", "json", "--", *WORSE.split())
    try:
        await asyncio.to_thread(until, lambda: _image(room) == "localhost:5000/nothing:1", "the write")
    finally:
        doomed.kill()
        doomed.communicate()
    assert room.objects() != before
    async with running(room, journal) as doing:
        (tx,) = doing.running.recovered
        assert doing.view(tx).state is TxState.RESTORED
    assert room.objects() == before


def _image(room: Room) -> str:
    return str(room.get("deploy/web")["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_second_engine_on_another_journal_is_turned_away(
    room: Room, journal: Path, tmp_path: Path, audited: Audited
) -> None:
    async with running(room, journal):
        second = room.start("do", *room.arguments(tmp_path / "other.db"), "--", *BETTER.split())
        _, err = await asyncio.to_thread(second.communicate, None, 60)
    assert second.returncode == 75, err
    assert "stratus-writer" in err or "writer's lease" in err
    assert audited(room.namespace) == []


async def test_a_mitigation_that_makes_it_worse_is_undone(room: Room, journal: Path) -> None:
    before = room.objects()
    async with running(room, journal, mode=Mode.AUTO) as doing:
        result = await doing.transact(WORSE)
        assert result.outcome == "restored", result
        assert result.writes >= 1
        (step,) = doing.view(result.tx).steps
        snapshot = doing.running.journal.snapshots.get(step.snapshot or "")
    assert room.objects() == before
    assert _spec(snapshot) == _spec(room.get("deploy/web"))


def _spec(obj: Any) -> Any:
    return obj["spec"], obj["metadata"]["labels"], obj["metadata"]["annotations"].keys()


def test_a_command_line_do_and_undo_speak_json(room: Room, journal: Path) -> None:
    before = room.objects()
    code, done = _cli(room, "do", *room.arguments(journal), "-o", "json", "--", *BETTER.split())
    assert (code, done["outcome"], done["exit_code"]) == (0, "committed", 0)
    (step,) = done["steps"]
    assert (step["kind"], step["reversibility"]) == ("patch", "exact")
    assert room.objects() != before
    code, undone = _cli(room, "tx", "undo", done["tx"], *room.arguments(journal), "-o", "json")
    assert (code, undone["outcome"], undone["conflicts"]) == (0, "restored", [])
    assert room.objects() == before


def _cli(room: Room, *words: str) -> tuple[int, Any]:
    process = room.start(*words)
    out, err = process.communicate(timeout=120)
    assert out, err
    return process.returncode, json.loads(out)
