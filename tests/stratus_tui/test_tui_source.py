"""Where events come from: a journal that may not be there yet, a log that is played again, an engine as a child."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from stratus.domain import commands as c
from stratus.domain import events as e
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.policy import Mode
from stratus.domain.projection import fold
from stratus.journal import open_journal
from stratus_tui.child import ChildEngine
from stratus_tui.grammar import Look, parse
from stratus_tui.source import JournalSource, ReplaySource, open_replay, recorded_of
from stratus_tui.view import View
from tests.stratus_tui import stories

MODULES = (
    "import sys, {module}; print([name for name in ('kubernetes', 'openai', 'slack_bolt') if name in sys.modules])"
)


@pytest.mark.parametrize("module", ["stratus_tui.app", "stratus_tui.run"])
def test_the_terminal_loads_no_cluster_client_and_no_model(module: str) -> None:
    command = [sys.executable, "-c", MODULES.format(module=module)]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_a_journal_may_appear_later(tmp_path: Path) -> None:
    source = JournalSource(tmp_path / "journal.db")
    assert source.poll() == () and source.heartbeat() is None
    with pytest.raises(InvalidInput):
        source.open()
    journal = open_journal(tmp_path / "journal.db")
    journal.append(*(each.event for each in stories.detecting().log.recorded))
    journal.beat("laptop")
    seen = source.poll()
    assert [each.event for each in seen] == [each.event for each in stories.detecting().log.recorded]
    assert source.poll() == () and source.heartbeat() is not None
    journal.append(e.EngineStopped(reason="done"))
    assert [each.event for each in source.poll()] == [e.EngineStopped(reason="done")]
    source.close()
    journal.close()


def test_a_long_journal_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratus_tui.source.BATCH", 10)
    journal = open_journal(tmp_path / "journal.db")
    journal.append(*(each.event for each in stories.waiting().log.recorded))
    source = JournalSource(tmp_path / "journal.db")
    sizes = []
    while batch := source.poll():
        sizes.append(len(batch))
    assert set(sizes[:-1]) == {10} and sum(sizes) == journal.head()
    source.close()
    journal.close()


def test_commands_and_objects_go_through_the_journal(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.db")
    digest = journal.snapshots.put({"kind": "Deployment"})
    source = JournalSource(tmp_path / "journal.db")
    first = source.post(c.Veto(tx="12.2"), actor="human:me", surface="terminal", key="k")
    assert source.post(c.Veto(tx="12.2"), actor="human:me", surface="terminal", key="k") == first
    assert [each.command for each in journal.inbox.pending()] == [c.Veto(tx="12.2")]
    assert source.fetch(digest) == {"kind": "Deployment"}
    source.close()
    journal.close()


def test_json_lines_are_the_log(tmp_path: Path) -> None:
    recorded = stories.committed().log.recorded
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(each.line()) for each in recorded) + "\n\n", encoding="utf-8")
    source = open_replay(path, 1e9)
    played = list(source.poll())
    while len(played) < len(recorded):
        played += source.poll()
    again, before = fold(played), fold(recorded)
    assert (again.transactions, again.incidents) == (before.transactions, before.incidents)
    with pytest.raises(Absent):
        source.fetch("any")


def test_a_journal_is_replayed_with_its_objects(tmp_path: Path) -> None:
    journal = open_journal(tmp_path / "journal.db")
    journal.append(*(each.event for each in stories.healthy().log.recorded))
    digest = journal.snapshots.put({"kind": "Deployment"})
    journal.close()
    source = open_replay(tmp_path / "journal.db", 1)
    assert source.replay is not None and source.replay.total == len(stories.healthy().log.recorded)
    assert source.fetch(digest) == {"kind": "Deployment"}


def test_replay_keeps_the_times_of_the_log() -> None:
    recorded = stories.waiting().log.recorded
    elapsed = 0.0
    source = ReplaySource(recorded, 10, clock=lambda: elapsed)
    assert all(each.at == recorded[0].at for each in source.poll())
    elapsed = 4.5
    moment = recorded[0].at + timedelta(seconds=45)
    assert source.now() == moment and all(each.at <= moment for each in source.poll())
    elapsed = 1e6
    assert source.now() == recorded[-1].at and source.poll()[-1] == recorded[-1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no log at"),
        (b"", "empty"),
        (b"{not json}\n", "log:1 is not an event"),
        (b'{"event": "no.such"}', "log:1"),
    ],
    ids=["absent", "empty", "not JSON", "unknown event"],
)
def test_what_is_not_a_log_is_refused_by_name(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "log"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=says):
        open_replay(path, 1)


def test_a_line_of_output_is_an_event_again() -> None:
    for each in stories.diverged().log.recorded:
        again = recorded_of(each.line())
        assert (again.seq, again.stream, again.event) == (each.seq, each.stream, each.event)


def _child(code: str) -> ChildEngine:
    return ChildEngine([sys.executable, "-u", "-c", code])


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; print('no cluster', file=sys.stderr); sys.exit(7)", "exit code 7: no cluster"),
        ("raise SystemExit(75)", "another engine writes here"),
        ("pass", "exit code 0: it said nothing"),
    ],
    ids=["failed", "another writer", "silent"],
)
def test_an_engine_that_ends_says_why(code: str, says: str) -> None:
    engine = _child(code)
    engine._process.wait()
    assert says in engine.failure()
    engine.stop()


def test_stopping_is_a_signal_that_lets_the_step_finish(tmp_path: Path) -> None:
    ready, done = tmp_path / "ready", tmp_path / "done"
    code = (
        "import pathlib, signal, sys\n"
        "def finish(*_):\n"
        f"    pathlib.Path({str(done)!r}).write_text('finished')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, finish)\n"
        f"pathlib.Path({str(ready)!r}).write_text('ready')\n"
        "while True: signal.pause()\n"
    )
    engine = _child(code)
    while not ready.exists():
        assert engine.failure() == ""
    engine.stop()
    assert done.read_text() == "finished" and "exit code 0" in engine.failure()


def view() -> View:
    """Of a waiting transaction."""
    story = stories.waiting()
    return View(fold(story.log.recorded), story.now, heartbeat=story.now)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stratus tx veto 12.2 looks wrong", c.Veto(tx="12.2", reason="looks wrong")),
        ("hold 90s", c.Hold(tx="12.2", seconds=90)),
        ("approve", c.Approve(tx="12.2")),
        ("undo 12.1", c.Undo(tx="12.1")),
        ("pause all 1h", c.Pause(seconds=3600)),
        ("resume hotel", c.Resume(namespace="hotel")),
        ("mode auto", c.SetMode(mode=Mode.AUTO)),
        ("tx 12.1", Look("tx", "12.1")),
        ("tx diff 12.1", Look("tx", "12.1")),
        ("help", Look("help")),
        ("q", Look("quit")),
    ],
)
def test_the_grammar_of_the_shell(typed: str, meant: object) -> None:
    assert parse(typed, view()) == meant


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "type one of"),
        ("vetto", "did you mean veto"),
        ("veto 12.22", "did you mean 12.2"),
        ("undo", "nothing to undo now"),
        ("mode", "mode is one of: observe, approve, veto, auto"),
        ("ask", "ask what"),
        ("do kubectl get pods", "stratus do -- kubectl"),
    ],
)
def test_what_is_not_understood_is_answered_with_the_fix(typed: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        parse(typed, view())
