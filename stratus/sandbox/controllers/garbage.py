"""The garbage collector: removes objects whose owners are all gone, and carries out foreground and orphan deletion."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, Controller, Informers
from stratus.sandbox.objects import Object, is_deleting, meta, uid_of
from stratus.sandbox.store import Change, Key

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


class GarbageCollector(Controller):
    """Its queue holds (resource, "namespace/name"): it watches every resource, by owner references alone."""

    name = "garbage-collector-controller"
    resource = "*"

    def __init__(self, api: Api, informers: Informers) -> None:
        super().__init__(api, informers)

    def start(self) -> None:
        self.store.subscribe(self._changed)
        for resource in self.store.resources():
            for obj in self.store.list(resource):
                if _concerns(obj):
                    self._enqueue_key(Key(resource, meta(obj).get("namespace", ""), meta(obj)["name"]))

    def reconcile(self, namespace: str, name: str) -> None:
        resource, (inner, _, obj_name) = namespace, name.partition("/")
        obj = self.store.get(resource, inner, obj_name)
        if obj is None:
            return
        key = Key(resource, inner, obj_name)
        if is_deleting(obj):
            self._finish(key, obj)
        elif meta(obj).get("ownerReferences"):
            self._collect(key, obj)

    def _enqueue_key(self, key: Key) -> None:
        self.enqueue(key.resource, f"{key.namespace}/{key.name}")

    def _changed(self, change: Change) -> None:
        obj = change.object
        if change.type == "DELETED":
            for key in self.store.dependents(uid_of(obj)):
                self._enqueue_key(key)
            self._enqueue_owners(obj)
        elif _concerns(obj) and (change.previous is None or _marks(obj) != _marks(change.previous)):
            self._enqueue_key(change.key)

    def _enqueue_owners(self, obj: Object) -> None:
        """An owner in foreground deletion waits for its dependents to be gone."""
        for reference in meta(obj).get("ownerReferences") or ():
            owner = self.store.by_uid(reference["uid"])
            if owner is not None:
                self._enqueue_key(owner)

    def _collect(self, key: Key, obj: Object) -> None:
        """Deletes an object without living owners; else drops the references to dead ones."""
        references = meta(obj)["ownerReferences"]
        dead = [each for each in references if not self._lives(each, key)]
        if not dead:
            return
        if len(dead) == len(references):
            finalizers = meta(obj).get("finalizers") or ()
            propagation = (
                "Foreground" if FOREGROUND in finalizers else "Orphan" if ORPHAN in finalizers else "Background"
            )
            self._delete(key, obj, propagation)
            return
        gone = {each["uid"] for each in dead}
        kept = [each for each in references if each["uid"] not in gone]
        self._update(key, {**obj, "metadata": {**meta(obj), "ownerReferences": kept}})

    def _lives(self, reference: Object, dependent: Key) -> bool:
        """Whether an owner exists where the dependent may be owned from; a wrong namespace is never judged dead."""
        owner = self.store.by_uid(reference["uid"])
        return owner is not None and (owner.namespace in ("", dependent.namespace) or not dependent.namespace)

    def _finish(self, key: Key, obj: Object) -> None:
        finalizers = meta(obj).get("finalizers") or []
        if ORPHAN in finalizers:
            self._orphan(key, obj)
        elif FOREGROUND in finalizers:
            self._wait_for_dependents(key, obj)

    def _orphan(self, key: Key, obj: Object) -> None:
        for dependent in self.store.dependents(uid_of(obj)):
            child = self.store.get(dependent.resource, dependent.namespace, dependent.name)
            if child is None:
                continue
            kept = [each for each in meta(child)["ownerReferences"] if each["uid"] != uid_of(obj)]
            metadata = {**meta(child), "ownerReferences": kept}
            if not kept:
                del metadata["ownerReferences"]
            self._update(dependent, {**child, "metadata": metadata})
        self._drop_finalizer(key, obj, ORPHAN)

    def _wait_for_dependents(self, key: Key, obj: Object) -> None:
        blocking = False
        for dependent in self.store.dependents(uid_of(obj)):
            child = self.store.get(dependent.resource, dependent.namespace, dependent.name)
            if child is None:
                continue
            own = [each for each in meta(child)["ownerReferences"] if each["uid"] == uid_of(obj)]
            if not is_deleting(child):
                self._delete(dependent, child, "Foreground")
            still_there = self.store.get(dependent.resource, dependent.namespace, dependent.name) is not None
            blocking = blocking or (still_there and any(each.get("blockOwnerDeletion") for each in own))
        if not blocking:
            self._drop_finalizer(key, obj, FOREGROUND)

    def _drop_finalizer(self, key: Key, obj: Object, finalizer: str) -> None:
        current = self.store.get(key.resource, key.namespace, key.name)
        if current is None or uid_of(current) != uid_of(obj):
            return
        kept = [each for each in meta(current).get("finalizers") or () if each != finalizer]
        self._update(key, {**current, "metadata": {**meta(current), "finalizers": kept}})

    def _delete(self, key: Key, obj: Object, propagation: str) -> None:
        try:
            self.api.delete(
                key.resource, key.namespace, key.name, propagation=propagation, preconditions={"uid": uid_of(obj)}
            )
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _update(self, key: Key, obj: Object) -> None:
        self.api.update(key.resource, key.namespace, key.name, obj, manager=MANAGER)


def _concerns(obj: Object) -> bool:
    metadata = meta(obj)
    return bool(metadata.get("ownerReferences") or (metadata.get("deletionTimestamp") and metadata.get("finalizers")))


def _marks(obj: Object) -> tuple[object, ...]:
    metadata = meta(obj)
    return metadata.get("ownerReferences"), metadata.get("finalizers"), metadata.get("deletionTimestamp")
