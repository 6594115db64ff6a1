"""What ReplicaSet, StatefulSet, DaemonSet and Job controllers share about the pods they make and remove."""

from __future__ import annotations

from stratus.sandbox.objects import (
    Object,
    annotations_of,
    condition,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    seconds,
    spec_of,
    status_of,
)

PHASE_RANK = {"Pending": 0, "Unknown": 1, "Running": 2}
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def pod_from_template(owner: Object, template: Object) -> Object:
    """The pod that a workload creates from its template, still without a name."""
    source = meta(template)
    metadata: Object = {"namespace": namespace_of(owner), "ownerReferences": [owner_reference(owner)]}
    for field in ("labels", "annotations", "finalizers"):
        if source.get(field):
            metadata[field] = source[field]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec_of(template)}


def generated(pod: Object, owner: Object) -> Object:
    """The pod under a generated name, "<owner>-"."""
    return {**pod, "metadata": {**pod["metadata"], "generateName": f"{name_of(owner)}-"}}


def deletion_rank(pod: Object) -> tuple[object, ...]:
    """Sorts first the pod that Kubernetes removes first (controller.ActivePodsWithRanks)."""
    status = status_of(pod)
    ready = condition(pod, "Ready")
    ready_since = seconds(ready["lastTransitionTime"]) if ready and ready.get("lastTransitionTime") else 0.0
    restarts = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    created = seconds(meta(pod)["creationTimestamp"])
    return (
        bool(spec_of(pod).get("nodeName")),
        PHASE_RANK.get(status.get("phase", "Pending"), 2),
        is_pod_ready(pod),
        int(annotations_of(pod).get(DELETION_COST, 0)),
        -ready_since,
        -restarts,
        -created,
        name_of(pod),
    )


def fully_labelled(pods: list[Object], template: Object) -> int:
    """How many pods carry every label of the template."""
    wanted = labels_of(template).items()
    return sum(wanted <= labels_of(pod).items() for pod in pods)
