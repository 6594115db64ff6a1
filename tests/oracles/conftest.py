"""Servers on loopback, and a namespace of a real cluster to break things in."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from stratus.cluster.kubeconfig import connect
from tests.oracles.real import Room
from tests.oracles.support import Handler, Server

SHARED = Path(__file__).parents[3] / "shared" / "realcluster" / "cluster"


@pytest.fixture
async def serve() -> AsyncIterator[Server]:
    """Starts HTTP servers on loopback; returns their URL."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(application)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def kubeconfig() -> str:
    """STRATUS_TEST_KUBECONFIG, or the shared cluster's; skips the test where neither is there."""
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([SHARED, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    if not path or not Path(path).exists():
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")
    return path


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A namespace with a healthy application; deleted afterwards."""
    transport = connect(kubeconfig())
    made = Room(transport)
    try:
        await made.build()
        yield made
    finally:
        await made.leave()
        await transport.close()
