"""The API: reads, writes and their order of checks, the same for clients and controllers.

A write is decoded, defaulted, admitted, prepared, validated, compared with what is stored and only then kept. The
order is the API server's, because it decides which of several errors a client sees.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from typing import Any

from stratus.sandbox.api import conversion, errors, metadata, selectors, strategy
from stratus.sandbox.api.admission import Admission, Review
from stratus.sandbox.api.deletion import Deletion
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.api.options import PatchKind, Write
from stratus.sandbox.api.reading import Reader
from stratus.sandbox.api.validation import validate, validate_update
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.patch import managed
from stratus.sandbox.patch.dispatch import apply_patch, is_empty_apply
from stratus.sandbox.schema.kinds import Kind, Registry
from stratus.sandbox.store import Resource, Store

Object = dict[str, Any]
Objects = list[Object]


class Api:
    """Create, read, change and delete objects, raising ApiError as the API server answers."""

    def __init__(self, store: Store, kernel: Kernel, registry: Registry | None = None) -> None:
        self.store = store
        self.kernel = kernel
        self.registry = registry or Registry()
        self.reader = Reader(self.registry)
        self.admission = Admission()
        self._deletion = Deletion(self)

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """The object; raises ApiError 404."""
        found = self.store.get(resource, namespace, name)
        if found is None:
            raise errors.not_found(self.registry.stored(resource), name)
        return found

    def list(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> Objects:
        """Objects that both selectors (in query-string form) select."""
        chosen = selectors.parse_labels(labels) if labels else None
        selected = selectors.parse_fields(fields, self.registry.stored(resource))
        found = self.store.list(resource, namespace)
        if chosen is not None:
            found = [obj for obj in found if chosen(obj["metadata"].get("labels") or {})]
        return found if selected is None else [obj for obj in found if selected(obj)]

    def create(
        self, resource: Resource, namespace: str, obj: Object, *, dry_run: bool = False, manager: str = "unknown",
        write: Write | None = None,
    ) -> Object:  # fmt: skip
        """Create an object; returns it as stored."""
        write = write or Write(dry_run=dry_run, manager=manager)
        kind = self.registry.stored(resource)
        new = self._read(kind, obj, write)
        meta = self._name(kind, new, namespace)
        self._identify(meta)
        self.reader.default(kind, new)
        managed.track_update(self.reader.node(kind), kind, {}, new, write, "", self.kernel.timestamp())
        review = Review("CREATE", kind, meta.get("namespace", ""), meta["name"], new, None, "", write)
        self.admission.mutate(review)
        new = review.object
        strategy.prepare_create(kind, new)
        self.admission.allocate(review)
        problems = validate(kind, new, self.reader.take_missing(), self.reader.node(kind))
        if problems:
            raise errors.invalid(kind, new["metadata"]["name"], problems)
        self._finish_create(review, new)
        return self._store(kind, new, write)

    def _finish_create(self, review: Review, new: Object) -> None:
        review.object = new
        kind, meta = review.kind, new["metadata"]
        if self.store.get(kind.store, meta.get("namespace", ""), meta["name"]) is not None:
            raise errors.already_exists(kind, meta["name"])
        if meta.get("resourceVersion") not in (None, ""):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        self.admission.validate(review)

    def _store(self, kind: Kind, new: Object, write: Write) -> Object:
        if write.dry_run:
            new["metadata"].pop("resourceVersion", None)
            return new
        return self.store.put(kind.store, new)

    def update(
        self, resource: Resource, namespace: str, name: str, obj: Object, *, subresource: str = "",
        dry_run: bool = False, manager: str = "unknown", write: Write | None = None,
    ) -> Object:  # fmt: skip
        """Replace an object, or one subresource of it (`status`, `scale`, `finalize`)."""
        write = write or Write(dry_run=dry_run, manager=manager)
        kind = self.registry.stored(resource)
        if subresource == "scale":
            return self._scale(kind, namespace, name, lambda scale: obj, write)
        old = self.store.get(resource, namespace, name)
        if old is None:
            if not subresource and resource in strategy.CREATE_ON_UPDATE and not _uid_of(obj):
                return self.create(resource, namespace, obj, write=write)
            raise _absent(kind, name, obj)
        new = self._read(kind, obj, write)
        self._match(kind, new, old, namespace, name)
        self.reader.default(kind, new)
        return self._replace(kind, old, new, subresource, write)

    def patch(
        self, resource: Resource, namespace: str, name: str, patch: Any, *, kind: PatchKind, subresource: str = "",
        dry_run: bool = False, manager: str = "unknown", force: bool = False, write: Write | None = None,
    ) -> Object:  # fmt: skip
        """Change an object by a patch document (a list for JSON patch, an object otherwise)."""
        write = write or Write(dry_run=dry_run, manager=manager, force=force)
        of = self.registry.stored(resource)
        if subresource == "scale":
            change: Callable[[Object], Object] = lambda scale: apply_patch(None, scale, patch, kind)  # noqa: E731
            return self._scale(of, namespace, name, change, write)
        old = self.store.get(resource, namespace, name)
        if kind is PatchKind.APPLY:
            return self._apply(of, namespace, name, old, patch, subresource, write)
        if old is None:
            raise errors.not_found(of, name)
        view = write.view or of
        node = None if of.custom else self.reader.node(view)
        patched = apply_patch(node, conversion.to_view(view, old), patch, kind, of)
        new = self._read_patched(of, conversion.to_stored(view, patched), write)
        self._match(of, new, old, namespace, name, patched=True)
        self.reader.default(of, new)
        return self._replace(of, old, new, subresource, write)

    def _apply(
        self, kind: Kind, namespace: str, name: str, old: Object | None, patch: Object, subresource: str, write: Write
    ) -> Object:
        """Server-side apply: create, or merge what this manager owns."""
        if old is None and subresource:
            raise errors.not_found(kind, name)
        view = write.view or kind
        applied = conversion.to_stored(view, is_empty_apply(patch, view, name, namespace))
        self._read_applied(kind, applied, write)
        self.reader.take_missing()
        node = self.reader.node(kind)
        base = old if old is not None else {"apiVersion": kind.stored_as, "kind": kind.kind, "metadata": {"name": name}}
        merged, fields = managed.apply(node, kind, base, applied, write, self.kernel.timestamp())
        if old is None:
            merged["metadata"]["managedFields"] = fields
            return self.create(kind.store, namespace, merged, write=_applying(write))
        new = self._read(kind, merged, write)
        self._match(kind, new, old, namespace, name)
        self.reader.default(kind, new)
        new["metadata"]["managedFields"] = fields
        return self._replace(kind, old, new, subresource, _applying(write))

    def _replace(self, kind: Kind, old: Object, new: Object, subresource: str, write: Write) -> Object:
        namespace, name = old["metadata"].get("namespace", ""), old["metadata"]["name"]
        if kind.store != "services":
            self._check_version(kind, old, new)
        metadata.carry_over(new["metadata"], old["metadata"])
        review = Review("UPDATE", kind, namespace, name, new, old, subresource, write)
        strategy.prepare_update(kind, new, old, subresource)
        managed.track_update(self.reader.node(kind), kind, old, new, write, subresource, self.kernel.timestamp())
        self.admission.mutate(review)
        self.admission.allocate(review)
        new = review.object
        missing = self.reader.take_missing()
        problems = metadata.validate_update(new["metadata"], old["metadata"])
        problems += validate_update(kind, new, old, subresource, missing, self.reader.node(kind))
        if problems:
            raise errors.invalid(kind, name, problems)
        if kind.store == "services":  # the one kind that is validated before its version is compared
            self._check_version(kind, old, new)
        self.admission.validate(review)
        if old["metadata"].get("deletionTimestamp") and self._deletion.is_released(kind, new):
            return new if write.dry_run else self.store.remove(kind.store, namespace, name)
        if strategy.same(old, new):
            return old
        if write.dry_run:
            new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
            return new
        return self.store.put(kind.store, new)

    def delete(
        self, resource: Resource, namespace: str, name: str, *, propagation: str = "", grace: int | None = None,
        preconditions: dict[str, str] | None = None, dry_run: bool = False, write: Write | None = None,
    ) -> Object:  # fmt: skip
        """Delete an object, or mark it for deletion; returns the object, or a Status when it is gone."""
        kind = self.registry.stored(resource)
        write = write or Write(dry_run=dry_run)
        return self._deletion.delete(kind, namespace, name, propagation, grace, preconditions or {}, write)

    def set_status(self, resource: Resource, namespace: str, name: str, status: Object) -> Object:
        """Controllers' cheap path: replace the status only, without admission or ownership; raises ApiError 404."""
        current = self.get(resource, namespace, name)
        if current.get("status") == status:
            return current
        return self.store.put(resource, {**current, "status": status})

    def create_internal(self, resource: Resource, obj: Object) -> Object:
        """Store an object that the cluster itself makes and that needs no check (events)."""
        meta = {**obj["metadata"]}
        self._identify(meta)
        return self.store.put(resource, {**obj, "metadata": meta})

    def replace_internal(self, resource: Resource, obj: Object) -> Object:
        """Replace an object that the cluster itself maintains, without any check."""
        return self.store.put(resource, obj)

    def _read(self, kind: Kind, obj: Object, write: Write) -> Object:
        return self.reader.read(kind, obj, write)

    def _read_patched(self, kind: Kind, patched: Object, write: Write) -> Object:
        """As `_read`; a document that cannot be read any more is the patch's fault: it is Invalid."""
        try:
            return self._read(kind, patched, write)
        except ApiError as error:
            if error.code != 400 or "strict decoding" in error.message:
                raise
            raise errors.invalid_patch(patched, error.message) from None

    def _read_applied(self, kind: Kind, applied: Object, write: Write) -> None:
        """Look at an applied document; one of the wrong types is an internal error, as field management has it."""
        try:
            self._read(kind, applied, Write(validation=write.validation, warnings=write.warnings))
        except ApiError as error:
            if "cannot unmarshal" not in error.message:
                raise
            raise ApiError(500, "", f"failed to create typed patch object: {error.message}") from None

    def _identify(self, meta: Object) -> None:
        meta["uid"] = str(uuid.UUID(int=self.kernel.rng.getrandbits(128), version=4))
        meta["creationTimestamp"] = self.kernel.timestamp()
        for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
            meta.pop(field, None)

    def _name(self, kind: Kind, obj: Object, namespace: str) -> Object:
        meta: Object = obj["metadata"]
        if kind.namespaced:
            own = meta.setdefault("namespace", namespace)
            if own != namespace:
                text = "the namespace of the provided object does not match the namespace sent on the request"
                raise errors.bad_request(text)
        else:
            meta.pop("namespace", None)
        if not meta.get("name"):
            if not meta.get("generateName"):
                text = "name or generateName is required"
                raise errors.invalid(kind, "", [errors.required("metadata.name", text)])
            meta["name"] = metadata.generate_name(meta["generateName"], self.kernel.rng)
        return meta

    def _match(self, kind: Kind, new: Object, old: Object, namespace: str, name: str, *, patched: bool = False) -> None:
        meta = new["metadata"]
        given = meta.setdefault("name", name)
        if given != name:
            raise errors.bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        if kind.namespaced and meta.setdefault("namespace", namespace) != namespace:
            text = f"the namespace of the object ({meta['namespace']}) does not match the namespace on the request ({namespace})"
            raise errors.bad_request(text)
        uid = old["metadata"].get("uid")
        if meta.get("uid") and meta["uid"] != uid and kind.store != "services":
            if patched:
                problem = errors.invalid_value("metadata.uid", meta["uid"], "field is immutable")
                raise errors.invalid(kind, name, [problem])
            detail = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {uid}"
            raise errors.conflict(kind, name, detail)

    def _check_version(self, kind: Kind, old: Object, new: Object) -> None:
        given = new["metadata"].get("resourceVersion")
        if given in (None, "", "0"):
            if strategy.requires_version(kind):
                problem = errors.invalid_value("metadata.resourceVersion", 0, "must be specified for an update")
                raise errors.invalid(kind, old["metadata"]["name"], [problem])
        elif given != old["metadata"]["resourceVersion"]:
            if not str(given).isdigit():
                raise ApiError(500, "", f'strconv.ParseUint: parsing "{given}": invalid syntax')
            raise errors.conflict(kind, old["metadata"]["name"], errors.MODIFIED)

    def _scale(self, kind: Kind, namespace: str, name: str, change: Callable[[Object], Object], write: Write) -> Object:
        from stratus.sandbox.api import scale

        old = self.get(kind.store, namespace, name)
        wanted = change(scale.view(kind, old))
        new = scale.with_replicas(kind, copy.deepcopy(old), wanted)
        return scale.view(kind, self._replace(kind, old, self._defaulted(kind, new, write), "scale", write))

    def _defaulted(self, kind: Kind, obj: Object, write: Write) -> Object:
        new = self._read(kind, obj, write)
        self.reader.default(kind, new)
        return new


def _uid_of(obj: Any) -> str:
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    return str(metadata.get("uid") or "") if isinstance(metadata, dict) else ""


def _absent(kind: Kind, name: str, obj: Any) -> ApiError:
    """Replacing what is not there: 404, or 409 when the document says which object it means."""
    uid = _uid_of(obj)
    if not uid or kind.store == "services":
        return errors.not_found(kind, name)
    return errors.conflict(kind, name, f"Precondition failed: UID in precondition: {uid}, UID in object meta: ")


def _applying(write: Write) -> Write:
    """The same write, whose ownership is settled already."""
    return Write(write.dry_run, "", write.force, write.validation, write.user, write.view, write.warnings)
