"""Deleting: preconditions, grace, finalizers and propagation; and eviction, which asks disruption budgets first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stratus.sandbox.api import errors, strategy
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.options import Write
from stratus.sandbox.kernel import parse_time, rfc3339
from stratus.sandbox.schema.kinds import Kind

if TYPE_CHECKING:
    from stratus.sandbox.api.core import Api

Object = dict[str, Any]

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_POLICIES = ("Orphan", "Background", "Foreground")


class Deletion:
    """How the API deletes one object."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def delete(
        self, kind: Kind, namespace: str, name: str, propagation: str, grace: int | None,
        preconditions: dict[str, str], write: Write,
    ) -> Object:  # fmt: skip
        """Remove the object, or mark it; returns what the API server answers."""
        obj = self._api.store.get(kind.store, namespace, name)
        if obj is None:
            raise errors.not_found(kind, name)
        if propagation and propagation not in _POLICIES:
            problem = errors.not_supported("propagationPolicy", propagation, (*sorted(_POLICIES), "nil"))
            details = {"kind": "DeleteOptions", "causes": [{"reason": problem.cause, "field": problem.path}]}
            raise errors.ApiError(
                422, "Invalid", f'DeleteOptions.meta.k8s.io "" is invalid: {problem.message}', details
            )
        self._check(kind, obj, preconditions)
        self._api.admission.validate(Review("DELETE", kind, namespace, name, {}, obj, "", write))
        seconds = self._grace(kind, obj, grace)
        if kind.store == "namespaces":
            return self._terminate_namespace(obj, write)
        finalizers = self._finalizers(kind, obj, propagation)
        if not seconds and not finalizers:
            return self._remove(kind, obj, write)
        return self._mark(kind, obj, finalizers, seconds, write)

    def is_released(self, kind: Kind, obj: Object) -> bool:
        """Whether an object that is being deleted may go now that `obj` is its new state."""
        metadata = obj["metadata"]
        if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
            return False
        return not (kind.store == "namespaces" and (obj.get("spec") or {}).get("finalizers"))

    def _check(self, kind: Kind, obj: Object, preconditions: dict[str, str]) -> None:
        labels = {"uid": "UID", "resourceVersion": "ResourceVersion"}
        for field, label in labels.items():
            wanted, have = preconditions.get(field), obj["metadata"].get(field)
            if wanted not in (None, "") and wanted != have:
                what = "deleted and then recreated" if field == "uid" else "modified"
                detail = f"the {label} in the precondition ({wanted}) does not match the {label} in record ({have})"
                raise errors.conflict(kind, obj["metadata"]["name"], f"{detail}. The object might have been {what}")

    def _grace(self, kind: Kind, obj: Object, grace: int | None) -> int:
        """Seconds that the object is given to end; only pods that run somewhere get any."""
        if kind.store != "pods":
            return 0
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        seconds = grace if grace is not None else spec.get("terminationGracePeriodSeconds", 30)
        if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            return 0
        return max(0, int(seconds))

    def _finalizers(self, kind: Kind, obj: Object, propagation: str) -> list[str]:
        policy = propagation
        kept = [each for each in obj["metadata"].get("finalizers") or () if each not in (ORPHAN, FOREGROUND)]
        if not policy:
            present = obj["metadata"].get("finalizers") or ()
            policy = "Orphan" if ORPHAN in present else "Foreground" if FOREGROUND in present else ""
            policy = policy or strategy.default_propagation(kind)
        added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
        return kept + added

    def _mark(self, kind: Kind, obj: Object, finalizers: list[str], seconds: int, write: Write) -> Object:
        old = obj["metadata"]
        metadata = {key: value for key, value in old.items() if key != "finalizers"}
        if finalizers:
            metadata["finalizers"] = finalizers
        if not old.get("deletionTimestamp"):
            now = self._api.kernel.now()
            metadata["deletionTimestamp"] = rfc3339(now + seconds)
            metadata["deletionGracePeriodSeconds"] = seconds
            if "generation" in old:
                metadata["generation"] = old["generation"] + 1
        elif seconds < old.get("deletionGracePeriodSeconds", 0):
            requested = parse_time(old["deletionTimestamp"]) - old["deletionGracePeriodSeconds"]
            metadata["deletionTimestamp"] = rfc3339(requested + seconds)
            metadata["deletionGracePeriodSeconds"] = seconds
        new = {**obj, "metadata": metadata}
        if write.dry_run or strategy.same(obj, new):
            return new
        return self._api.store.put(kind.store, new)

    def _remove(self, kind: Kind, obj: Object, write: Write) -> Object:
        metadata = obj["metadata"]
        if not write.dry_run:
            obj = self._api.store.remove(kind.store, metadata.get("namespace", ""), metadata["name"])
        if kind.store in strategy.RETURNS_DELETED:
            return obj
        return deleted_status(kind, obj)

    def _terminate_namespace(self, obj: Object, write: Write) -> Object:
        kind = self._api.registry.stored("namespaces")
        if obj["metadata"].get("deletionTimestamp"):
            return obj
        if not (obj.get("spec") or {}).get("finalizers") and not obj["metadata"].get("finalizers"):
            return self._remove(kind, obj, write)
        metadata = {
            **obj["metadata"], "deletionTimestamp": self._api.kernel.timestamp(), "deletionGracePeriodSeconds": 0,
        }  # fmt: skip
        metadata.pop("deletionGracePeriodSeconds")
        new = {**obj, "metadata": metadata, "status": {**(obj.get("status") or {}), "phase": "Terminating"}}
        return new if write.dry_run else self._api.store.put("namespaces", new)


def deleted_status(kind: Kind, obj: Object) -> Object:
    """The Status that says that an object is gone."""
    details = {"name": obj["metadata"]["name"], "group": kind.group, "kind": kind.plural, "uid": obj["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
