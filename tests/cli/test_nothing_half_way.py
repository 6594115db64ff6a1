"""What goes wrong around a transaction leaves nothing half-way: a reader that goes away, a bug of ours."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from stratus.cli.assembly import running_engine
from stratus.cluster.kubectl import compile_command
from stratus.domain.events import Recorded
from stratus.domain.machine import TxState
from stratus.domain.projection import Board, fold
from stratus.journal import open_reader
from tests.cli.conftest import Served, web

COMMAND = ("do", "--settle", "20s", "-o", "text")


def started(words: list[str], **streams: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "stratus.cli.main", *words], **streams)  # type: ignore[call-overload]


async def deployed(served: Served) -> None:
    served.cluster.api.create("deployments.apps", "default", web(1))
    async with asyncio.timeout(30):
        while not served.cluster.healthy("default"):
            await asyncio.to_thread(lambda: None)


def recorded(served: Served) -> Board:
    reader = open_reader(served.settings.journal_path)
    board = fold(reader.read(0, 1000))
    reader.close()
    return board


@pytest.mark.parametrize("lost", ["stdout", "stderr"])
async def test_a_command_whose_output_is_lost_ends_as_it_would(lost: str, served: Served) -> None:
    await deployed(served)
    words = [*COMMAND, *served.options, "-n", "default", "--", "kubectl", "scale", "deploy/web", "--replicas=2"]
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, lost: subprocess.PIPE}
    process = started(words, **streams)
    getattr(process, lost).close()
    assert await asyncio.to_thread(process.wait) == 0
    (tx,) = recorded(served).transactions.values()
    assert tx.state is TxState.COMMITTED
    assert served.cluster.api.get("deployments.apps", "default", "web")["spec"]["replicas"] == 2


async def test_a_run_whose_reader_is_gone_repairs_all_the_same(served: Served) -> None:
    await deployed(served)
    web = served.cluster.api.get("deployments.apps", "default", "web")
    bad = [{"name": "web", "image": "localhost:5000/absent:1"}]
    template = {**web["spec"]["template"], "spec": {**web["spec"]["template"]["spec"], "containers": bad}}
    served.cluster.api.update(
        "deployments.apps", "default", "web", {**web, "spec": {**web["spec"], "template": template}}
    )
    words = ["run", "--once", "--mode", "auto", *served.options, "-n", "default", "-o", "jsonl"]
    process = started(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    process.stdout.close()
    assert await asyncio.to_thread(process.wait) == 0
    board = recorded(served)
    assert [tx.state for tx in board.transactions.values()] == [TxState.COMMITTED]
    assert not board.running


async def test_a_bug_in_the_middle_of_a_transaction_is_taken_back_at_once(served: Served) -> None:
    await deployed(served)
    bug = iter([ValueError("a bug")])

    def broken(recorded: Recorded) -> None:
        if recorded.event.event == "step.executed":
            for error in bug:
                raise error

    with pytest.raises(ValueError, match="a bug"):
        async with running_engine(served.settings) as running:
            running.engine.ledger.subscribers.append(broken)
            words = "kubectl scale deploy/web --replicas=2".split()
            await running.engine.do(await compile_command(words, reader=running.reader, namespace="default"))
    (tx,) = recorded(served).transactions.values()
    assert tx.state is TxState.RESTORED
    assert served.cluster.api.get("deployments.apps", "default", "web")["spec"]["replicas"] == 1
