"""What a step can break and whether it can be undone: a table over the structured step and its pre-image, nothing else.

No text takes part: neither a model's words, nor logs, nor annotations can move a step to another class (I9).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stratus.cluster.restore import replaced_by_owner
from stratus.domain.base import JsonObject
from stratus.domain.policy import Classification, Reversibility, Tier
from stratus.domain.steps import ApplyStep, CreateStep, DeleteStep, EvictStep, PatchStep, ReplaceStep, ScaleStep, Step

EXACT, EQUIVALENT = Reversibility.EXACT, Reversibility.EQUIVALENT

SENSITIVE_KINDS = frozenset(
    {
        "Secret", "ServiceAccount", "Role", "RoleBinding", "ResourceQuota", "LimitRange", "NetworkPolicy",
        "PodDisruptionBudget", "PersistentVolumeClaim", "Lease",
    }
)  # fmt: skip
"""Namespaced kinds whose change reaches beyond one workload: credentials, rights, limits on everybody, data."""
LASTING_DELETES = {
    "PersistentVolumeClaim": "its volume may be erased",
    "PersistentVolume": "its data may be erased",
    "Namespace": "everything in it is deleted",
    "CustomResourceDefinition": "every custom resource of its kind is deleted",
    "Node": "its pods are evicted and its kubelet may not register again as it was",
    "VolumeSnapshot": "its data may be erased",
    "CertificateSigningRequest": "its approval cannot be repeated",
}
"""Deletes without a faithful inverse."""
LASTING_CREATIONS = {
    "Namespace": "deleting it again would take along what others put in it",
    "CustomResourceDefinition": "deleting it again would take along every custom resource of its kind",
    "PersistentVolume": "deleting it again may erase data",
    "PersistentVolumeClaim": "deleting it again may erase what was written to its volume",
    "Job": "it runs, and what it does outside its objects cannot be taken back",
    "CertificateSigningRequest": "a signed certificate cannot be recalled",
}
"""Creations whose inverse is itself dangerous, or that act."""
LASTING_SUBRESOURCES = {
    "status": "a status belongs to its controller, which overwrites it",
    "ephemeralcontainers": "an ephemeral container cannot be removed",
    "approval": "an approval cannot be taken back",
    "binding": "a binding cannot be taken back",
    "finalize": "a finished namespace cannot be taken back",
}
WITH_PODS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController"})
SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})


def classify(step: Step, pre: JsonObject | None, post: JsonObject | None = None) -> Classification:
    """The class of one step.

    ``pre``: the object before it, None when it does not exist. ``post``: what the dry run answered, if it was asked already:
    defaults and admission may make a change one-way that the step alone does not show, so the engine asks again with it.
    """
    reason = next(_one_way(step, pre, post), "")
    if reason:
        return Classification(reversibility=Reversibility.NONE, tier=Tier.IRREVERSIBLE, reason=reason)
    reversibility, why = _reversibility(step, pre)
    tier, risk = _tier(step, pre)
    return Classification(reversibility=reversibility, tier=tier, reason=f"{why}; {risk}" if risk else why)


def _one_way(step: Step, pre: JsonObject | None, post: JsonObject | None) -> Iterator[str]:
    """Every reason why the step has no faithful inverse."""
    kind = step.target.kind
    if isinstance(step, DeleteStep):
        yield from _lasting_delete(step, pre or {})
    elif pre is None and isinstance(step, CreateStep | ApplyStep):
        if kind in LASTING_CREATIONS:
            yield f"a new {kind} is not taken back faithfully: {LASTING_CREATIONS[kind]}"
    elif isinstance(step, PatchStep) and step.subresource in LASTING_SUBRESOURCES:
        yield LASTING_SUBRESOURCES[step.subresource]
    elif pre is not None and not isinstance(step, CreateStep | EvictStep):
        yield from (reason for check in ONE_WAY if (reason := check(kind, pre, post or stated(step, pre))))


def _lasting_delete(step: DeleteStep, pre: JsonObject) -> Iterator[str]:
    kind = step.target.kind
    if kind in LASTING_DELETES:
        yield f"a deleted {kind} does not come back: {LASTING_DELETES[kind]}"
    if kind == "Job" and any(c.get("status") == "True" for c in _at(pre, "status", "conditions") or []):
        yield "a finished Job would run again when it is created again"
    if _at(pre, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted") == "Delete":
        yield "its volume claims are deleted with it"
    if _at(pre, "metadata", "finalizers"):
        yield "it has finalizers: what they clean up elsewhere does not come back"


def _sets_immutable(kind: str, pre: JsonObject, after: JsonObject) -> str:
    fixed = kind in ("ConfigMap", "Secret") and after.get("immutable") is True and pre.get("immutable") is not True
    return "immutable: true cannot be taken back" if fixed else ""


def _grows_claim(kind: str, pre: JsonObject, after: JsonObject) -> str:
    grows = kind == "PersistentVolumeClaim" and _at(pre, "spec", "resources") != _at(after, "spec", "resources")
    return "a PersistentVolumeClaim cannot shrink again" if grows else ""


def _drops_finalizer(_: str, pre: JsonObject, after: JsonObject) -> str:
    kept = _at(after, "metadata", "finalizers") or []
    lost = [name for name in _at(pre, "metadata", "finalizers") or [] if name not in kept]
    return f"without its finalizer {lost[0]} what it guards may be gone before an undo" if lost else ""


def _reclaims(kind: str, pre: JsonObject, after: JsonObject) -> str:
    field = ("spec", "persistentVolumeReclaimPolicy")
    erases = kind == "PersistentVolume" and _at(after, *field) == "Delete" != _at(pre, *field)
    return "a volume that is released meanwhile is erased" if erases else ""


def _changes_schema(kind: str, pre: JsonObject, after: JsonObject) -> str:
    changed = kind == "CustomResourceDefinition" and _at(pre, "spec", "versions") != _at(after, "spec", "versions")
    return "custom resources written under another schema may lose fields" if changed else ""


def _resumes_job(kind: str, pre: JsonObject, after: JsonObject) -> str:
    resumes = kind == "Job" and _at(pre, "spec", "suspend") is True and _at(after, "spec", "suspend") is not True
    return "a resumed Job runs, and what it does elsewhere cannot be taken back" if resumes else ""


def _sheds_claims(kind: str, pre: JsonObject, after: JsonObject) -> str:
    sheds = _at(pre, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete"
    fewer = (_at(after, "spec", "replicas") or 0) < (_at(pre, "spec", "replicas") or 0)
    return "scaling down deletes volume claims" if kind == "StatefulSet" and sheds and fewer else ""


def _only_grows(kind: str, pre: JsonObject, after: JsonObject) -> str:
    if kind != "Pod":
        return ""
    had, has = (_at(obj, "spec", "tolerations") or [] for obj in (pre, after))
    deadline = _at(after, "spec", "activeDeadlineSeconds")
    if any(one not in had for one in has):
        return "a pod's tolerations can only be added to"
    return "a pod's deadline can only be shortened" if deadline != _at(pre, "spec", "activeDeadlineSeconds") else ""


ONE_WAY: tuple[Callable[[str, JsonObject, JsonObject], str], ...] = (
    _sets_immutable,
    _grows_claim,
    _drops_finalizer,
    _reclaims,
    _changes_schema,
    _resumes_job,
    _sheds_claims,
    _only_grows,
)
"""Changes that the API takes in one direction only. What it takes in none (a Job's template, a selector, a Secret's type)
the dry run refuses."""


def _reversibility(step: Step, pre: JsonObject | None) -> tuple[Reversibility, str]:
    kind = step.target.kind
    if isinstance(step, EvictStep) or (isinstance(step, DeleteStep) and kind == "Pod"):
        if pre is not None and replaced_by_owner(pre):
            return EQUIVALENT, "the pod is replaced by its owner"
        return EQUIVALENT, "nothing owns the pod: undo creates it again, without what it held in memory and on its disk"
    if isinstance(step, DeleteStep):
        if kind in WITH_PODS:
            return EQUIVALENT, "created again with every field and its rollout history; its pods are new"
        if kind == "Job":
            return EQUIVALENT, "created again, it starts anew"
        if kind == "ServiceAccount":
            return (
                EQUIVALENT,
                "created again, its tokens are new: pods that run keep their old ones until they are replaced",
            )
        if (pre or {}).get("type") == "kubernetes.io/service-account-token":
            return EQUIVALENT, "created again, it gets a new token"
        return EXACT, "created again with every field, under a new uid"
    if pre is None and isinstance(step, CreateStep | ApplyStep):
        return EXACT, "undo deletes what it creates"
    return EXACT, "undo restores every field"


def _tier(step: Step, pre: JsonObject | None) -> tuple[Tier, str]:
    kind = step.target.kind
    if not step.target.namespace:
        return Tier.CLUSTER, f"a {kind} belongs to the whole cluster"
    if step.target.namespace in SYSTEM_NAMESPACES:
        return Tier.CLUSTER, f"namespace {step.target.namespace} serves the whole cluster"
    if kind in SENSITIVE_KINDS:
        return Tier.SENSITIVE, f"a {kind} reaches beyond one workload"
    if kind == "DaemonSet":
        return Tier.SENSITIVE, "it has a pod on every node"
    if isinstance(step, DeleteStep) and kind != "Pod":
        return Tier.SENSITIVE, "it deletes"
    if (
        pre is not None
        and kind in WITH_PODS
        and _at(pre, "spec", "replicas")
        and _at(stated(step, pre), "spec", "replicas") == 0
    ):
        return Tier.SENSITIVE, "it stops every pod of the workload"
    return Tier.WORKLOAD, ""


def stated(step: Step, pre: JsonObject) -> JsonObject:
    """The object as the step alone says it will be; lists of a strategic patch are taken as they stand, which is enough for
    the questions asked here (the dry run answers the others).
    """
    match step:
        case ReplaceStep() | CreateStep():
            return step.manifest
        case ApplyStep():
            return _overlaid(pre, step.manifest)
        case PatchStep(patch_type="json"):
            return _operated(pre, step.patch)
        case PatchStep():
            result = _overlaid(pre, step.patch)
            return _with_finalizers(result, pre, step.patch) if step.patch_type == "strategic" else result
        case ScaleStep():
            return _overlaid(pre, {"spec": {"replicas": step.replicas}})
        case _:
            return pre


def _overlaid(pre: JsonObject, patch: JsonObject) -> JsonObject:
    result: JsonObject = _merged(pre, patch)
    return result


def _merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return result


def _with_finalizers(result: JsonObject, pre: JsonObject, patch: JsonObject) -> JsonObject:
    """A strategic patch adds finalizers, and removes those in its $deleteFromPrimitiveList."""
    meta = patch.get("metadata") or {}
    if "finalizers" in meta and meta["finalizers"] is None:
        return result
    removed = meta.get("$deleteFromPrimitiveList/finalizers") or []
    kept = [*(_at(pre, "metadata", "finalizers") or []), *(meta.get("finalizers") or [])]
    return {**result, "metadata": {**result.get("metadata", {}), "finalizers": [n for n in kept if n not in removed]}}


def _operated(pre: JsonObject, operations: Any) -> JsonObject:
    """A JSON patch; what does not apply is left to the dry run, which refuses it."""
    import jsonpatch

    try:
        result: JsonObject = jsonpatch.apply_patch(pre, operations)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        return pre
    return result


def _at(obj: Any, *fields: str) -> Any:
    for name in fields:
        obj = obj.get(name) if isinstance(obj, dict) else None
    return obj
