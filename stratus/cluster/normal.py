"""What only the server or a controller writes: compared by nobody, restored by nobody. One row per field, with its reason."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stratus.domain.base import JsonObject

Fields = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServerField:
    """One field that is not part of anybody's desired state."""

    path: Fields
    reason: str
    kinds: frozenset[str] = field(default_factory=frozenset)
    """Empty: of every kind."""
    recreated: bool = False
    """Must not be sent when the object is created again."""


def _row(path: str | Fields, reason: str, *kinds: str, recreated: bool = False) -> ServerField:
    fields = tuple(path.split(".")) if isinstance(path, str) else path
    return ServerField(fields, reason, frozenset(kinds), recreated)


def _annotation(name: str, reason: str, *kinds: str) -> ServerField:
    return _row(("metadata", "annotations", name), reason, *kinds)


def _job_label(name: str) -> tuple[ServerField, ...]:
    why = "generated from the Job's uid"
    paths = (("metadata", "labels", name), ("spec", "template", "metadata", "labels", name))
    return tuple(_row(path, why, "Job", recreated=True) for path in paths)


SERVER_FIELDS: tuple[ServerField, ...] = (
    _row("status", "what controllers observe"),
    _row("metadata.managedFields", "bookkeeping of ownership, given back separately", recreated=True),
    _row("metadata.resourceVersion", "the storage's counter", recreated=True),
    _row("metadata.uid", "the server's identity for one life of the object", recreated=True),
    _row("metadata.generation", "counts spec changes and never goes back", recreated=True),
    _row("metadata.creationTimestamp", "when this life of the object began", recreated=True),
    _row("metadata.selfLink", "the server's own address of it, gone since 1.24", recreated=True),
    _row("metadata.deletionTimestamp", "set once by a delete, and cannot be taken back", recreated=True),
    _row("metadata.deletionGracePeriodSeconds", "set once by a delete", recreated=True),
    _annotation(
        "deployment.kubernetes.io/revision", "the controller's count of rollouts; an undo is one more", "Deployment"
    ),
    _annotation("deployment.kubernetes.io/revision", "written by the Deployment's controller", "ReplicaSet"),
    _annotation("deployment.kubernetes.io/revision-history", "written by the Deployment's controller", "ReplicaSet"),
    _annotation("deployment.kubernetes.io/desired-replicas", "written by the Deployment's controller", "ReplicaSet"),
    _annotation("deployment.kubernetes.io/max-replicas", "written by the Deployment's controller", "ReplicaSet"),
    _annotation("deprecated.daemonset.template.generation", "counts template changes", "DaemonSet"),
    _row("spec.templateGeneration", "counts template changes (extensions/v1beta1)", "DaemonSet"),
    _annotation("autoscaling.alpha.kubernetes.io/conditions", "status, in v1's clothes", "HorizontalPodAutoscaler"),
    _annotation(
        "autoscaling.alpha.kubernetes.io/current-metrics", "status, in v1's clothes", "HorizontalPodAutoscaler"
    ),
    _annotation("endpoints.kubernetes.io/last-change-trigger-time", "written by its controller", "Endpoints"),
    _annotation("pv.kubernetes.io/bind-completed", "written by the volume binder", "PersistentVolumeClaim"),
    _annotation("pv.kubernetes.io/bound-by-controller", "written by the volume binder", "PersistentVolumeClaim"),
    _annotation("volume.kubernetes.io/selected-node", "written by the scheduler", "PersistentVolumeClaim"),
    _annotation("volume.kubernetes.io/storage-provisioner", "written by the binder", "PersistentVolumeClaim"),
    _annotation("volume.beta.kubernetes.io/storage-provisioner", "written by the binder", "PersistentVolumeClaim"),
    _row("spec.volumeName", "chosen by the volume binder; sent again when re-created", "PersistentVolumeClaim"),
    _row("spec.nodeName", "chosen by the scheduler", "Pod", recreated=True),
    *(
        ServerField(
            ("metadata", "annotations", name), "written by the network plugin", frozenset({"Pod"}), recreated=True
        )
        for name in (
            "cni.projectcalico.org/containerID",
            "cni.projectcalico.org/podIP",
            "cni.projectcalico.org/podIPs",
            "k8s.v1.cni.cncf.io/network-status",
            "k8s.v1.cni.cncf.io/networks-status",
            "k8s.ovn.org/pod-networks",
        )
    ),
    _row("spec.selector", "generated from the Job's uid", "Job", recreated=True),
    *_job_label("controller-uid"),
    *_job_label("batch.kubernetes.io/controller-uid"),
    _row("metadata.ownerReferences", "adoption, done by its controller", "ReplicaSet", "ControllerRevision", "Pod"),
)
"""Not here, and so restored: clusterIP(s), nodePort, last-applied-configuration, kubectl's restartedAt."""
REPLICAS: Fields = ("spec", "replicas")
"""Normalised where something else owns it: an autoscaler that targets the object, a Deployment above a ReplicaSet."""


def rows_for(obj: JsonObject) -> Iterator[ServerField]:
    """The rows that hold for this object."""
    kind = obj.get("kind", "")
    manual = kind == "Job" and bool((obj.get("spec") or {}).get("manualSelector"))
    for row in SERVER_FIELDS:
        if (not row.kinds or kind in row.kinds) and not (manual and "Job" in row.kinds):
            yield row
    if kind == "ReplicaSet" and controller_of(obj):
        yield ServerField(REPLICAS, "set by the Deployment above it")


def controller_of(obj: JsonObject) -> JsonObject | None:
    """The owner reference that controls the object."""
    references = obj.get("metadata", {}).get("ownerReferences") or []
    return next((ref for ref in references if ref.get("controller")), None)


def desired(obj: JsonObject) -> JsonObject:
    """A copy without what only the server or controllers write: the state that somebody wants."""
    result = without_server_fields(obj)
    _drop_tokens(result)
    return result


def without_server_fields(obj: JsonObject) -> JsonObject:
    """A copy without the fields of SERVER_FIELDS; an empty map or list in the metadata is the same as none."""
    result = copy.deepcopy(obj)
    for row in rows_for(obj):
        take(result, row.path)
    meta = result.get("metadata", {})
    for name in [name for name in ("labels", "annotations", "finalizers", "ownerReferences") if not meta.get(name)]:
        meta.pop(name, None)
    return result


def recreation(obj: JsonObject, gone: frozenset[str] = frozenset()) -> JsonObject:
    """The manifest that creates a deleted object again; references to owners in ``gone`` (uids) are dropped, because the
    garbage collector removes children of a dead owner.
    """
    result = copy.deepcopy(obj)
    for row in rows_for(obj):
        if row.recreated and not (row.path == ("spec", "nodeName") and _pinned_to_node(obj)):
            take(result, row.path)
    meta = result["metadata"]
    references = [ref for ref in meta.pop("ownerReferences", None) or [] if ref.get("uid") not in gone]
    if references:
        meta["ownerReferences"] = references
    if built_in(obj["apiVersion"]):
        result.pop("status", None)
    _drop_tokens(result)
    return result


def _drop_tokens(obj: JsonObject) -> None:
    """A ServiceAccount's token Secrets are made, listed and replaced by the token controller."""
    if obj.get("kind") == "ServiceAccount" and obj.get("secrets"):
        own = f"{obj['metadata']['name']}-token-"
        kept = [entry for entry in obj["secrets"] if not str(entry.get("name", "")).startswith(own)]
        obj.pop("secrets")
        if kept:
            obj["secrets"] = kept


def built_in(api_version: str) -> bool:
    """Whether the API server itself serves it; a custom resource may keep its data anywhere, status included."""
    group = api_version.rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def _pinned_to_node(pod: JsonObject) -> bool:
    """Whether somebody wrote nodeName themselves: a scheduler's binding leaves no managed field."""
    entries = pod.get("metadata", {}).get("managedFields") or []
    return any("f:nodeName" in (entry.get("fieldsV1") or {}).get("f:spec", {}) for entry in entries)


def take(obj: JsonObject, path: Fields) -> Any:
    """Remove and return what stands at ``path`` (None when nothing does)."""
    for name in path[:-1]:
        child = obj.get(name)
        if not isinstance(child, dict):
            return None
        obj = child
    return obj.pop(path[-1], None)


def put(obj: JsonObject, path: Fields, value: Any) -> None:
    """Set what stands at ``path``, making the mappings above it."""
    for name in path[:-1]:
        child = obj.get(name)
        if not isinstance(child, dict):
            child = obj[name] = {}
        obj = child
    obj[path[-1]] = value
