"""What all controllers share: a work queue per controller, driven by the kernel and the store's changes.

A controller is level-based: `reconcile` gets a key, never an event, reads the present state and moves it one step
towards the wanted one. Keys are queued at most once, so cost follows what changes; a reconcile that fails comes back
with the exponential back-off of client-go's ItemExponentialFailureRateLimiter (5 ms to 1000 s).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from typing import ClassVar

from stratus.sandbox import events
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.kernel import Kernel, Timer
from stratus.sandbox.objects import (
    Object,
    condition,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    selects,
    uid_of,
)
from stratus.sandbox.store import Change, Store

log = logging.getLogger(__name__)

BACKOFF_BASE = 0.005
BACKOFF_MAX = 1000.0
MANAGER = "kube-controller-manager"

Item = tuple[str, str]
"""Namespace and name of an object to reconcile."""


class Index:
    """Objects of one resource by keys computed from each, kept in step with the store."""

    def __init__(self, store: Store, resource: str, keys: Callable[[Object], Iterable[Hashable]]) -> None:
        self._keys = keys
        self._buckets: dict[Hashable, dict[Item, Object]] = {}
        for obj in store.list(resource):
            self._add(obj)
        store.subscribe(self._changed, resource)

    def get(self, key: Hashable) -> list[Object]:
        """The objects under a key, oldest entry first."""
        return list(self._buckets.get(key, {}).values())

    def count(self, key: Hashable) -> int:
        return len(self._buckets.get(key, ()))

    def _changed(self, change: Change) -> None:
        new = None if change.type == "DELETED" else change.object
        kept = set(self._keys(new)) if new is not None else set()
        if change.previous is not None:
            item = (namespace_of(change.previous), name_of(change.previous))
            for key in self._keys(change.previous):
                if key not in kept:
                    self._remove(key, item)
        if new is not None:
            self._add(new)

    def _add(self, obj: Object) -> None:
        item = (namespace_of(obj), name_of(obj))
        for key in self._keys(obj):
            self._buckets.setdefault(key, {})[item] = obj

    def _remove(self, key: Hashable, item: Item) -> None:
        bucket = self._buckets.get(key)
        if bucket is not None:
            bucket.pop(item, None)
            if not bucket:
                del self._buckets[key]


def _by_controller(obj: Object) -> Iterable[Hashable]:
    owner = controller_of(obj)
    return (owner["uid"],) if owner else (("orphans", namespace_of(obj)),)


def _by_label(obj: Object) -> Iterable[Hashable]:
    namespace = namespace_of(obj)
    return [(namespace, key, value) for key, value in labels_of(obj).items()]


class Informers:
    """The indexes that several controllers read; created before them, so that they are never behind."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pods_by_label = Index(store, "pods", _by_label)
        self._children: dict[str, Index] = {}
        for resource in ("pods", "replicasets.apps", "jobs.batch", "controllerrevisions.apps"):
            self._children[resource] = Index(store, resource, _by_controller)

    def children(self, resource: str, owner: Object) -> list[Object]:
        """Objects whose controller reference names this owner's uid."""
        return self._children[resource].get(uid_of(owner))

    def count_children(self, resource: str, uid: str) -> int:
        """How many objects an owner controls."""
        return self._children[resource].count(uid)

    def orphans(self, resource: str, namespace: str) -> list[Object]:
        """Objects of a namespace without a controller reference."""
        return self._children[resource].get(("orphans", namespace))

    def pods_matching(self, namespace: str, labels: dict[str, str]) -> list[Object]:
        """Pods that carry all of these labels; read from the smallest bucket."""
        keys = [(namespace, key, value) for key, value in labels.items()]
        smallest = min(keys, key=self.pods_by_label.count)
        return [pod for pod in self.pods_by_label.get(smallest) if labels.items() <= labels_of(pod).items()]


def is_namespace_terminating(error: ApiError) -> bool:
    """A creation that can never succeed, because its namespace is going."""
    causes = (error.details or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def batch_delay(members: int) -> float:
    """Seconds in which changes of an object with many members are taken together: rewriting it costs as many."""
    return min(1.0, 0.002 * members) if members > 50 else 0.0


class Controller:
    """A queue of keys and the method that brings one of them to its wanted state."""

    name: ClassVar[str]
    """Kubernetes' name of the controller: the component of its events."""
    resource: ClassVar[str]
    """What the keys name."""

    def __init__(self, api: Api, informers: Informers) -> None:
        self.api = api
        self.store: Store = api.store
        self.kernel: Kernel = api.kernel
        self.informers = informers
        self._queue: dict[Item, None] = {}
        self._failures: dict[Item, int] = {}
        self._delayed: dict[Item, Timer] = {}
        self._working = False

    def start(self) -> None:
        """Subscribes, and queues what exists."""
        self.store.subscribe(self._own_changed, self.resource)
        for obj in self.store.list(self.resource):
            self.enqueue(namespace_of(obj), name_of(obj))

    def reconcile(self, namespace: str, name: str) -> None:
        """Moves one object towards its wanted state. An ApiError brings the key back after a back-off."""
        raise NotImplementedError

    def enqueue(self, namespace: str, name: str, after: float = 0.0) -> None:
        """Queues a key now, or at the latest in `after` seconds."""
        item = (namespace, name)
        if after > 0:
            self._enqueue_later(item, after)
        elif item not in self._queue:
            self._queue[item] = None
            if not self._working:
                self._working = True
                self.kernel.call_soon(self._work)

    def enqueue_object(self, obj: Object, after: float = 0.0) -> None:
        self.enqueue(namespace_of(obj), name_of(obj), after)

    def enqueue_owner(self, change: Change) -> None:
        """Subscriber: queues the controlling owner of a changed child, before and after."""
        for obj in (change.object, change.previous):
            owner = controller_of(obj) if obj else None
            if owner and self.owns(owner):
                self.enqueue(namespace_of(change.object), owner["name"], self.patience(owner["uid"]))

    def patience(self, uid: str) -> float:
        """Seconds for which changes of an owner's children may be gathered."""
        return 0.0

    def owns(self, reference: Object) -> bool:
        """Whether an owner reference names this controller's kind."""
        group = self.resource.partition(".")[2]
        version: str = reference["apiVersion"]
        return (
            reference["kind"].lower() + "s" == self.resource.partition(".")[0] and (version.rpartition("/")[0]) == group
        )

    def event(self, involved: Object, type_: str, reason: str, message: str) -> None:
        events.record(self.api, involved, type_, reason, message, self.name)

    def _own_changed(self, change: Change) -> None:
        self.enqueue_object(change.object)

    def _enqueue_later(self, item: Item, after: float) -> None:
        waiting = self._delayed.get(item)
        due = self.kernel.now() + after
        if waiting is not None and waiting.callback is not None:
            if waiting.due <= due:
                return
            waiting.cancel()
        self._delayed[item] = self.kernel.call_later(after, lambda: self._due(item))

    def _due(self, item: Item) -> None:
        self._delayed.pop(item, None)
        self.enqueue(*item)

    def _work(self) -> None:
        if not self._queue:
            self._working = False
            return
        item = next(iter(self._queue))
        del self._queue[item]
        if self._queue:
            self.kernel.call_soon(self._work)
        else:
            self._working = False
        self._process(item)

    def _process(self, item: Item) -> None:
        try:
            self.reconcile(*item)
        except ApiError as error:
            failures = self._failures.get(item, 0)
            self._failures[item] = failures + 1
            log.debug("%s: %s/%s: %s", self.name, *item, error)
            self._enqueue_later(item, min(BACKOFF_BASE * 2 ** min(failures, 20), BACKOFF_MAX))
        else:
            self._failures.pop(item, None)


class PodOwner(Controller):
    """A controller whose objects own pods, or other children, by selector: adopts orphans, releases strangers."""

    children_resource: ClassVar[str] = "pods"

    def patience(self, uid: str) -> float:
        return batch_delay(self.informers.count_children(self.children_resource, uid))

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._child_changed, self.children_resource)

    def _child_changed(self, change: Change) -> None:
        before = change.previous
        if change.type == "MODIFIED" and before and self.essence(before) == self.essence(change.object):
            return
        self.enqueue_owner(change)
        if change.type != "DELETED" and controller_of(change.object) is None:
            self._enqueue_selecting(change.object)

    def essence(self, child: Object) -> tuple[object, ...]:
        """What of a child concerns its owner: another change needs no reconcile."""
        metadata, status = child["metadata"], child.get("status") or {}
        marks = (metadata.get("labels"), metadata.get("ownerReferences"), metadata.get("deletionTimestamp"))
        return (*marks, status.get("phase"), condition(child, "Ready"))

    def _enqueue_selecting(self, orphan: Object) -> None:
        namespace, labels = namespace_of(orphan), labels_of(orphan)
        if not labels:
            return
        for owner in self.store.list(self.resource, namespace):
            if selects(owner["spec"].get("selector"), labels):
                self.enqueue_object(owner)

    def claim(self, owner: Object) -> list[Object]:
        """The owner's children after adopting matching orphans and releasing those that no longer match."""
        selector = owner["spec"].get("selector")
        kept = []
        for child in self.informers.children(self.children_resource, owner):
            if selects(selector, labels_of(child)):
                kept.append(child)
            elif not is_deleting(child) and not is_deleting(owner):
                self._release(child, owner)
        if is_deleting(owner):
            return kept
        for orphan in self.informers.orphans(self.children_resource, namespace_of(owner)):
            if selects(selector, labels_of(orphan)) and not is_deleting(orphan):
                kept.append(self._adopt(orphan, owner))
        return kept

    def _adopt(self, child: Object, owner: Object) -> Object:
        references = [*(child["metadata"].get("ownerReferences") or ()), owner_reference(owner)]
        return self._set_references(child, references)

    def _release(self, child: Object, owner: Object) -> None:
        references = [r for r in child["metadata"]["ownerReferences"] if r["uid"] != uid_of(owner)]
        self._set_references(child, references)

    def _set_references(self, child: Object, references: list[Object]) -> Object:
        metadata = {**child["metadata"], "ownerReferences": references}
        if not references:
            del metadata["ownerReferences"]
        changed = {**child, "metadata": metadata}
        return self.api.update(self.children_resource, namespace_of(child), name_of(child), changed, manager=MANAGER)
