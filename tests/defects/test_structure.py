"""What cannot happen because of how the code is built: no shell, no way round the engine, no sleeping in the event loop."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratus.domain.commands import Pause
from stratus.domain.policy import Mode, Policy
from stratus.journal import open_journal
from tests.engine.test_decisions import Scene

ROOT = Path(__file__).parents[2]
THINKING = ("agents",)
RUNNING = ("agents", "stratus/engine", "stratus/oracles", "stratus/cluster", "stratus/journal", "stratus/domain")
WRITERS = ("stratus.engine", "stratus.cluster.writer", "stratus.cluster.transport", "stratus.cluster.kubeconfig")


def _modules(rooms: tuple[str, ...]) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def _imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_no_command_reaches_a_shell_or_another_program() -> None:
    launchers = {"subprocess", "pty", "os.system", "os.popen", "asyncio.create_subprocess_shell"}
    looked_at = 0
    for path, tree in _modules(RUNNING):
        looked_at += 1
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not launchers & (_imported(tree) | called), path
    assert looked_at > 100


def test_agents_hold_nothing_that_writes_and_no_credential() -> None:
    for path, tree in _modules(THINKING):
        wrong = {name for name in _imported(tree) if name.startswith(("kubernetes", *WRITERS))}
        assert not wrong, f"{path} imports {wrong}"


def test_nothing_sleeps_in_the_event_loop() -> None:
    for path, tree in _modules(RUNNING):
        assert not {"time.sleep"} & _imported(tree), path
        assert not any(ast.unparse(node) == "time.sleep" for node in ast.walk(tree)), path


def test_nobody_else_reads_the_journal(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        journal = open_journal(tmp_path / "journal.db")
        journal.inbox.post(Pause(), actor="ana", surface="cli")
        rights = {path.name: path.stat().st_mode & 0o077 for path in tmp_path.glob("journal.db*")}
        journal.close()
    finally:
        os.umask(before)
    assert len(rights) == 3, "the write-ahead log is a file of its own"
    assert set(rights.values()) == {0}


@pytest.mark.parametrize("fails", ["read", "dry run", "permission"])
async def test_what_cannot_be_read_or_rehearsed_is_no_snapshot_and_no_write(fails: str) -> None:
    scene = Scene(Policy(mode=Mode.AUTO))
    scene.run.choose = lambda what, options: options[-1] if what == fails else options[0]
    result = await scene.transact()
    assert (result.outcome, scene.writes) == ("refused", 0)
    assert result.reason
    events = [recorded.event.event for recorded in scene.run.store.recorded]
    assert "step.intended" not in events
    assert fails != "read" or "snapshot.taken" not in events
