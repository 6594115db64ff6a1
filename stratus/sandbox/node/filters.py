"""Whether a pod fits a node, and in which words of the scheduler it does not (its filter plug-ins, in their order)."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.node import affinity
from stratus.sandbox.node.nodeinfo import NodeInfo, Snapshot, host_ports, pod_requests
from stratus.sandbox.objects import Object, annotations_of, labels_of, namespace_of, satisfies, spec_of, status_of
from stratus.sandbox.store import Store

UNSCHEDULABLE_TAINT = "node.kubernetes.io/unschedulable"
SELECTED_NODE = "volume.kubernetes.io/selected-node"


def tolerates(tolerations: Sequence[Object], taint: Object) -> bool:
    return any(_tolerates(each, taint) for each in tolerations)


def _tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def untolerated(pod: Object, node: Object, effects: tuple[str, ...]) -> Object | None:
    """The first taint of these effects that the pod does not tolerate."""
    tolerations = spec_of(pod).get("tolerations") or ()
    for taint in spec_of(node).get("taints") or ():
        if taint["effect"] in effects and not tolerates(tolerations, taint):
            return dict(taint)
    return None


def matches_node(pod: Object, node: Object) -> bool:
    """nodeSelector and required node affinity."""
    labels, spec = labels_of(node), spec_of(pod)
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not required:
        return True
    return any(matches_term(term, node) for term in required.get("nodeSelectorTerms") or ())


def matches_term(term: Object, node: Object) -> bool:
    """One node selector term: all of its expressions and fields; an empty one matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    name = {"metadata.name": node["metadata"]["name"]}
    return all(satisfies(each, labels_of(node)) for each in expressions) and all(
        satisfies(each, name) for each in fields
    )


def fits(pod: Object, info: NodeInfo, snapshot: Snapshot, store: Store) -> list[str]:
    """Reasons of the first filter that refuses the node; none when the pod fits."""
    node = info.node
    if node is None:
        return ["node(s) were not found"]
    if spec_of(node).get("unschedulable") and not _tolerates_cordon(pod):
        return ["node(s) were unschedulable"]
    taint = untolerated(pod, node, ("NoSchedule", "NoExecute"))
    if taint:
        return [f"node(s) had taint {{{taint['key']}: {taint.get('value', '')}}}, that the pod didn't tolerate"]
    if not matches_node(pod, node):
        return ["node(s) didn't match Pod's node affinity"]
    if not all(info.has_free(port) for port in host_ports(pod)):
        return ["node(s) didn't have free ports for the requested pod ports"]
    return (
        resources(pod, info)
        or volumes(pod, node, store)
        or affinity.topology_spread(pod, info, snapshot)
        or affinity.pod_affinity(pod, info, snapshot)
    )


def _tolerates_cordon(pod: Object) -> bool:
    taint = {"key": UNSCHEDULABLE_TAINT, "effect": "NoSchedule"}
    return tolerates(spec_of(pod).get("tolerations") or (), taint)


def resources(pod: Object, info: NodeInfo) -> list[str]:
    """ "Insufficient cpu", "Too many pods" and so on: every resource that is short."""
    reasons = []
    if len(info.pods) + 1 > info.allocatable.get("pods", 110):
        reasons.append("Too many pods")
    for resource, wanted in pod_requests(pod).items():
        if wanted and wanted > info.allocatable.get(resource, 0) - info.requested.get(resource, 0):
            reasons.append(f"Insufficient {resource}")
    return reasons


def claims(pod: Object) -> list[str]:
    """Names of the PersistentVolumeClaims that a pod uses."""
    return [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in spec_of(pod).get("volumes") or ()
        if "persistentVolumeClaim" in volume
    ]


def unbound(pod: Object, store: Store) -> str:
    """What keeps the pod from every node: a claim that is missing or not bound (claims that wait for a pod may be)."""
    for name in claims(pod):
        claim = store.get("persistentvolumeclaims", namespace_of(pod), name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if claim["metadata"].get("deletionTimestamp"):
            return f'persistentvolumeclaim "{name}" is being deleted'
        if status_of(claim).get("phase") == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{spec_of(claim).get("volumeName")}"'
    if any(not _is_bound(pod, name, store) and not waits_for_consumer(pod, name, store) for name in claims(pod)):
        return "pod has unbound immediate PersistentVolumeClaims"
    return ""


def _is_bound(pod: Object, name: str, store: Store) -> bool:
    claim = store.get("persistentvolumeclaims", namespace_of(pod), name) or {}
    return status_of(claim).get("phase") == "Bound"


def waits_for_consumer(pod: Object, name: str, store: Store) -> bool:
    """Whether a claim's class binds only once a pod is placed."""
    claim = store.get("persistentvolumeclaims", namespace_of(pod), name) or {}
    storage_class = store.get("storageclasses.storage.k8s.io", "", spec_of(claim).get("storageClassName") or "")
    return bool(storage_class and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer")


def volumes(pod: Object, node: Object, store: Store) -> list[str]:
    """Reasons from the places that bound volumes are tied to."""
    for name in claims(pod):
        claim = store.get("persistentvolumeclaims", namespace_of(pod), name) or {}
        volume = store.get("persistentvolumes", "", spec_of(claim).get("volumeName") or "")
        required = ((spec_of(volume or {}).get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")
        if required and not any(matches_term(term, node) for term in required):
            return ["node(s) had volume node affinity conflict"]
        selected = annotations_of(claim).get(SELECTED_NODE)
        if selected and selected != node["metadata"]["name"] and not spec_of(claim).get("volumeName"):
            return ["node(s) didn't find available persistent volumes to bind"]
    return []
