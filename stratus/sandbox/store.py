"""The cluster's memory: every object, one revision counter, and the log that watches read.

It stands where etcd and the API server's watch cache stand. Objects are plain dicts that are replaced, never mutated,
so readers may keep references, and their JSON is made once however many clients list or watch them.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Resource = str
Object = dict[str, Any]
Objects = list[Object]

LOG_LIMIT = 4096  # changes kept per resource for watches that resume; older resourceVersions get 410 Gone

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Key:
    """Where an object lives; `namespace` is empty for cluster-scoped ones."""

    resource: Resource
    namespace: str
    name: str


class Record:
    """One stored state of an object, with its JSON made at most once."""

    __slots__ = ("_rest", "object", "revision")

    def __init__(self, obj: Object, revision: int) -> None:
        self.object = obj
        self.revision = revision
        self._rest: bytes | None = None

    def rest(self) -> bytes:
        """The object's JSON without its opening brace, apiVersion and kind, which depend on the version served."""
        if self._rest is None:
            bare = {k: v for k, v in self.object.items() if k != "apiVersion" and k != "kind"}
            self._rest = _encode(bare).encode()[1:]
        return self._rest


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `object` is the state after it (for DELETED: the last state, under the deletion's revision)."""

    type: str
    resource: Resource
    record: Record
    before: Record | None

    @property
    def object(self) -> Object:
        return self.record.object

    @property
    def previous(self) -> Object | None:
        return self.before.object if self.before is not None else None

    @property
    def revision(self) -> int:
        return self.record.revision

    @property
    def key(self) -> Key:
        metadata = self.record.object["metadata"]
        return Key(self.resource, metadata.get("namespace", ""), metadata["name"])


class Expired(Exception):
    """The watch log no longer reaches back to the resourceVersion asked for (410 Gone)."""

    def __init__(self, revision: int, oldest: int) -> None:
        super().__init__(f"too old resource version: {revision} ({oldest})")
        self.revision = revision
        self.oldest = oldest


Subscriber = Callable[[Change], None]


class _Table:
    """All objects of one resource, by namespace and name, kept so that a list costs no sort unless names changed."""

    __slots__ = ("namespaces", "sorted_names")

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, Record]] = {}
        self.sorted_names: dict[str, list[str]] = {}

    def get(self, namespace: str, name: str) -> Record | None:
        bucket = self.namespaces.get(namespace)
        return bucket.get(name) if bucket is not None else None

    def put(self, namespace: str, name: str, record: Record) -> None:
        bucket = self.namespaces.setdefault(namespace, {})
        if name not in bucket:
            self.sorted_names.pop(namespace, None)
        bucket[name] = record

    def remove(self, namespace: str, name: str) -> None:
        bucket = self.namespaces[namespace]
        del bucket[name]
        self.sorted_names.pop(namespace, None)
        if not bucket:
            del self.namespaces[namespace]

    def records(self, namespace: str) -> Iterator[Record]:
        """Records in etcd's order: by namespace, then name. An empty `namespace` means all."""
        for each in [namespace] if namespace else sorted(self.namespaces):
            bucket = self.namespaces.get(each)
            if bucket is None:
                continue
            names = self.sorted_names.get(each)
            if names is None:
                names = self.sorted_names[each] = sorted(bucket)
            yield from [bucket[name] for name in names]


class Store:
    """Objects by resource, namespace and name. Writes give the next revision and reach subscribers in order."""

    def __init__(self) -> None:
        self.revision = 1
        self._tables: dict[Resource, _Table] = {}
        self._logs: dict[Resource, deque[Change]] = {}
        self._dropped: dict[Resource, int] = {}
        self._compacted = 0
        self._by_uid: dict[str, Key] = {}
        self._dependents: dict[str, set[Key]] = {}
        self._subscribers: dict[Resource, list[Subscriber]] = {}
        self._to_all: list[Subscriber] = []
        self._pending: deque[Change] = deque()
        self._notifying = False

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """The object, or None."""
        record = self.record(resource, namespace, name)
        return record.object if record is not None else None

    def record(self, resource: Resource, namespace: str, name: str) -> Record | None:
        """The object with its cached JSON, or None."""
        table = self._tables.get(resource)
        return table.get(namespace, name) if table is not None else None

    def list(self, resource: Resource, namespace: str = "") -> Objects:
        """Objects ordered by namespace and name; an empty `namespace` means all."""
        return [record.object for record in self.records(resource, namespace)]

    def records(self, resource: Resource, namespace: str = "") -> Iterator[Record]:
        """As `list`, with cached JSON."""
        table = self._tables.get(resource)
        return table.records(namespace) if table is not None else iter(())

    def count(self, resource: Resource, namespace: str = "") -> int:
        """How many objects `list` would give."""
        table = self._tables.get(resource)
        if table is None:
            return 0
        buckets = table.namespaces
        return len(buckets.get(namespace, ())) if namespace else sum(map(len, buckets.values()))

    def resources(self) -> Sequence[Resource]:
        """The resources that have objects."""
        return [resource for resource, table in self._tables.items() if table.namespaces]

    def by_uid(self, uid: str) -> Key | None:
        """Where the object with this uid lives, or None when it is gone."""
        return self._by_uid.get(uid)

    def dependents(self, uid: str) -> Sequence[Key]:
        """Keys of the objects whose ownerReferences name this uid, in a stable order."""
        keys = self._dependents.get(uid, ())
        return sorted(keys, key=lambda key: (key.resource, key.namespace, key.name))

    def subscribe(self, callback: Subscriber, *resources: Resource) -> None:
        """Call `callback` after each write to `resources` (none given: to any).

        A write made inside a callback is delivered after the present one has reached everybody, so all subscribers
        see one order.
        """
        if not resources:
            self._to_all.append(callback)
        for resource in resources:
            self._subscribers.setdefault(resource, []).append(callback)

    def unsubscribe(self, callback: Subscriber, *resources: Resource) -> None:
        """Undo `subscribe` with the same arguments."""
        if not resources:
            self._to_all.remove(callback)
        for resource in resources:
            self._subscribers[resource].remove(callback)

    def put(self, resource: Resource, obj: Object) -> Object:
        """Create or replace the object named in its metadata; returns it as stored, with its new resourceVersion."""
        metadata = obj["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        table = self._tables.setdefault(resource, _Table())
        before = table.get(namespace, name)
        record = self._stamp(obj)
        table.put(namespace, name, record)
        self._index(Key(resource, namespace, name), before.object if before else None, record.object)
        self._commit(Change("MODIFIED" if before else "ADDED", resource, record, before))
        return record.object

    def remove(self, resource: Resource, namespace: str, name: str) -> Object:
        """Remove the object; returns its last state under the deletion's revision. Raises KeyError if absent."""
        before = self.record(resource, namespace, name)
        if before is None:
            raise KeyError(name)
        self._tables[resource].remove(namespace, name)
        record = self._stamp(before.object)
        self._index(Key(resource, namespace, name), before.object, None)
        self._commit(Change("DELETED", resource, record, before))
        return record.object

    def changes_since(self, resource: Resource, revision: int) -> Sequence[Change]:
        """Changes of `resource` after `revision`, oldest first; raises Expired when the log is shorter."""
        oldest = max(self._compacted, self._dropped.get(resource, 0))
        if revision < oldest:
            raise Expired(revision, oldest)
        entries = self._logs.get(resource)
        if not entries:
            return []
        return list(entries)[bisect_right(entries, revision, key=lambda change: change.revision) :]

    def compact(self) -> None:
        """Forget the watch log, as etcd's compaction does: watches from before get 410 Gone."""
        self._compacted = self.revision
        self._logs.clear()

    def _stamp(self, obj: Object) -> Record:
        self.revision += 1
        return Record({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}, self.revision)

    def _index(self, key: Key, old: Object | None, new: Object | None) -> None:
        old_meta = old["metadata"] if old else {}
        new_meta = new["metadata"] if new else {}
        if old_meta.get("uid") != new_meta.get("uid"):
            self._by_uid.pop(old_meta.get("uid", ""), None)
            if "uid" in new_meta:
                self._by_uid[new_meta["uid"]] = key
        old_owners, new_owners = old_meta.get("ownerReferences"), new_meta.get("ownerReferences")
        if old_owners == new_owners:
            return
        for reference in old_owners or ():
            keys = self._dependents.get(reference["uid"])
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._dependents[reference["uid"]]
        for reference in new_owners or ():
            self._dependents.setdefault(reference["uid"], set()).add(key)

    def _commit(self, change: Change) -> None:
        entries = self._logs.setdefault(change.resource, deque())
        entries.append(change)
        if len(entries) > LOG_LIMIT:
            self._dropped[change.resource] = entries.popleft().revision
        self._pending.append(change)
        if self._notifying:
            return
        self._notifying = True
        try:
            while self._pending:
                self._notify(self._pending.popleft())
        finally:
            self._notifying = False

    def _notify(self, change: Change) -> None:
        for callback in (*self._subscribers.get(change.resource, ()), *self._to_all):
            callback(change)
