"""Events as Kubernetes' recorder writes them: a repeated one raises its count instead of adding another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from stratus.sandbox.api import Api
from stratus.sandbox.kernel import parse_time
from stratus.sandbox.store import Store

Object = dict[str, Any]

AGGREGATE_AFTER = 10  # similar events (all but the message equal) within the window before they are combined
AGGREGATE_WINDOW = 600.0  # seconds
_COMBINED = "(combined from similar events): "
EVENT_TTL = 3600.0  # seconds: the API server's --event-ttl

Identity = tuple[str, ...]


@dataclass(slots=True)
class _Memory:
    """What the recorder of one cluster remembers: names of events by content, and recent messages by kind."""

    names: dict[Identity, str] = field(default_factory=dict)
    similar: dict[Identity, list[tuple[str, float]]] = field(default_factory=dict)
    last: int = 0


_memories: WeakKeyDictionary[Store, _Memory] = WeakKeyDictionary()


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
    shown = "combined" if message.startswith(_COMBINED) else message
    identity = (reference.get("uid", ""), reference.get("name", ""), field_path, type_, reason, shown, component, host)
    name = _name(api, (namespace, *identity), reference.get("name", ""))
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
    api.kernel.call_later(EVENT_TTL, lambda: _expire(api, namespace, name, (namespace, *identity)))


def _expire(api: Api, namespace: str, name: str, identity: Identity) -> None:
    event = api.store.get("events", namespace, name)
    if event is None:
        _memories[api.store].names.pop(identity, None)
        return
    left = parse_time(event["lastTimestamp"]) + EVENT_TTL - api.kernel.now()
    if left <= 1.0:
        api.store.remove("events", namespace, name)
        _memories[api.store].names.pop(identity, None)
    else:
        api.kernel.call_later(left, lambda: _expire(api, namespace, name, identity))


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
    seen = _memories.setdefault(api.store, _Memory()).similar
    recent = [(text, at) for text, at in seen.get(key, ()) if now - at < AGGREGATE_WINDOW and text != message]
    recent.append((message, now))
    seen[key] = recent[-AGGREGATE_AFTER - 1 :]
    return f"{_COMBINED}{message}" if len(recent) > AGGREGATE_AFTER else message


def _name(api: Api, identity: Identity, subject: str) -> str:
    """The name under which this event is kept: the time of its first occurrence, so that names sort by time."""
    memory = _memories.setdefault(api.store, _Memory())
    known = memory.names.get(identity)
    if known is None:
        memory.last = max(memory.last + 1, int(api.kernel.now() * 1e9))
        known = memory.names[identity] = f"{subject}.{memory.last:x}"
    return known
