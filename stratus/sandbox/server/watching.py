"""Watches: from a resourceVersion on, every change that a selector can see, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server import listing, tables
from stratus.sandbox.server.http import Request, dumps
from stratus.sandbox.store import Change, Expired, Record, Store

Object = dict[str, Any]

BOOKMARK_SECONDS = 60.0
DEFAULT_TIMEOUT = 1800.0


class Watch:
    """One client's watch. It buffers what changes until the client has read it."""

    def __init__(self, store: Store, kind: Kind, namespace: str, name: str, request: Request) -> None:
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._wanted = listing.predicate(request, kind, name)
        self._encoder = _encoder(kind, request)
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._initial = request.first("sendInitialEvents") == "true"
        self._timeout = float(request.number("timeoutSeconds") or DEFAULT_TIMEOUT)
        self._pending: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._start(request.first("resourceVersion"))

    def _start(self, version: str) -> None:
        self._store.subscribe(self._changed, self._kind.store)
        try:
            if self._initial or version in ("", "0"):
                self._send_existing()
                return
            if not version.isdigit():
                raise errors.bad_request(
                    f'Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax'
                )
            for change in self._store.changes_since(self._kind.store, int(version)):
                self._changed(change)
        except Expired as error:
            self._pending.append(_error(errors.expired(str(error))))
            self._timeout = 0.0
        except errors.ApiError:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening."""
        self._store.unsubscribe(self._changed, self._kind.store)

    def drain(self) -> bytes:
        """The event lines that wait to be sent."""
        batch = b"".join(self._pending)
        self._pending.clear()
        return batch

    async def events(self) -> AsyncIterator[bytes]:
        """Batches of event lines until the watch times out."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timeout
        try:
            while True:
                if self._pending:
                    yield self.drain()
                left = end - loop.time()
                if left <= 0:
                    break
                self._wake.clear()
                await self._wait(min(left, BOOKMARK_SECONDS))
                if not self._pending and self._bookmarks and left > BOOKMARK_SECONDS:
                    self._pending.append(self._bookmark())
            if self._bookmarks:
                yield self._bookmark()
        finally:
            self.close()

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _send_existing(self) -> None:
        for record in self._store.records(self._kind.store, self._namespace):
            if self._wanted is None or self._wanted(record.object):
                self._pending.append(self._encoder.event("ADDED", record))
        if self._initial:
            self._pending.append(self._bookmark({"k8s.io/initial-events-end": "true"}))

    def _changed(self, change: Change) -> None:
        if self._namespace and change.object["metadata"].get("namespace") != self._namespace:
            return
        type_ = self._seen_as(change)
        if type_ is None:
            return
        record = change.record
        if type_ == "DELETED" and change.type != "DELETED" and change.before is not None:
            metadata = {**change.before.object["metadata"], "resourceVersion": str(change.revision)}
            record = Record({**change.before.object, "metadata": metadata}, change.revision)
        self._pending.append(self._encoder.event(type_, record))
        self._wake.set()

    def _seen_as(self, change: Change) -> str | None:
        """The event's type under the selector: leaving the selection is DELETED, entering it ADDED."""
        wanted = self._wanted
        if wanted is None:
            return change.type
        before = change.before is not None and wanted(change.before.object)
        after = change.type != "DELETED" and wanted(change.record.object)
        return {(True, True): "MODIFIED", (True, False): "DELETED", (False, True): "ADDED"}.get((before, after))

    def _bookmark(self, annotations: Object | None = None) -> bytes:
        return self._encoder.bookmark(self._store.revision, annotations)


def _error(error: errors.ApiError) -> bytes:
    return dumps({"type": "ERROR", "object": error.status()}) + b"\n"


class _Encoder:
    """Event lines of whole objects, from cached JSON."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def event(self, type_: str, record: Record) -> bytes:
        return b'{"type":"' + type_.encode() + b'","object":' + listing.record_body(self._kind, record) + b"}\n"

    def bookmark(self, revision: int, annotations: Object | None) -> bytes:
        metadata: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        shown = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": metadata}
        return dumps({"type": "BOOKMARK", "object": shown}) + b"\n"


class _TableEncoder(_Encoder):
    """Event lines of one-row tables; only the first one names the columns."""

    def __init__(self, kind: Kind, request: Request) -> None:
        super().__init__(kind)
        self._request = request
        self._headers = True

    def event(self, type_: str, record: Record) -> bytes:
        shown = tables.table(self._kind, [record.object], {"resourceVersion": str(record.revision)}, self._request)
        if not self._headers:
            shown["columnDefinitions"] = []
        self._headers = False
        return dumps({"type": type_, "object": shown}) + b"\n"


class _MetadataEncoder(_Encoder):
    def event(self, type_: str, record: Record) -> bytes:
        return dumps({"type": type_, "object": tables.partial(record.object)}) + b"\n"


def _encoder(kind: Kind, request: Request) -> _Encoder:
    if request.accepts("as=Table"):
        return _TableEncoder(kind, request)
    if request.accepts("as=PartialObjectMetadata"):
        return _MetadataEncoder(kind)
    return _Encoder(kind)
