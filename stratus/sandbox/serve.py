"""Serving an embedded cluster on a port, and the kubeconfig with which clients find it.

Plain http on loopback needs no credentials (kubectl sends no token over http); with `tls` the server makes itself a
certificate authority and a bearer token, which the kubeconfig carries.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from stratus.sandbox.api.options import User
from stratus.sandbox.cluster import EmbeddedCluster

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Access:
    """How clients reach a served cluster. `ca` is PEM, empty for plain http, as is `token`."""

    url: str
    token: str = ""
    ca: str = ""

    def kubeconfig(self, namespace: str = "default") -> str:
        """A kubeconfig (JSON, which is YAML) with this cluster as its current context."""
        cluster: dict[str, str] = {"server": self.url}
        if self.ca:
            cluster["certificate-authority-data"] = base64.b64encode(self.ca.encode()).decode()
        user = {"token": self.token} if self.token else {}
        context = {"cluster": "stratus-sandbox", "user": "stratus-sandbox", "namespace": namespace}
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "stratus-sandbox",
                "clusters": [{"name": "stratus-sandbox", "cluster": cluster}],
                "users": [{"name": "stratus-sandbox", "user": user}],
                "contexts": [{"name": "stratus-sandbox", "context": context}],
            },
            indent=1,
        )


def write_kubeconfig(access: Access, path: Path, namespace: str = "default") -> None:
    """Write the kubeconfig for its owner's eyes only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(access.kubeconfig(namespace))


@dataclass(frozen=True, slots=True)
class Credentials:
    """A self-made certificate authority and the token of the administrator."""

    token: str
    ca: str
    certificate: str
    key: str


def make_credentials() -> Credentials:
    """A fresh token and a self-signed certificate for loopback."""
    from stratus.sandbox.certificates import self_signed

    certificate, key = self_signed()
    return Credentials(secrets.token_urlsafe(24), certificate, certificate, key)


def administrator(credentials: Credentials) -> dict[str, User]:
    """The token table in which the credentials' token is the administrator's."""
    return {credentials.token: User()}


class _Server(uvicorn.Server):
    """A server that says when it is ready, and leaves signals to the program around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    cluster: EmbeddedCluster, *, port: int = 0, credentials: Credentials | None = None
) -> AsyncIterator[Access]:
    """Run the cluster in real time and serve it on loopback while the block runs; port 0 takes a free one.

    With `credentials` the cluster must have been made with `tokens=administrator(credentials)` and is served over TLS.
    Raises OSError when the port is taken.
    """
    listener = socket.create_server((LOOPBACK, port))
    # Accepted connections inherit it; without it an answer's body waits 40 ms for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    scheme = "https" if credentials else "http"
    url = f"{scheme}://{LOOPBACK}:{listener.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        server = _Server(_config(cluster, credentials, Path(folder)))
        life = asyncio.create_task(cluster.kernel.run())
        service = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            cluster.start()
            await server.ready.wait()
            yield Access(url, credentials.token, credentials.ca) if credentials else Access(url)
        finally:
            server.should_exit = server.force_exit = True
            life.cancel()
            await asyncio.gather(service, life, return_exceptions=True)
            listener.close()


def _config(cluster: EmbeddedCluster, credentials: Credentials | None, folder: Path) -> uvicorn.Config:
    certificate = key = None
    if credentials is not None:
        certificate, key = folder / "tls.crt", folder / "tls.key"
        certificate.write_text(credentials.certificate)
        key.touch(mode=0o600)
        key.write_text(credentials.key)
    return uvicorn.Config(
        cluster.app, log_level="warning", access_log=False, lifespan="off", timeout_keep_alive=75,
        ws="websockets-sansio", ws_ping_interval=None, timeout_graceful_shutdown=1,
        ssl_certfile=certificate, ssl_keyfile=str(key) if key else None,
    )  # fmt: skip
