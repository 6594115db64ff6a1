"""An engine that somebody started stops, safely, when that somebody is gone."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from stratus.journal import open_reader
from tests.cli.conftest import Served


def command(served: Served) -> list[str]:
    options = [*served.options, "-n", "default", "-o", "jsonl"]
    return [sys.executable, "-m", "stratus.cli.main", "run", "--until-eof", *options]


async def test_the_end_of_standard_input_stops_the_engine(served: Served) -> None:
    engine = await asyncio.create_subprocess_exec(
        *command(served), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert engine.stdin is not None and engine.stdout is not None
    assert b'"engine.started"' in await engine.stdout.readline()
    engine.stdin.close()
    assert b'"run.finished"' in (await engine.stdout.read()).splitlines()[-1]
    assert await engine.wait() == 0
    reader = open_reader(served.settings.journal_path)
    (stopped,) = [each.event for each in reader.read(0, 1000) if each.event.event == "engine.stopped"]
    reader.close()
    assert stopped.reason == "whoever started it is gone"


async def test_there_must_be_somebody(served: Served) -> None:
    engine = await asyncio.create_subprocess_exec(
        *command(served), stdin=subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, told = await engine.communicate()
    assert engine.returncode == 2 and b"needs a pipe" in told
