"""What differs between kinds when they are created, replaced and deleted.

Observed on a real API server, kind by kind: who counts generations, who refuses a PUT without a resourceVersion, what
a DELETE answers with, and which part of an object belongs to its status subresource.
"""

from __future__ import annotations

import json
from typing import Any

from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]

GENERATION = frozenset(
    """
    replicationcontrollers deployments.apps replicasets.apps statefulsets.apps daemonsets.apps
    ingresses.networking.k8s.io networkpolicies.networking.k8s.io poddisruptionbudgets.policy
    endpointslices.discovery.k8s.io priorityclasses.scheduling.k8s.io
    mutatingwebhookconfigurations.admissionregistration.k8s.io
    validatingwebhookconfigurations.admissionregistration.k8s.io customresourcedefinitions.apiextensions.k8s.io
    """.split()
)
CONDITIONAL_UPDATE = frozenset(
    """
    services poddisruptionbudgets.policy leases.coordination.k8s.io runtimeclasses.node.k8s.io
    mutatingwebhookconfigurations.admissionregistration.k8s.io
    validatingwebhookconfigurations.admissionregistration.k8s.io customresourcedefinitions.apiextensions.k8s.io
    apiservices.apiregistration.k8s.io
    """.split()
)
RETURNS_DELETED = frozenset(
    """
    pods serviceaccounts resourcequotas persistentvolumeclaims persistentvolumes podtemplates
    storageclasses.storage.k8s.io customresourcedefinitions.apiextensions.k8s.io
    """.split()
)
ORPHANS_BY_DEFAULT = frozenset({"jobs.batch", "replicationcontrollers"})
CREATE_ON_UPDATE = frozenset(
    """
    leases.coordination.k8s.io endpoints events limitranges roles.rbac.authorization.k8s.io
    rolebindings.rbac.authorization.k8s.io clusterroles.rbac.authorization.k8s.io
    clusterrolebindings.rbac.authorization.k8s.io
    """.split()
)

FINALIZERS = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}

_IGNORED_BY_GENERATION = frozenset({"metadata", "status", "apiVersion", "kind"})


def counts_generation(kind: Kind) -> bool:
    return kind.custom or kind.store in GENERATION


def has_status(kind: Kind) -> bool:
    return "status" in kind.subresources


def requires_version(kind: Kind) -> bool:
    """Whether a PUT without a resourceVersion is refused."""
    return kind.custom or kind.store in CONDITIONAL_UPDATE


def default_propagation(kind: Kind) -> str:
    return "Orphan" if kind.store in ORPHANS_BY_DEFAULT else "Background"


def prepare_create(kind: Kind, obj: Object) -> None:
    """Set what a client may not choose on create; the object has its defaults already."""
    if has_status(kind) and kind.store not in ("nodes", "customresourcedefinitions.apiextensions.k8s.io"):
        _reset_status(kind, obj)
    if kind.store == "namespaces":
        finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
    elif kind.store == "jobs.batch":
        _generate_selector(obj)
    finalizer = FINALIZERS.get(kind.store)
    if finalizer:
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)
    if counts_generation(kind):
        obj["metadata"]["generation"] = 1


def _generate_selector(job: Object) -> None:
    """A Job selects its own pods by its uid, unless the client chose a selector itself (manualSelector)."""
    spec, metadata = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec["template"].setdefault("metadata", {})
    generated = {"controller-uid": metadata["uid"], "job-name": metadata["name"]}
    shared = metadata.get("labels") == template.get("labels")
    template["labels"] = {**(template.get("labels") or {}), **generated}
    if shared:
        metadata["labels"] = dict(template["labels"])
    if "selector" not in spec:
        spec["selector"] = {"matchLabels": {"controller-uid": metadata["uid"]}}


_INITIAL_STATUS: dict[str, Object] = {
    "pods": {"phase": "Pending"},
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
    "statefulsets.apps": {"replicas": 0},
    "replicasets.apps": {"replicas": 0},
    "replicationcontrollers": {"replicas": 0},
    "daemonsets.apps": {
        "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0,
    },
    "poddisruptionbudgets.policy": {
        "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
    },
    "horizontalpodautoscalers.autoscaling": {
        "currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None, "conditions": None,
    },
}  # fmt: skip


def _reset_status(kind: Kind, obj: Object) -> None:
    if kind.custom:
        obj.pop("status", None)
        return
    obj["status"] = dict(_INITIAL_STATUS.get(kind.store, {}))
    if kind.store == "pods":
        obj["status"]["qosClass"] = qos_class(obj["spec"])


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, from the containers' requests and limits."""
    some, guaranteed = False, True
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        for name in ("cpu", "memory"):
            request, limit = requests.get(name, "0"), limits.get(name, "0")
            some = some or request != "0" or limit != "0"
            guaranteed = guaranteed and limit != "0" and request in ("0", limit)
    if not some:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def prepare_update(kind: Kind, obj: Object, old: Object, subresource: str) -> None:
    """Keep what this write may not touch, and count the generation."""
    if subresource == "status":
        _keep_all_but_status(kind, obj, old)
        return
    if has_status(kind) and kind.store != "customresourcedefinitions.apiextensions.k8s.io":
        _keep(obj, old, "status")
    if kind.store == "namespaces" and subresource != "finalize":
        _keep(obj, old, "spec")
    if not counts_generation(kind):
        return
    changed = _spec_changed(kind, obj, old)
    metadata, generation = obj["metadata"], old["metadata"].get("generation", 1)
    metadata["generation"] = generation + 1 if changed else generation
    if kind.store == "daemonsets.apps" and obj["spec"].get("template") != old["spec"].get("template"):
        key = "deprecated.daemonset.template.generation"
        before = int((old["metadata"].get("annotations") or {}).get(key, "1"))
        metadata.setdefault("annotations", {})[key] = str(before + 1)


def _spec_changed(kind: Kind, obj: Object, old: Object) -> bool:
    if kind.store == "deployments.apps" and _annotations(obj) != _annotations(old):
        return True
    if kind.store == "endpointslices.discovery.k8s.io" and obj["metadata"].get("labels") != old["metadata"].get(
        "labels"
    ):
        return True
    keys = (set(obj) | set(old)) - _IGNORED_BY_GENERATION
    if kind.custom and not has_status(kind):
        keys |= {"status"} & (set(obj) | set(old))
    return any(obj.get(key) != old.get(key) for key in keys)


def _annotations(obj: Object) -> Object:
    return obj["metadata"].get("annotations") or {}


def _keep(obj: Object, old: Object, key: str) -> None:
    if key in old:
        obj[key] = old[key]
    else:
        obj.pop(key, None)


def _keep_all_but_status(kind: Kind, obj: Object, old: Object) -> None:
    for key in (set(obj) | set(old)) - {"status", "metadata", "apiVersion", "kind"}:
        _keep(obj, old, key)
    metadata = obj["metadata"]
    if kind.custom:
        fields = metadata.get("managedFields")
        obj["metadata"] = {**old["metadata"], "resourceVersion": metadata.get("resourceVersion")}
        if fields is not None:
            obj["metadata"]["managedFields"] = fields
        return
    for key in ("labels", "ownerReferences", "finalizers", "generation", "deletionTimestamp"):
        if kind.store in ("pods", "nodes") and key in ("labels", "finalizers"):
            continue
        _keep(metadata, old["metadata"], key)


def same(first: Object, second: Object) -> bool:
    """Whether two states would be stored as the same bytes, whatever their resourceVersion."""
    left = {**first, "metadata": {**first["metadata"], "resourceVersion": ""}}
    right = {**second, "metadata": {**second["metadata"], "resourceVersion": ""}}
    return left == right and json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
