"""What may never change after creation, kind by kind: undoing such a change means to delete and re-create."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.api import errors
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]

IMMUTABLE = "field is immutable"

# Paths that may not change, by resource.
_FIXED: dict[str, tuple[str, ...]] = {
    "deployments.apps": ("spec.selector",),
    "replicasets.apps": ("spec.selector",),
    "daemonsets.apps": ("spec.selector",),
    "jobs.batch": ("spec.selector", "spec.template", "spec.completions", "spec.completionMode"),
    "secrets": ("type",),
    "storageclasses.storage.k8s.io": ("provisioner", "parameters", "volumeBindingMode"),
    "priorityclasses.scheduling.k8s.io": ("value",),
    "endpointslices.discovery.k8s.io": ("addressType",),
    "customresourcedefinitions.apiextensions.k8s.io": ("spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"),
    "runtimeclasses.node.k8s.io": ("handler",),
}  # fmt: skip


def _read(obj: Object, path: str) -> Any:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def check(kind: Kind, new: Object, old: Object) -> list[FieldError]:
    """Errors of changes that the kind forbids."""
    found = [
        errors.invalid_value(path, _read(new, path), IMMUTABLE)
        for path in _FIXED.get(kind.store, ())
        if _read(new, path) != _read(old, path)
    ]
    special = _SPECIAL.get(kind.store)
    return found + (special(new, old) if special else [])


def _pod(new: Object, old: Object) -> list[FieldError]:
    if not _tolerations_grow(new["spec"], old["spec"]):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        return [errors.forbidden_field("spec.tolerations", detail)]
    if _frozen_pod(new["spec"]) == _frozen_pod(old["spec"]):
        return _pod_deadline(new["spec"], old["spec"])
    detail = (
        "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, "
        "`spec.activeDeadlineSeconds` or `spec.tolerations` (only additions to existing tolerations)"
    )
    return [errors.forbidden_field("spec", detail)]


def _frozen_pod(spec: Object) -> Object:
    frozen = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for group in ("containers", "initContainers"):
        if group in frozen:
            frozen[group] = [{key: value for key, value in each.items() if key != "image"} for each in frozen[group]]
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        frozen["terminationGracePeriodSeconds"] = 1
    return frozen


def _tolerations_grow(new: Object, old: Object) -> bool:
    def bare(spec: Object) -> list[Object]:
        found = spec.get("tolerations") or ()
        return [{key: value for key, value in each.items() if key != "tolerationSeconds"} for each in found]

    kept = bare(new)
    return all(each in kept for each in bare(old))


def _pod_deadline(new: Object, old: Object) -> list[FieldError]:
    before, after = old.get("activeDeadlineSeconds"), new.get("activeDeadlineSeconds")
    if before is not None and (after is None or after > before):
        detail = (
            "must not update from a positive integer to nil value"
            if after is None
            else "must be less than or equal to previous value"
        )
        return [errors.invalid_value("spec.activeDeadlineSeconds", after, detail)]
    return []


def _stateful_set(new: Object, old: Object) -> list[FieldError]:
    allowed = ("replicas", "template", "updateStrategy", "minReadySeconds", "persistentVolumeClaimRetentionPolicy")
    before = {key: value for key, value in old["spec"].items() if key not in allowed}
    after = {key: value for key, value in new["spec"].items() if key not in allowed}
    if before == after:
        return []
    detail = (
        "updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' are forbidden"
    )
    return [errors.forbidden_field("spec", detail)]


def _config(new: Object, old: Object) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    found = []
    if not new.get("immutable"):
        found.append(errors.forbidden_field("immutable", "field is immutable when `immutable` is set"))
    for field in ("data", "binaryData"):
        if new.get(field) != old.get(field):
            found.append(errors.forbidden_field(field, "field is immutable when `immutable` is set"))
    return found


def _claim(new: Object, old: Object) -> list[FieldError]:
    before, after = dict(old["spec"]), dict(new["spec"])
    was = (before.pop("resources", None) or {}).get("requests", {}).get("storage", "0")
    wanted = (after.pop("resources", None) or {}).get("requests", {}).get("storage", "0")
    if "volumeName" not in before:
        after.pop("volumeName", None)
    detail = "spec is immutable after creation except resources.requests for bound claims"
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if before != after or (was != wanted and not bound):
        return [errors.forbidden_field("spec", detail)]
    if quantities.parse(wanted) < quantities.parse(was):
        return [errors.forbidden_field("spec.resources.requests.storage", "field can not be less than previous value")]
    return []


def _volume(new: Object, old: Object) -> list[FieldError]:
    mutable = (
        "capacity", "accessModes", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions", "claimRef",
        "volumeMode", "nodeAffinity",
    )  # fmt: skip
    source = {key: value for key, value in old["spec"].items() if key not in mutable}
    if source != {key: value for key, value in new["spec"].items() if key not in mutable}:
        return [
            errors.forbidden_field(
                "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
            )
        ]
    return []


def _service(new: Object, old: Object) -> list[FieldError]:
    before, after = old["spec"], new["spec"]
    if before.get("type") == "ExternalName" or after.get("type") == "ExternalName":
        return []
    had, has = before.get("clusterIPs") or [], after.get("clusterIPs") or []
    if not had or had[:1] == has[:1]:
        return []
    detail = "may not change once set" if has else "primary clusterIP can not be unset"
    return [errors.invalid_value("spec.clusterIPs[0]", has or None, detail)]


def _role_ref(new: Object, old: Object) -> list[FieldError]:
    if new.get("roleRef") == old.get("roleRef"):
        return []
    return [errors.invalid_value("roleRef", new.get("roleRef"), "cannot change roleRef")]


_SPECIAL: dict[str, Callable[[Object, Object], list[FieldError]]] = {
    "pods": _pod,
    "statefulsets.apps": _stateful_set,
    "configmaps": _config,
    "secrets": _config,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "services": _service,
    "rolebindings.rbac.authorization.k8s.io": _role_ref,
    "clusterrolebindings.rbac.authorization.k8s.io": _role_ref,
}
