"""Commands as a user gives them: exit codes, formats, and errors that name the fix."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratus.cli.main import main
from stratus.domain import events as e
from stratus.domain.machine import IncidentState
from stratus.domain.objects import ClusterIdentity, ObjectRef, Subject
from stratus.domain.policy import Classification, Mode, Reversibility, Tier
from stratus.domain.severity import Checkpoint, Finding
from stratus.domain.steps import FieldChange, PatchStep, Proposal
from stratus.journal import open_journal

TARGET = ObjectRef(api_version="v1", kind="Service", namespace="hotel", name="geo")
STEP = PatchStep(target=TARGET, patch_type="merge", patch={"spec": {}})
SICK = Finding(
    oracle="services",
    subject=Subject(kind="Service", namespace="hotel", name="geo"),
    reason="DoesNotAnswer",
    weight=4.0,
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with one incident, one restored and one committed transaction."""
    path = tmp_path / "journal.db"
    log = open_journal(path)
    log.append(
        e.EngineStarted(
            holder="h",
            version="0",
            cluster=ClusterIdentity(uid="u", context="c"),
            namespaces=("hotel",),
            mode=Mode.AUTO,
            veto_window=5,
            mind="playbook",
        ),
        e.IncidentOpened(incident="1", title="geo does not answer", severity=4.0, findings=(SICK,)),
        e.PhaseChanged(incident="1", before=IncidentState.DETECTING, after=IncidentState.DIAGNOSING),
        e.DiagnosisMade(
            incident="1",
            component="service/geo",
            fault_class="service-networking",
            confidence=0.9,
            evidence=("port 9999",),
        ),
    )
    log.append(*_transaction("1.1", committed=False), *_transaction("1.2", committed=True))
    log.append(e.PhaseChanged(incident="1", before=IncidentState.DIAGNOSING, after=IncidentState.RESOLVED))
    log.append(e.EngineStopped(reason="finished"))
    log.close()
    return path


def _transaction(tx: str, *, committed: bool) -> list[e.Event]:
    verdict = Classification(reversibility=Reversibility.EXACT, tier=Tier.WORKLOAD, reason="fields")
    point = Checkpoint(severity=4.0, findings=(SICK,), observing=("services",), initial=4.0)
    events: list[e.Event] = [
        e.TxProposed(
            tx=tx,
            incident="1",
            cluster="u",
            proposal=Proposal(steps=(STEP,), reason="wrong port", author="agent:mitigation"),
        ),
        e.TxClassified(tx=tx, steps=(verdict,), mode=Mode.AUTO),
        e.SnapshotTaken(tx=tx, step=1, target=TARGET, snapshot="s" * 64),
        e.StepRehearsed(
            tx=tx, step=1, diff=(FieldChange(path="spec.ports[0].targetPort", before=9999, after=8082),), post_image="p"
        ),
        e.TxDecided(tx=tx, decision="go", by="policy"),
        e.CheckpointTaken(tx=tx, checkpoint=point),
        e.StepIntended(tx=tx, step=1, write=STEP, pre_image="s", post_image="p"),
        e.StepExecuted(tx=tx, step=1, outcome="applied", post_image="p"),
        e.TxSettled(tx=tx, severity=0.0 if committed else 9.0, commit=committed, reason="severity"),
    ]
    if committed:
        return [*events, e.TxCommitted(tx=tx, severity=0.0, initial=4.0)]
    return [
        *events,
        e.UndoStarted(tx=tx, reason="worse"),
        e.StepUndone(tx=tx, step=1, result="restored"),
        e.TxRestored(tx=tx, severity=4.0),
    ]


def test_tx_list_shows_the_newest_first(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tx", "list", "--journal", str(journal)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TX", "STATE", "PROPOSED", "BY", "CHANGE"]
    assert [line.split()[:2] for line in lines[1:]] == [["1.2", "committed"], ["1.1", "restored"]]


def test_tx_show_is_the_contract_of_the_machine_output(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tx", "show", "1.2", "-o", "json", "--journal", str(journal)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["tx"] == "1.2"
    assert shown["outcome"] == "committed"
    assert shown["exit_code"] == 0
    assert shown["conflicts"] == []
    step = shown["steps"][0]
    assert (step["kind"], step["object"], step["reversibility"]) == ("patch", "hotel/service/geo", "exact")
    assert step["diff"] == [{"path": "spec.ports[0].targetPort", "before": 9999, "after": 8082}]


def test_an_unknown_transaction_names_those_that_exist(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tx", "show", "9.9", "--journal", str(journal)]) == 2
    assert "the newest: 1.1, 1.2" in capsys.readouterr().err


def test_the_log_is_one_json_object_a_line(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "--json", "--journal", str(journal)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert all(line["schema"] == 1 and line["ts"].endswith("Z") and line["event"] for line in lines)
    committed = next(line for line in lines if line["event"] == "tx.committed")
    assert (committed["tx"], committed["severity"]) == ("1.2", 0.0)


def test_the_log_tells_the_story(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", "--journal", str(journal)]) == 0
    told = capsys.readouterr().out
    for words in ("INCIDENT 1", "- 9999", "+ 8082", "RESTORED", "COMMITTED"):
        assert words in told


def test_audit_verify(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--journal", str(journal)]) == 0
    assert "the chain holds" in capsys.readouterr().out


def test_the_post_mortem_is_written_from_the_log(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["incident", "report", "--journal", str(journal)]) == 0
    text = capsys.readouterr().out
    for words in ("# Incident 1: geo does not answer", "## Cause", "port 9999", "**1.2**", "`9999` → `8082`"):
        assert words in text


def test_a_command_without_an_engine_says_how_to_start_one(
    journal: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stratus.cli.remote.ANSWER_WITHIN", 0.0)
    assert main(["tx", "veto", "1.2", "--journal", str(journal)]) == 7
    assert "stratus run" in capsys.readouterr().err


def test_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tx", "list", "--journal", str(tmp_path / "none.db")]) == 2
    assert "no journal" in capsys.readouterr().err


def test_a_missing_kubeconfig_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "kubeconfig")
    assert main(["run", "--once", "--kubeconfig", missing, "--journal", str(tmp_path / "j.db")]) == 2
    assert missing in capsys.readouterr().err


def test_a_command_that_never_became_a_transaction_speaks_json(
    journal: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commands = (
        ["tx", "undo", "9.9", "-o", "json", "--journal", str(journal)],
        [
            "do",
            "-o",
            "json",
            "--kubeconfig",
            str(tmp_path / "none"),
            "--journal",
            str(tmp_path / "j"),
            "--",
            "kubectl",
            "x",
        ],
    )
    for words in commands:
        assert main(words) == 2
        said = json.loads(capsys.readouterr().out)
        assert (said["outcome"], said["exit_code"], said["steps"], said["conflicts"]) == ("refused", 2, [], [])
        assert said["reason"]


def test_do_without_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["do", "--journal", str(tmp_path / "j.db")]) == 2
    assert "stratus do -- kubectl" in capsys.readouterr().err
