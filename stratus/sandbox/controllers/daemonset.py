"""DaemonSets: one pod on every node that the template fits, placed by the scheduler through a node affinity."""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, PodOwner, is_namespace_terminating
from stratus.sandbox.controllers.replicas import generated, pod_from_template
from stratus.sandbox.controllers.revisions import HASH_LABEL, Revisions
from stratus.sandbox.node.filters import matches_node, untolerated
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    is_pod_finished,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    percent,
    spec_of,
    status_of,
)
from stratus.sandbox.store import Change

GENERATION_LABEL = "pod-template-generation"
GENERATION = "deprecated.daemonset.template.generation"
TOLERATIONS: list[Object] = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"},
    {"key": "node.kubernetes.io/disk-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/pid-pressure", "operator": "Exists", "effect": "NoSchedule"},
    {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"},
]


class DaemonSetController(PodOwner):
    name = "daemonset-controller"
    resource = "daemonsets.apps"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._node_changed, "nodes")

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, namespace, name)
        if found is None:
            return
        pods = self.claim(found)
        revisions = Revisions(self.api, self.informers, found)
        update = revisions.update()
        digest = revisions.digest(update)
        if not is_deleting(found):
            placed = self._manage(found, pods, digest)
            self._roll(found, placed, digest)
            revisions.trim()
        self._update_status(found, digest)

    def _node_changed(self, change: Change) -> None:
        before, after = change.previous, change.object
        if change.type == "MODIFIED" and before and _placement(before) == _placement(after):
            return
        for found in self.store.list(self.resource):
            self.enqueue_object(found)

    def _manage(self, found: Object, pods: list[Object], digest: str) -> dict[str, list[Object]]:
        """Creates missing pods and removes surplus and failed ones; returns the kept pods by node."""
        placed: dict[str, list[Object]] = {}
        for pod in pods:
            if is_pod_finished(pod) and not is_deleting(pod):
                which = f"{namespace_of(pod)}/{name_of(pod)} on node {_node_of(pod)}"
                message = f"Found failed daemon pod {which}, will try to kill it"
                self.event(found, "Warning", "FailedDaemonPod", message)
                self._delete(found, pod)
            else:
                placed.setdefault(_node_of(pod), []).append(pod)
        wanted = {name_of(node) for node in self.store.list("nodes") if self._runs_on(found, node)}
        for name in sorted(wanted):
            if not placed.get(name):
                self._create(found, name, digest)
        for name, here in placed.items():
            keep = 1 if name in wanted or self._may_stay(found, name) else 0
            for pod in sorted((each for each in here if not is_deleting(each)), key=_age)[keep:]:
                self._delete(found, pod)
        return {name: placed.get(name, []) for name in sorted(wanted)}

    def _runs_on(self, found: Object, node: Object) -> bool:
        pod = self._pod(found, name_of(node), "")
        return matches_node(pod, node) and untolerated(pod, node, ("NoSchedule", "NoExecute")) is None

    def _may_stay(self, found: Object, name: str) -> bool:
        """A NoSchedule taint that came later does not remove a pod."""
        node = self.store.get("nodes", "", name)
        if node is None:
            return False
        pod = self._pod(found, name, "")
        return matches_node(pod, node) and untolerated(pod, node, ("NoExecute",)) is None

    def _pod(self, found: Object, node: str, digest: str) -> Object:
        pod = generated(pod_from_template(found, spec_of(found)["template"]), found)
        labels = {**labels_of(pod), HASH_LABEL: digest, GENERATION_LABEL: annotations_of(found).get(GENERATION, "1")}
        spec = {**pod["spec"], "tolerations": [*(pod["spec"].get("tolerations") or ()), *TOLERATIONS]}
        affinity = {**(spec.get("affinity") or {})}
        field = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        own = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
        terms = [{**term, **field} for term in own.get("nodeSelectorTerms") or ()] or [field]
        affinity["nodeAffinity"] = {
            **(affinity.get("nodeAffinity") or {}),
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        }
        return {**pod, "metadata": {**pod["metadata"], "labels": labels}, "spec": {**spec, "affinity": affinity}}

    def _create(self, found: Object, node: str, digest: str) -> None:
        try:
            created = self.api.create("pods", namespace_of(found), self._pod(found, node, digest), manager=MANAGER)
        except ApiError as error:
            if is_namespace_terminating(error):
                return
            self.event(found, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.event(found, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _delete(self, found: Object, pod: Object) -> None:
        self.api.delete("pods", namespace_of(pod), name_of(pod))
        self.event(found, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _roll(self, found: Object, placed: dict[str, list[Object]], digest: str) -> None:
        """RollingUpdate: replaces old pods as far as maxUnavailable nodes may be without; those not ready cost nothing."""
        strategy = spec_of(found).get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1)
        room = max(1, percent(limit, len(placed), round_up=True))
        live = [pod for here in placed.values() for pod in here]
        serving = [here for here in placed.values() if any(is_pod_ready(pod) and not is_deleting(pod) for pod in here)]
        room -= len(placed) - len(serving)
        for pod in live:
            if labels_of(pod).get(HASH_LABEL) == digest or is_deleting(pod):
                continue
            if not is_pod_ready(pod):
                self._delete(found, pod)
            elif room > 0:
                self._delete(found, pod)
                room -= 1

    def _update_status(self, found: Object, digest: str) -> None:
        nodes = self.store.list("nodes")
        wanted = {name_of(node) for node in nodes if self._runs_on(found, node)}
        pods = [pod for pod in self.informers.children("pods", found) if not is_deleting(pod)]
        there = [pod for pod in pods if _node_of(pod) in wanted]
        ready = sum(map(is_pod_ready, there))
        status: Object = {
            "currentNumberScheduled": len({_node_of(pod) for pod in there}),
            "numberMisscheduled": len({_node_of(pod) for pod in pods} - wanted),
            "desiredNumberScheduled": len(wanted),
            "numberReady": ready,
            "observedGeneration": meta(found)["generation"],
        }
        counts = {
            "updatedNumberScheduled": sum(labels_of(pod).get(HASH_LABEL) == digest for pod in there),
            "numberAvailable": ready,
            "numberUnavailable": len(wanted) - ready,
        }
        status |= {field: count for field, count in counts.items() if count}
        self.api.set_status(self.resource, namespace_of(found), name_of(found), status)


def _age(pod: Object) -> tuple[bool, str, str]:
    return not spec_of(pod).get("nodeName"), meta(pod)["creationTimestamp"], name_of(pod)


def _node_of(pod: Object) -> str:
    """The node that a pod runs on, or is meant for."""
    if spec_of(pod).get("nodeName"):
        return str(spec_of(pod)["nodeName"])
    affinity = (spec_of(pod).get("affinity") or {}).get("nodeAffinity") or {}
    for term in (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""


def _placement(node: Object) -> tuple[object, ...]:
    return labels_of(node), spec_of(node).get("taints"), spec_of(node).get("unschedulable"), bool(status_of(node))
