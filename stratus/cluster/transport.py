"""How bytes reach an API server and come back: the seam under discovery, reader and writers.

A transport returns every answer that arrived, whatever its status; it raises only when none did:
Retryable when the request surely was not processed (or was a read), OutcomeUnknown when a write may have landed.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from stratus.domain.errors import InvalidInput, OutcomeUnknown, Retryable, StratusError

if TYPE_CHECKING:
    from kubernetes.client.configuration import Configuration
    from urllib3 import PoolManager

Query = Mapping[str, str | int | bool]

JSON = "application/json"
DEFAULT_TIMEOUT = 10.0
"""Seconds for one request, from sending to the last byte of the answer."""
CONNECTIONS = 16
"""Requests that may be under way at once; the API server's own limit is far higher."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Which API server a transport speaks to, as the kubeconfig names it."""

    server: str = ""
    context: str = ""
    namespace: str = ""
    """The context's own namespace, "" when it names none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. Header names are lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """One request, one answer."""

    @property
    def endpoint(self) -> Endpoint:
        """The API server behind it."""
        ...

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Answer:
        """Send and wait, ``timeout`` in seconds. Raises Retryable or OutcomeUnknown when no answer arrived."""
        ...

    async def close(self) -> None:
        """Drop the connections."""
        ...


def changes_state(method: str, path: str, query: Query | None) -> bool:
    """Whether a request can change the cluster: dry runs and access reviews cannot, so losing their answer is harmless."""
    if method in ("GET", "HEAD", "OPTIONS") or path.startswith("/apis/authorization.k8s.io/"):
        return False
    return (query or {}).get("dryRun") != "All"


def answer_lost(method: str, path: str, query: Query | None, why: str) -> StratusError:
    """The error for a request that was sent and got no answer."""
    what = f"{method} {path}: {why}"
    return OutcomeUnknown(what) if changes_state(method, path, query) else Retryable(what)


def encoded(query: Query | None) -> str:
    """``query`` as it stands in a URL, booleans as Kubernetes spells them."""
    plain = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in (query or {}).items()}
    return urlencode(plain)


@dataclass(frozen=True)
class Access:
    """A way into one API server: its pool of connections and fresh credentials."""

    endpoint: Endpoint
    configuration: Configuration
    pool: PoolManager

    @property
    def base(self) -> str:
        """What stands before every path."""
        return str(self.configuration.host).rstrip("/")

    def credentials(self) -> dict[str, str]:
        """Headers that say who we are; the client refreshes an expired token here."""
        token = self.configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        return {"Authorization": token} if token else {}


class ApiTransport:
    """Loopback or TLS to a real API server, through the official client's connection pool and credentials."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="stratus-api")

    @property
    def endpoint(self) -> Endpoint:
        """The API server of the kubeconfig's context."""
        return self._access.endpoint

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Answer:
        """See Transport. A cancelled call does not call back what was already sent."""
        headers = {"Accept": accept, "User-Agent": "stratus"}
        if body is not None:
            headers["Content-Type"] = content_type
        url = f"{path}?{encoded(query)}" if query else path
        call = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, call, self._send, method, url, headers, body, timeout, changes_state(method, path, query)
        )

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float, writes: bool
    ) -> Answer:
        from urllib3 import exceptions as failures

        headers |= self._access.credentials()
        try:
            try:
                return self._once(method, url, headers, body, timeout)
            except failures.ProtocolError:  # a kept connection that the server had closed: a read can go again
                if writes:
                    raise
                return self._once(method, url, headers, body, timeout)
        except failures.HTTPError as error:
            raise self._classified(error, method, url, writes) from error

    def _once(self, method: str, url: str, headers: dict[str, str], body: bytes | None, timeout: float) -> Answer:
        import urllib3

        reply = self._access.pool.request(
            method,
            self._access.base + url,
            headers=headers,
            body=body,
            timeout=urllib3.Timeout(connect=min(timeout, 5.0), read=timeout),
            retries=False,
            redirect=False,
        )
        return Answer(reply.status, reply.data, {name.lower(): value for name, value in reply.headers.items()})

    def _classified(self, error: Exception, method: str, url: str, writes: bool) -> StratusError:
        import ssl

        from urllib3 import exceptions as failures

        server = self.endpoint.server
        if isinstance(error, failures.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
            return InvalidInput(
                f"The certificate of {server} is not trusted ({error.args[0].verify_message}): "
                "check certificate-authority of the cluster in the kubeconfig."
            )
        if isinstance(error, failures.NewConnectionError | failures.ConnectTimeoutError | failures.ProxyError):
            return Retryable(f"{server} cannot be reached: {error}")
        what = f"{method} {url.partition('?')[0]}: no answer ({type(error).__name__})"
        return OutcomeUnknown(what) if writes else Retryable(what)

    async def close(self) -> None:
        """Drop the connections; requests under way end by themselves."""
        self._threads.shutdown(wait=False)
        self._access.pool.clear()


class _EmbeddedAnswer(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Iterable[tuple[str, str]]: ...
    @property
    def body(self) -> bytes: ...


class InProcessTransport:
    """An API server in this process, called as a function: no sockets, so it can run on virtual time."""

    def __init__(self, serve: Callable[..., _EmbeddedAnswer], server: str = "embedded", context: str = "") -> None:
        """``serve(method, path, query, body, headers)`` answers synchronously; ``query`` is URL-encoded."""
        self._serve = serve
        self._endpoint = Endpoint(server, context)

    @property
    def endpoint(self) -> Endpoint:
        """The embedded cluster."""
        return self._endpoint

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float = DEFAULT_TIMEOUT,
    ) -> Answer:
        """See Transport; it answers at once, so ``timeout`` never passes."""
        headers = {"accept": accept, "content-type": content_type}
        reply = self._serve(method, path, encoded(query), body or b"", headers)
        await asyncio.sleep(0)
        return Answer(reply.status, reply.body, {name.lower(): value for name, value in reply.headers})

    async def close(self) -> None:
        """Nothing is held."""
