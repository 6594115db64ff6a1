"""Node health: nodes whose kubelet is silent become Unknown, conditions become taints, taints evict pods.

Also removes pods that are bound to nodes that no longer exist (Kubernetes' pod garbage collector).
"""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, Controller
from stratus.sandbox.kernel import Timer
from stratus.sandbox.node.filters import tolerates
from stratus.sandbox.objects import (
    Object,
    condition,
    is_deleting,
    is_pod_finished,
    meta,
    name_of,
    namespace_of,
    seconds,
    spec_of,
    status_of,
    uid_of,
    with_condition,
)
from stratus.sandbox.store import Change

LEASES, LEASE_NAMESPACE = "leases.coordination.k8s.io", "kube-node-lease"
PERIOD = 5.0
GRACE = 40.0
"""Seconds of silence after which a node's state is unknown."""
ORPHAN_GRACE = 40.0
"""Seconds after which pods of a node that is gone are removed."""
PREFIX = "node.kubernetes.io/"
PRESSURE = {
    "MemoryPressure": "memory-pressure",
    "DiskPressure": "disk-pressure",
    "PIDPressure": "pid-pressure",
    "NetworkUnavailable": "network-unavailable",
}
OWN = {PREFIX + each for each in (*PRESSURE.values(), "not-ready", "unreachable", "unschedulable")}


class NodeLifecycleController(Controller):
    name = "node-controller"
    resource = "nodes"

    def start(self) -> None:
        self._evictions: dict[str, tuple[float, Timer]] = {}
        super().start()
        self.store.subscribe(self._pod_changed, "pods")
        self.kernel.call_later(PERIOD, self._monitor)

    def reconcile(self, namespace: str, name: str) -> None:
        node = self.store.get("nodes", "", name)
        if node is None:
            return
        if "Ready" in {each["type"] for each in status_of(node).get("conditions") or ()}:
            node = self._sync_taints(node)
        for pod in self._pods_on(name):
            self._judge(pod, node)

    def _pods_on(self, name: str) -> list[Object]:
        return [pod for pod in self.store.list("pods") if spec_of(pod).get("nodeName") == name]

    def _own_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self.kernel.call_later(ORPHAN_GRACE, lambda: self._collect_orphans(name_of(change.object)))
        elif change.type == "ADDED":
            name = name_of(change.object)
            self.event(
                _self_reference(name),
                "Normal",
                "RegisteredNode",
                f"Node {name} event: Registered Node {name} in Controller",
            )
            self.enqueue_object(change.object)
        elif change.previous is None or _state(change.previous) != _state(change.object):
            self.enqueue_object(change.object)

    # Silence

    def _monitor(self) -> None:
        now = self.kernel.now()
        for node in self.store.list("nodes"):
            ready = condition(node, "Ready")
            lease = self.store.get(LEASES, LEASE_NAMESPACE, name_of(node))
            if ready is None or lease is None or ready["status"] == "Unknown":
                continue
            if now - seconds(spec_of(lease)["renewTime"]) > GRACE:
                self._lose(node)
        self.kernel.call_later(PERIOD, self._monitor)

    def _lose(self, node: Object) -> None:
        """The kubelet is silent: nothing is known about the node any more, and its pods serve nobody."""
        conditions: list[Object] = status_of(node).get("conditions") or []
        for old in list(conditions):
            new = {**old, "status": "Unknown", "reason": "NodeStatusUnknown"}
            new |= {"message": "Kubelet stopped posting node status.", "lastTransitionTime": self.kernel.timestamp()}
            conditions = with_condition(conditions, new)
        self.api.set_status("nodes", "", name_of(node), {**status_of(node), "conditions": conditions})
        self.event(
            _self_reference(name_of(node)),
            "Normal",
            "NodeNotReady",
            f"Node {name_of(node)} status is now: NodeNotReady",
        )
        for pod in self._pods_on(name_of(node)):
            self._mark_not_ready(pod)

    def _mark_not_ready(self, pod: Object) -> None:
        ready = condition(pod, "Ready")
        if ready is None or ready["status"] != "True":
            return
        new = {**ready, "status": "False", "lastTransitionTime": self.kernel.timestamp()}
        conditions = with_condition(status_of(pod)["conditions"], new)
        self.api.set_status("pods", namespace_of(pod), name_of(pod), {**status_of(pod), "conditions": conditions})
        self.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    # Taints

    def _sync_taints(self, node: Object) -> Object:
        wanted = self._taints(node)
        current = spec_of(node).get("taints") or []
        kept = [each for each in current if each["key"] not in OWN]
        have = {(each["key"], each["effect"]): each for each in current}
        now = self.kernel.timestamp()
        new = kept + [
            have.get((key, effect)) or {"key": key, "effect": effect, "timeAdded": now} for key, effect in wanted
        ]
        if new == current:
            return node
        spec = {**spec_of(node), "taints": new}
        if not new:
            del spec["taints"]
        return self.api.update("nodes", "", name_of(node), {**node, "spec": spec}, manager=MANAGER)

    @staticmethod
    def _taints(node: Object) -> list[tuple[str, str]]:
        ready = (condition(node, "Ready") or {}).get("status")
        found = []
        if ready != "True":
            key = PREFIX + ("not-ready" if ready == "False" else "unreachable")
            found += [(key, "NoSchedule"), (key, "NoExecute")]
        for kind, name in PRESSURE.items():
            if (condition(node, kind) or {}).get("status") == "True":
                found.append((PREFIX + name, "NoSchedule"))
        if spec_of(node).get("unschedulable"):
            found.append((PREFIX + "unschedulable", "NoSchedule"))
        return found

    # Eviction

    def _pod_changed(self, change: Change) -> None:
        pod = change.object
        if change.type == "DELETED":
            self._cancel(uid_of(pod))
            return
        name, before = spec_of(pod).get("nodeName"), change.previous
        if not name or (before is not None and spec_of(before) == spec_of(pod)):
            return
        node = self.store.get("nodes", "", name)
        if node is not None:
            self._judge(pod, node)
        else:
            self.kernel.call_later(ORPHAN_GRACE, lambda: self._collect_orphans(name))

    def _judge(self, pod: Object, node: Object) -> None:
        """Plans, moves or cancels the eviction of a pod by NoExecute taints."""
        left = self._seconds_left(pod, node)
        uid = uid_of(pod)
        if left is None or is_deleting(pod) or is_pod_finished(pod):
            return self._cancel(uid)
        planned = self._evictions.get(uid)
        due = self.kernel.now() + left
        if planned is not None and planned[0] <= due:
            return
        self._cancel(uid)
        timer = self.kernel.call_later(left, lambda: self._evict(namespace_of(pod), name_of(pod), uid))
        self._evictions[uid] = (due, timer)

    def _seconds_left(self, pod: Object, node: Object) -> float | None:
        """How long the pod may stay; None when nothing drives it away."""
        taints = [taint for taint in spec_of(node).get("taints") or () if taint["effect"] == "NoExecute"]
        tolerations = spec_of(pod).get("tolerations") or []
        if not taints:
            return None
        limits = []
        for taint in taints:
            fitting = [each for each in tolerations if tolerates([each], taint)]
            if not fitting:
                return 0.0
            limits += [float(each["tolerationSeconds"]) for each in fitting if "tolerationSeconds" in each]
        return max(0.0, min(limits)) if limits else None

    def _cancel(self, uid: str) -> None:
        planned = self._evictions.pop(uid, None)
        if planned is not None:
            planned[1].cancel()

    def _evict(self, namespace: str, name: str, uid: str) -> None:
        self._evictions.pop(uid, None)
        pod = self.store.get("pods", namespace, name)
        if pod is None or uid_of(pod) != uid or is_deleting(pod):
            return
        self.event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {namespace}/{name}")
        self._delete(pod, None)

    def _collect_orphans(self, node: str) -> None:
        if self.store.get("nodes", "", node) is None:
            for pod in self._pods_on(node):
                self._delete(pod, 0)

    def _delete(self, pod: Object, grace: int | None) -> None:
        try:
            preconditions = {"uid": str(meta(pod)["uid"])}
            self.api.delete("pods", namespace_of(pod), name_of(pod), grace=grace, preconditions=preconditions)
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def _state(node: Object) -> tuple[object, ...]:
    conditions = [(each["type"], each["status"]) for each in status_of(node).get("conditions") or ()]
    return conditions, spec_of(node).get("taints"), spec_of(node).get("unschedulable")


def _self_reference(name: str) -> Object:
    """How events name a node: by its name in the place of the uid, as kubectl describe asks for them."""
    return {"kind": "Node", "name": name, "uid": name}
