"""The journal is the truth: append-only, chained, one writer, many readers."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from stratus.domain.commands import Do, Pause, Veto
from stratus.domain.errors import Absent, Conflict, InvalidInput, LeaseLost
from stratus.domain.events import AgentSaid, EngineStopped, LeaseChanged
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, Proposal
from stratus.journal import Journal, open_journal, open_reader

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "n"},
    "data": {"token": "aHVudGVyMg=="},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.db"


@pytest.fixture
def journal(path: Path):
    with_writer = open_journal(path)
    yield with_writer
    with_writer.close()


def test_events_come_back_in_order_with_versions_of_their_stream(journal: Journal, path: Path) -> None:
    journal.append(EngineStopped(reason="one"), LeaseChanged(held=True, holder="h"))
    journal.append(AgentSaid(incident="1", role="detection", kind="thought", text="x"), EngineStopped(reason="two"))
    reader = open_reader(path)
    seen = [(r.seq, r.stream, r.version, r.event.event) for r in reader.read()]
    assert seen == [
        (1, "engine", 1, "engine.stopped"),
        (2, "engine", 2, "lease.changed"),
        (3, "incident/1", 1, "agent.said"),
        (4, "engine", 3, "engine.stopped"),
    ]
    assert [r.seq for r in reader.read(after=2, limit=1)] == [3]
    assert reader.head() == 4
    reader.close()


def test_a_second_writer_is_refused_and_a_reader_is_not(journal: Journal, path: Path) -> None:
    with pytest.raises(LeaseLost, match="another process is the writer"):
        open_journal(path)
    open_reader(path).close()


def test_the_chain_goes_on_after_a_restart_and_finds_a_changed_row(path: Path) -> None:
    for reason in ("a", "b", "c"):
        writer = open_journal(path)
        writer.append(EngineStopped(reason=reason))
        assert writer.verify() is None
        writer.close()
    forger = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        forger.execute("UPDATE event SET body = '{}' WHERE seq = 2")
    forger.execute("DROP TRIGGER event_no_update")
    forger.execute("UPDATE event SET body = replace(body, '\"b\"', '\"B\"') WHERE seq = 2")
    forger.commit()
    forger.close()
    reader = open_reader(path)
    assert reader.verify() == 2
    reader.close()


def test_a_deleted_tail_is_not_hidden_from_the_running_writer(journal: Journal, path: Path) -> None:
    journal.append(EngineStopped(reason="a"))
    other = sqlite3.connect(path)
    other.execute("INSERT INTO event VALUES (2, 't', 'engine', 2, 'engine.stopped', '{}', 'h')")
    other.commit()
    other.close()
    with pytest.raises(Conflict, match="somebody else wrote"):
        journal.append(EngineStopped(reason="b"))


def test_snapshots_are_addressed_by_content(journal: Journal) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"é": 1}}
    digest = journal.snapshots.put(pod)
    assert journal.snapshots.put(dict(reversed(pod.items()))) == digest
    assert journal.snapshots.get(digest) == pod
    with pytest.raises(Absent):
        journal.snapshots.get("0" * 64)


def test_secret_values_do_not_stand_in_the_file(journal: Journal, path: Path) -> None:
    digest = journal.snapshots.put(SECRET)
    step = CreateStep(target=ObjectRef.of(SECRET), manifest=SECRET)
    command = journal.inbox.post(Do(proposal=Proposal(steps=(step,))), actor="ana", surface="cli")
    assert journal.snapshots.get(digest) == SECRET
    assert [posted.id for posted in journal.inbox.pending()] == [command]
    assert journal.inbox.pending()[0].command.proposal.steps == (step,)
    journal.close()
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".key")
    assert b"aHVudGVyMg" not in everything
    key = path.with_suffix(".key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_command_is_decided_once_and_a_key_posts_once(journal: Journal, path: Path) -> None:
    reader = open_reader(path)
    first = reader.inbox.post(Veto(tx="1.1"), actor="ana", surface="slack", key="click-7")
    assert reader.inbox.post(Veto(tx="1.1"), actor="ana", surface="slack", key="click-7") == first
    second = reader.inbox.post(Pause(), actor="bo", surface="terminal")
    assert [posted.id for posted in journal.inbox.pending()] == [first, second]
    assert reader.inbox.outcome(first) is None
    assert journal.inbox.decide(first, True, "vetoed")
    assert not journal.inbox.decide(first, False, "too late")
    assert reader.inbox.outcome(first) == (True, "vetoed")
    assert [posted.id for posted in journal.inbox.pending()] == [second]
    reader.close()


def test_a_missing_journal_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="--journal"):
        open_reader(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("this is not a database, it is a text that is long enough to be read as one")
    with pytest.raises(InvalidInput, match="cannot open the journal"):
        open_journal(tmp_path / "text.db")


def test_the_heartbeat_is_the_newest(journal: Journal) -> None:
    assert journal.heartbeat() is None
    journal.beat("a")
    journal.beat("b")
    beat = journal.heartbeat()
    assert beat is not None
    assert beat.holder == "b"
