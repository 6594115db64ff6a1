"""``stratus ask``: answered by the engine that runs on the journal, else by a look that cannot write."""

from __future__ import annotations

from asyncio import to_thread

import pytest

from stratus.cli.assembly import running_engine
from stratus.cli.main import main
from stratus.cli.minds import conductor_for
from stratus.journal import open_reader
from tests.cli.conftest import Served, web

QUESTION = ("ask", "what", "is", "wrong", "with", "web?")


async def test_the_agents_answer_with_and_without_an_engine(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.cluster.api.create("deployments.apps", "default", web(0))
    asked = [*QUESTION, *served.options, "-n", "default"]
    assert await to_thread(main, asked) == 0
    alone = capsys.readouterr().out
    assert "default/deployment/web: 0 of 0 ready." in alone
    assert not served.settings.journal_path.exists()
    async with running_engine(served.settings) as running:
        conductor_for(served.settings, running.engine, once=False)
        assert await to_thread(main, asked) == 0
    assert capsys.readouterr().out == alone
    reader = open_reader(served.settings.journal_path)
    assert [each.event.event for each in reader.read(0, 100)].count("command.handled") == 1
    reader.close()
