"""A bad network and a bad day of the API server, scripted: decorators around any Transport."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from stratus.cluster.transport import (
    DEFAULT_TIMEOUT,
    JSON,
    Answer,
    Endpoint,
    Query,
    Transport,
    answer_lost,
    changes_state,
)
from stratus.domain.errors import Retryable, StratusError


class Fault(StrEnum):
    """What happens to one request. "Landed" means that the server processed it although its answer never came."""

    NONE = "none"
    REFUSED_CONNECTION = "refused connection"
    THROTTLED = "429"
    UNAVAILABLE = "503 with Retry-After"
    CONFLICT = "409"
    WEBHOOK_DENIES = "a webhook denies it"
    WEBHOOK_DOWN = "a webhook does not answer"
    ERROR = "500, not processed"
    ERROR_LANDED = "500, landed"
    TIMEOUT = "time-out, not processed"
    TIMEOUT_LANDED = "time-out, landed"
    TIMEOUT_LATE = "time-out, lands two requests later"
    DROPPED = "dropped, not processed"
    DROPPED_LANDED = "dropped, landed"
    GARBLED = "200 with half a body, landed"


FOR_READS = (Fault.REFUSED_CONNECTION, Fault.THROTTLED, Fault.UNAVAILABLE, Fault.ERROR, Fault.TIMEOUT, Fault.DROPPED)
"""What can happen to a read (or a dry run) and means anything there."""
LATE_BY = 2
"""Requests after which a late one lands."""

Choose = Callable[["Request"], Fault]


@dataclass(frozen=True)
class Request:
    """One request as a decorator sees it."""

    method: str
    path: str
    query: dict[str, str | int | bool] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = JSON
    accept: str = JSON
    timeout: float = DEFAULT_TIMEOUT

    @property
    def writes(self) -> bool:
        """Whether it can change the cluster: not a read, a dry run or an access review."""
        return changes_state(self.method, self.path, self.query)

    async def to(self, transport: Transport) -> Answer:
        """Send it."""
        return await transport.request(
            self.method,
            self.path,
            query=self.query,
            body=self.body or None,
            content_type=self.content_type,
            accept=self.accept,
            timeout=self.timeout,
        )

    def lost(self, why: str) -> StratusError:
        """The error for an answer that never came."""
        return answer_lost(self.method, self.path, self.query, why)


class _Decorator:
    def __init__(self, inner: Transport) -> None:
        self.inner = inner

    @property
    def endpoint(self) -> Endpoint:
        """That of the decorated transport."""
        return self.inner.endpoint

    async def close(self) -> None:
        """Closes the decorated transport."""
        await self.inner.close()

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
        """See Transport."""
        return await self._handle(Request(method, path, dict(query or {}), body or b"", content_type, accept, timeout))

    async def _handle(self, request: Request) -> Answer:
        raise NotImplementedError


class FaultyTransport(_Decorator):
    """Does to each request what ``choose`` says; a fault that makes no sense for it does nothing."""

    def __init__(self, inner: Transport, choose: Choose) -> None:
        super().__init__(inner)
        self._choose = choose
        self._late: list[tuple[int, Request]] = []
        self.met: Counter[tuple[str, Fault]] = Counter()
        """(method, fault) → how often, dry runs as "dry METHOD"."""

    async def _handle(self, request: Request) -> Answer:
        await self._land_late()
        fault = self._choose(request)
        if not request.writes and fault not in FOR_READS:
            fault = Fault.NONE
        dry = "dry " if request.query.get("dryRun") == "All" else ""
        self.met[f"{dry}{request.method}", fault] += 1
        if fault is Fault.NONE:
            return await request.to(self.inner)
        if fault in _ANSWERS:
            return _ANSWERS[fault]
        return await self._broken(request, fault)

    async def _broken(self, request: Request, fault: Fault) -> Answer:
        if fault is Fault.REFUSED_CONNECTION:
            raise Retryable(f"{self.endpoint.server} cannot be reached: connection refused", delay=0.1)
        if fault is Fault.TIMEOUT_LATE:
            self._late.append((LATE_BY, request))
        elif fault in (Fault.ERROR_LANDED, Fault.TIMEOUT_LANDED, Fault.DROPPED_LANDED, Fault.GARBLED):
            answer = await request.to(self.inner)
            if fault is Fault.GARBLED:
                return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
            if fault is Fault.ERROR_LANDED:
                return _ANSWERS[Fault.ERROR]
        raise request.lost(fault.value)

    async def _land_late(self) -> None:
        waiting = [(left - 1, request) for left, request in self._late]
        self._late = [(left, request) for left, request in waiting if left > 0]
        for left, request in waiting:
            if left <= 0:
                await request.to(self.inner)


class RecordingTransport(_Decorator):
    """Remembers every request that reached the transport behind it, with its status (0: no answer)."""

    def __init__(self, inner: Transport) -> None:
        super().__init__(inner)
        self.seen: list[tuple[Request, int]] = []

    async def _handle(self, request: Request) -> Answer:
        try:
            answer = await request.to(self.inner)
        except StratusError:
            self.seen.append((request, 0))
            raise
        self.seen.append((request, answer.status))
        return answer

    @property
    def writes(self) -> list[Request]:
        """The requests that could change the cluster."""
        return [request for request, _ in self.seen if request.writes]

    def clear(self) -> None:
        """Count from here."""
        self.seen.clear()


def script(faults: Iterable[Fault], *, only: Callable[[Request], bool] = lambda request: request.writes) -> Choose:
    """A choice that takes ``faults`` in order for the requests that ``only`` selects, then none."""
    rest = iter(faults)
    return lambda request: next(rest, Fault.NONE) if only(request) else Fault.NONE


def _status(code: int, reason: str, message: str, retry_after: int | None = None) -> Answer:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    headers = {"content-type": JSON} | ({"retry-after": str(retry_after)} if retry_after is not None else {})
    return Answer(code, json.dumps(body).encode(), headers)


_ANSWERS = {
    Fault.THROTTLED: _status(429, "TooManyRequests", "too many requests, please try again later", 0),
    Fault.UNAVAILABLE: _status(503, "ServiceUnavailable", "apiserver is shutting down", 0),
    Fault.CONFLICT: _status(
        409, "Conflict", "the object has been modified; please apply your changes to the latest version"
    ),
    Fault.WEBHOOK_DENIES: _status(403, "Forbidden", 'admission webhook "policy.example.com" denied the request: no'),
    Fault.WEBHOOK_DOWN: _status(
        500, "InternalError", 'Internal error occurred: failed calling webhook "policy.example.com": timed out'
    ),
    Fault.ERROR: _status(500, "InternalError", "Internal error occurred: etcdserver: request timed out"),
}
