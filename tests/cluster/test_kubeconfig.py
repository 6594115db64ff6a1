"""A kubeconfig that cannot be used is the user's to mend: the message must say how."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus.cluster.kubeconfig import connect
from stratus.domain.errors import InvalidInput, OutcomeUnknown, Retryable

CONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t0ken"}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "shop"}},
        {"name": "two", "context": {"cluster": "c", "user": "u"}},
    ],
}


@pytest.fixture(autouse=True)
def no_own_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The developer's own kubeconfig has no part in these tests."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _file(tmp_path: Path, content: Any) -> str:
    path = tmp_path / "config"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return str(path)


@pytest.mark.parametrize(
    ("content", "context", "message"),
    [
        (CONFIG, "three", 'no context "three"; it has: one, two'),
        ({**CONFIG, "current-context": ""}, None, "names no current context: choose one with --context"),
        ({**CONFIG, "clusters": []}, None, "not usable"),
        ("just text", None, "not usable"),
        ("a: [", None, "not usable"),
        ("", None, "not usable"),
    ],
    ids=["wrong context", "no context", "no cluster", "text", "no yaml", "empty"],
)
def test_it_says_what_is_wrong_and_how_to_mend_it(
    tmp_path: Path, content: Any, context: str | None, message: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        connect(_file(tmp_path, content), context)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InvalidInput, match="no kubeconfig at /no/such/file: name one with --kubeconfig"):
        connect("/no/such/file")
    with pytest.raises(InvalidInput, match="--kubeconfig or KUBECONFIG"):
        connect()


def test_a_pod_without_its_token_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(InvalidInput, match="service account"):
        connect()
    with pytest.raises(InvalidInput, match="--kubeconfig"):
        connect(context="one")


def test_the_environments_list_of_files_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([_file(tmp_path, CONFIG), "/no/such/file"]))
    endpoint = connect().endpoint
    assert (endpoint.server, endpoint.context, endpoint.namespace) == ("http://127.0.0.1:1", "one", "shop")
    assert connect(context="two").endpoint.namespace == ""


async def test_a_refused_connection_was_not_sent(tmp_path: Path) -> None:
    transport = connect(_file(tmp_path, CONFIG))
    for method in ("GET", "PATCH"):
        with pytest.raises(Retryable, match="cannot be reached"):
            await transport.request(method, "/api")
    await transport.close()


@pytest.mark.parametrize(("method", "outcome"), [("GET", Retryable), ("PATCH", OutcomeUnknown)])
@pytest.mark.parametrize("hangs", [True, False], ids=["hangs", "drops"])
async def test_an_answer_that_does_not_come_is_unknown_for_a_write(
    tmp_path: Path, method: str, outcome: type[Exception], hangs: bool
) -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readline())
        if hangs:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}
    transport = connect(_file(tmp_path, {**CONFIG, "clusters": [cluster]}))
    with pytest.raises(outcome):
        await transport.request(method, "/api", body=b"{}", timeout=0.2)
    assert len(seen) == (2 if method == "GET" and not hangs else 1)  # a read is tried again on a fresh connection
    await transport.close()
    server.close()


async def test_credentials_are_sent(tmp_path: Path) -> None:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: Yes\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}}
    transport = connect(_file(tmp_path, {**CONFIG, "clusters": [cluster]}))
    answer = await transport.request("GET", "/api", query={"watch": True, "limit": 1})
    assert (answer.status, answer.body, answer.headers["x-seen"]) == (200, b"{}", "Yes")
    assert heads[0].startswith(b"GET /api?watch=true&limit=1 ") and b"Bearer t0ken" in heads[0]
    await transport.close()
    server.close()
