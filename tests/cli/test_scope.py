"""A namespace that is not there, and an oracle that cannot see: said at once, with the reason and what to do."""

from __future__ import annotations

from asyncio import to_thread

import pytest

from stratus.cli.assembly import running_engine
from stratus.cli.commands.run import teller
from stratus.cli.exits import ExitCode
from stratus.cli.main import main
from stratus.cli.output import Output
from tests.cli.conftest import Served


@pytest.mark.parametrize("command", [["run", "--once"], ["ask", "why?"], ["doctor"]])
async def test_a_namespace_that_is_not_there_is_named(
    command: list[str], served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await to_thread(main, [*command, *served.options, "-n", "defualt"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "there is no namespace 'defualt' in this cluster: did you mean default?" in said.out + said.err
    assert await to_thread(main, [*command, *served.options, "-n", "zzz"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert "kubectl get namespaces" in said.out + said.err


async def test_what_cannot_be_seen_is_said_with_its_reason(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = "http://127.0.0.1:1"
    settings = served.settings.model_copy(update={"prometheus": nobody})
    async with running_engine(settings, on_event=teller(Output())) as running:
        await running.engine.observe()
    assert f"cannot observe alerts: {nobody}" in capsys.readouterr().out
    assert await to_thread(main, ["ask", "why?", *served.options, "-n", "default", "--prometheus", nobody]) == 0
    assert f"I cannot see alerts: {nobody}" in capsys.readouterr().out
