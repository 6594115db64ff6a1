"""Lists: selection, paging, and the joined cached bytes that make a list of thousands of objects cheap."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from stratus.sandbox.api import conversion, errors, selectors
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server.http import Request, dumps
from stratus.sandbox.store import Record, Store

Object = dict[str, Any]
Predicate = Callable[[Object], bool]


class Page:
    """The records of one list request and its ListMeta."""

    def __init__(self, records: list[Record], metadata: Object) -> None:
        self.records = records
        self.metadata = metadata


def predicate(request: Request, kind: Kind, name: str = "") -> Predicate | None:
    """What the request's selectors select, None if everything; raises ApiError 400."""
    label_text, field_text = request.first("labelSelector"), request.first("fieldSelector")
    if name:
        field_text = f"{field_text},metadata.name={name}" if field_text else f"metadata.name={name}"
    by_field = selectors.parse_fields(field_text, kind)
    if not label_text:
        return by_field
    by_label = selectors.parse_labels(label_text)
    if by_field is None:
        return lambda obj: by_label(obj["metadata"].get("labels") or {})
    return lambda obj: by_label(obj["metadata"].get("labels") or {}) and by_field(obj)


def page(store: Store, kind: Kind, namespace: str, request: Request) -> Page:
    """The objects that a list request asks for; raises ApiError 400 or 410."""
    wanted = predicate(request, kind)
    _check_version(store, request)
    records: Iterable[Record] = _candidates(store, kind, namespace, request.first("fieldSelector"))
    if wanted is not None:
        records = (record for record in records if wanted(record.object))
    limit = request.number("limit") or 0
    token = request.first("continue")
    if not limit and not token:
        return Page(list(records), {"resourceVersion": str(store.revision)})
    return _paged(store, list(records), limit, token)


def _candidates(store: Store, kind: Kind, namespace: str, fields: str) -> Iterator[Record]:
    """All records of the namespace, or the one that a plain name selector can only mean."""
    if namespace and fields.startswith("metadata.name=") and "," not in fields:
        record = store.record(kind.store, namespace, fields.removeprefix("metadata.name=").lstrip("="))
        return iter([record] if record is not None else [])
    return store.records(kind.store, namespace)


def _check_version(store: Store, request: Request) -> None:
    text = request.first("resourceVersion")
    match = request.first("resourceVersionMatch")
    if not text:
        if match:
            raise errors.ApiError(
                422, "Invalid", "resourceVersionMatch is forbidden unless resourceVersion is provided"
            )
        return
    if not text.isdigit():
        detail = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise errors.ApiError(500, "", f"resourceVersion: {detail}")
    if int(text) > store.revision:
        text = f"Too large resource version: {text}, current: {store.revision}"
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        raise errors.ApiError(504, "Timeout", f"Timeout: {text}", {"causes": causes, "retryAfterSeconds": 1})


def _key(record: Record) -> str:
    metadata = record.object["metadata"]
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _paged(store: Store, records: list[Record], limit: int, token: str) -> Page:
    start, revision = _decode_token(token) if token else ("", store.revision)
    if token:
        records = [record for record in records if _sort_key(record) > tuple(start.split("/", 1))]
    metadata: Object = {"resourceVersion": str(revision)}
    if limit and len(records) > limit:
        last = _key(records[limit - 1])
        metadata["continue"] = _encode_token(last, revision)
        metadata["remainingItemCount"] = len(records) - limit
        records = records[:limit]
    return Page(records, metadata)


def _sort_key(record: Record) -> tuple[str, ...]:
    return tuple(_key(record).split("/", 1))


def _encode_token(start: str, revision: int) -> str:
    return base64.urlsafe_b64encode(dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start})).decode()


def _decode_token(token: str) -> tuple[str, int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token))
        return found["start"], found["rv"]
    except (ValueError, KeyError, TypeError):
        raise errors.bad_request("continue key is not valid: invalid token") from None


def list_body(kind: Kind, found: Page) -> bytes:
    """The list as JSON. Items of built-in kinds carry no apiVersion and kind, as the API server writes them."""
    head = dumps({"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": found.metadata})
    if kind.converted:
        items = [_converted(kind, record) for record in found.records]
    elif kind.custom:
        prefix = type_prefix(kind)
        items = [prefix + record.rest() for record in found.records]
    else:
        items = [b"{" + record.rest() for record in found.records]
    return head[:-1] + b',"items":[' + b",".join(items) + b"]}"


def _converted(kind: Kind, record: Record) -> bytes:
    shown = conversion.to_view(kind, record.object)
    return dumps({key: value for key, value in shown.items() if key not in ("apiVersion", "kind")})


def type_prefix(kind: Kind) -> bytes:
    """The opening of an object of this kind, up to where the cached part starts."""
    return f'{{"kind":"{kind.kind}","apiVersion":"{kind.api_version}",'.encode()


def record_body(kind: Kind, record: Record) -> bytes:
    """One stored object as JSON in the version of `kind`."""
    if kind.converted:
        return dumps(conversion.to_view(kind, record.object))
    return type_prefix(kind) + record.rest()
