"""Exit codes and words of commands that were refused, and where a kubectl command without -n goes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stratus.cli import remote
from stratus.cli.commands.do import _namespace
from stratus.cli.exits import ExitCode
from stratus.cli.settings import Settings
from stratus.cli.transactions import document, exit_code_of
from stratus.cluster.transport import Endpoint, InProcessTransport
from stratus.domain import events as e
from stratus.domain.errors import LeaseLost, Refused, Retryable
from stratus.domain.machine import TxState
from stratus.domain.objects import ClusterIdentity
from stratus.domain.policy import Mode, Policy
from stratus.domain.transactions import TxView
from stratus.engine.engine import Engine
from stratus.journal import open_journal
from tests.cli.test_commands import _transaction, journal  # noqa: F401 -- a fixture
from tests.engine.test_decisions import Scene


class _Context(InProcessTransport):
    """A kubeconfig whose context names a namespace."""

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint("https://somewhere", "prod", "payments")


@pytest.mark.parametrize(("fence", "namespace"), [((), "payments"), (("hotel", "geo"), "hotel")])
async def test_without_n_a_command_goes_where_kubectl_would_go(fence: tuple[str, ...], namespace: str) -> None:
    transport = _Context(lambda *_: pytest.fail("nothing is asked"))
    assert _namespace(Settings(namespaces=fence), transport) == namespace
    assert _namespace(Settings(), InProcessTransport(lambda *_: pytest.fail("nothing is asked"))) == "default"


async def test_an_undo_of_what_is_undone_already_is_blocked_and_not_diverged() -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    result = await scene.transact()
    engine: Engine = scene.engine
    assert (await engine.undo(result.tx, by="ana", reason="")).outcome == "restored"
    before = scene.writes
    with pytest.raises(Refused, match="only a committed one"):
        await engine.undo(result.tx, by="ana", reason="")
    assert scene.writes == before


@pytest.mark.parametrize("policy", [Policy(mode=Mode.OBSERVE), Policy(mode=Mode.APPROVE)], ids=["observe", "approve"])
async def test_what_was_not_allowed_never_exits_with_success(policy: Policy) -> None:
    scene = Scene(policy, people=False)
    result = await scene.transact()
    view = scene.engine.ledger.transaction(result.tx)
    assert exit_code_of(view) is ExitCode.BLOCKED
    shown = json.loads(json.dumps(document(view)))
    assert (shown["outcome"], shown["exit_code"]) == ("refused", 4)


def test_the_end_of_a_second_undo_is_waited_for(tmp_path: Path) -> None:
    """DIVERGED is an end; asked to undo the rest, it must end once more."""
    path, diverged = tmp_path / "journal.db", _diverged("1.1")
    log = open_journal(path)
    log.append(*diverged)
    log.beat("h")
    known = _view(path)
    log.append(e.UndoStarted(tx="1.1", reason="again"), e.StepUndone(tx="1.1", step=1, result="restored"))
    log.append(e.TxRestored(tx="1.1", severity=0.0))
    log.close()
    assert known.state is TxState.DIVERGED
    assert remote.follow(path, "1.1", after=known.ended_at).state is TxState.RESTORED


def test_nobody_waits_for_an_engine_that_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    log = open_journal(path, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    log.append(_started(), *_transaction("1.1", committed=True)[:3])
    log.beat("h")
    log.close()
    with pytest.raises(LeaseLost, match="stopped before"):
        remote.follow(path, "1.1")


def test_a_busy_engine_is_told_from_none(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    from stratus.domain.commands import Pause

    monkeypatch.setattr(remote, "ANSWER_WITHIN", 0.0)
    with pytest.raises(Retryable, match="no engine is running"):
        remote.ask(journal, Pause())
    monkeypatch.setattr(remote, "_lives", lambda reader, board: True)
    with pytest.raises(Retryable, match="busy"):
        remote.ask(journal, Pause())


def _started() -> e.EngineStarted:
    return e.EngineStarted(
        holder="h",
        version="0",
        cluster=ClusterIdentity(uid="u"),
        namespaces=(),
        mode=Mode.AUTO,
        veto_window=5,
        mind="playbook",
    )


def _diverged(tx: str) -> list[e.Event]:
    return [
        *_transaction(tx, committed=True),
        e.UndoStarted(tx=tx, reason="asked for"),
        e.StepUndone(tx=tx, step=1, result="failed", lost=("field",)),
        e.TxDiverged(tx=tx, fields=("field",)),
    ]


def _view(path: Path) -> TxView:
    from stratus.journal import open_reader

    reader = open_reader(path)
    try:
        return remote.board_of(reader).transactions["1.1"]
    finally:
        reader.close()
