"""A real cluster with a namespace for each module, kubectl as the other person, and the audit log as the judge."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.realcluster.room import SHARED, Doing, Room, kubeconfig, running


@pytest.fixture(scope="session")
def config() -> str:
    """The kubeconfig; skips where there is no cluster."""
    found = kubeconfig()
    if not found:
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")
    return found


@pytest.fixture(scope="module")
def empty_room(config: str) -> Iterator[Room]:
    """A namespace that is deleted afterwards."""
    room = Room(config, f"room-realcluster-{uuid.uuid4().hex[:6]}")
    room.kubectl("create", "namespace", room.namespace)
    try:
        yield room
    finally:
        room.kubectl("delete", "namespace", room.namespace, "--wait=false", check=False)


@pytest.fixture(scope="module")
def room(empty_room: Room) -> Room:
    """The namespace with one small application, applied as a person does."""
    empty_room.apply((Path(__file__).parent / "objects.yaml").read_text())
    empty_room.kubectl("rollout", "status", "deploy/web", "--timeout=90s")
    empty_room.kubectl("rollout", "status", "sts/db", "--timeout=90s")
    return empty_room


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def doing(room: Room, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doing]:
    """One engine for the whole module."""
    async with running(room, tmp_path_factory.mktemp("journal") / "journal.db") as found:
        yield found


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of the test's own."""
    return tmp_path / "journal.db"


Audited = Callable[[str], list[Any]]


@pytest.fixture
def audited(config: str) -> Audited:
    """What the API server wrote down since the test began of one namespace: mutations by STRATUS, dry runs aside."""
    if not SHARED.exists():
        pytest.skip("the cluster's audit log cannot be read")
    path = Path(subprocess.run([SHARED, "audit"], capture_output=True, text=True, check=True).stdout.strip())
    start = path.stat().st_size

    def read(namespace: str) -> list[Any]:
        with path.open("rb") as log:
            log.seek(start)
            entries = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [each for each in entries if _is_our_write(each, namespace)]

    return read


def _is_our_write(entry: Any, namespace: str) -> bool:
    mine = entry["userAgent"] == "stratus" and entry.get("objectRef", {}).get("namespace") == namespace
    return mine and "dryRun=All" not in entry["requestURI"]


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    """Waits until something holds on the cluster; fails after two minutes."""

    def wait(holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 120.0
        while not holds():
            assert time.monotonic() < end, f"never seen: {what}"
            time.sleep(0.2)

    return wait


@pytest.fixture(scope="session")
def components() -> Callable[[Sequence[str]], None]:
    """Kills and starts components of the shared cluster."""
    if not SHARED.exists():
        pytest.skip("only the shared cluster's components can be killed")

    def control(words: Sequence[str]) -> None:
        subprocess.run([SHARED, *words], check=True, capture_output=True)

    return control
