"""Events as Kubernetes' recorder writes them: a repeated one raises its count instead of adding another."""

from __future__ import annotations

import hashlib
from typing import Any
from weakref import WeakKeyDictionary

from stratus.sandbox.api import Api
from stratus.sandbox.store import Store

Object = dict[str, Any]

AGGREGATE_AFTER = 10  # similar events (all but the message equal) within the window before they are combined
AGGREGATE_WINDOW = 600.0  # seconds
EVENT_TTL = 3600.0  # seconds: the API server's --event-ttl

_similar: WeakKeyDictionary[Store, dict[tuple[str, ...], list[tuple[str, float]]]] = WeakKeyDictionary()


def record(
    api: Api, involved: Object, type_: str, reason: str, message: str, component: str, *, host: str = "",
    field_path: str = "",
) -> None:  # fmt: skip
    """Record that something happened to `involved` (any object, or an event's involvedObject form).

    `field_path` names a part of it, such as `spec.containers{web}`. Events outlive their object by an hour.
    """
    reference = _reference(involved, field_path)
    namespace = reference.get("namespace") or "default"
    message = _aggregate(api, reference, type_, reason, message, component)
    name = _name(reference, type_, reason, message, component, host)
    current = api.store.get("events", namespace, name)
    now = api.kernel.timestamp()
    if current is not None:
        changed = {**current, "count": current.get("count", 1) + 1, "lastTimestamp": now}
        api.replace_internal("events", changed)
        return
    source = {"component": component, "host": host} if host else {"component": component}
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": reference,
        "reason": reason,
        "message": message[:1024],
        "source": source,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "type": type_,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    api.create_internal("events", event)
    api.kernel.call_later(EVENT_TTL, lambda: _expire(api, namespace, name))


def _expire(api: Api, namespace: str, name: str) -> None:
    event = api.store.get("events", namespace, name)
    if event is None:
        return
    from stratus.sandbox.kernel import parse_time

    left = parse_time(event["lastTimestamp"]) + EVENT_TTL - api.kernel.now()
    if left <= 1.0:
        api.store.remove("events", namespace, name)
    else:
        api.kernel.call_later(left, lambda: _expire(api, namespace, name))


def _reference(involved: Object, field_path: str) -> Object:
    if "metadata" not in involved:
        return involved
    metadata = involved["metadata"]
    reference = {
        "kind": involved.get("kind", ""),
        "namespace": metadata.get("namespace", ""),
        "name": metadata.get("name", ""),
        "uid": metadata.get("uid", ""),
        "apiVersion": involved.get("apiVersion", ""),
        "resourceVersion": metadata.get("resourceVersion", ""),
        "fieldPath": field_path,
    }
    return {key: value for key, value in reference.items() if value}


def _aggregate(api: Api, reference: Object, type_: str, reason: str, message: str, component: str) -> str:
    """More than ten different messages of one kind within ten minutes become one combined event."""
    key = (component, reference.get("uid", ""), reference.get("name", ""), type_, reason)
    now = api.kernel.now()
    seen = _similar.setdefault(api.store, {})
    recent = [(text, at) for text, at in seen.get(key, ()) if now - at < AGGREGATE_WINDOW and text != message]
    recent.append((message, now))
    seen[key] = recent[-AGGREGATE_AFTER - 1 :]
    return f"(combined from similar events): {message}" if len(recent) > AGGREGATE_AFTER else message


def _name(reference: Object, type_: str, reason: str, message: str, component: str, host: str) -> str:
    text = message if not message.startswith("(combined from") else "combined"
    parts = (reference.get("uid", ""), reference.get("fieldPath", ""), type_, reason, text, component, host)
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
    return f"{reference.get('name', '')}.{digest}"
