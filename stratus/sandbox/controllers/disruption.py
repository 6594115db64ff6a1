"""PodDisruptionBudgets: how many pods may be evicted now. The API refuses evictions by what this writes."""

from __future__ import annotations

from stratus.sandbox.controllers.base import Controller
from stratus.sandbox.objects import (
    Object,
    controller_of,
    is_pod_active,
    is_pod_ready,
    labels_of,
    meta,
    namespace_of,
    percent,
    selects,
    spec_of,
    status_of,
    with_condition,
)
from stratus.sandbox.store import Change

SCALED = {
    "ReplicaSet": "replicasets.apps",
    "Deployment": "deployments.apps",
    "StatefulSet": "statefulsets.apps",
}


class DisruptionController(Controller):
    name = "controllermanager"
    resource = "poddisruptionbudgets.policy"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._pod_changed, "pods")
        self.store.subscribe(self._owner_changed, *SCALED.values())

    def reconcile(self, namespace: str, name: str) -> None:
        budget = self.store.get(self.resource, namespace, name)
        if budget is None:
            return
        selector = spec_of(budget).get("selector")
        match = (selector or {}).get("matchLabels") or {}
        pods = self.informers.pods_matching(namespace, match) if match else self.store.list("pods", namespace)
        pods = [pod for pod in pods if selects(selector, labels_of(pod)) and is_pod_active(pod)]
        healthy = sum(map(is_pod_ready, pods))
        expected, desired = self._bounds(budget, pods)
        allowed = max(0, healthy - desired) if expected else 0
        now = self.kernel.timestamp()
        reason = "SufficientPods" if allowed else "InsufficientPods"
        condition = {"type": "DisruptionAllowed", "status": str(allowed > 0), "reason": reason, "message": ""}
        condition |= {"lastTransitionTime": now, "observedGeneration": meta(budget)["generation"]}
        status = {
            "disruptionsAllowed": allowed,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "observedGeneration": meta(budget)["generation"],
            "conditions": with_condition(status_of(budget).get("conditions") or [], condition),
        }
        self.api.set_status(self.resource, namespace, name, status)

    def _bounds(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """How many pods are expected, and how many of them have to stay healthy."""
        spec = spec_of(budget)
        if "maxUnavailable" in spec:
            expected = self._expected(pods)
            return expected, max(0, expected - percent(spec["maxUnavailable"], expected, round_up=True))
        minimum = spec.get("minAvailable", 1)
        if isinstance(minimum, int):
            return len(pods), minimum
        expected = self._expected(pods)
        return expected, percent(minimum, expected, round_up=True)

    def _expected(self, pods: list[Object]) -> int:
        """The sum of the scales of the pods' controllers."""
        scales: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                continue
            found = self._top(namespace_of(pod), owner)
            if found is not None:
                scales[meta(found)["uid"]] = int(spec_of(found).get("replicas", 1))
        return sum(scales.values())

    def _top(self, namespace: str, owner: Object) -> Object | None:
        resource = SCALED.get(owner["kind"])
        found = self.store.get(resource, namespace, owner["name"]) if resource else None
        above = controller_of(found) if found else None
        return self._top(namespace, above) or found if above else found

    def _pod_changed(self, change: Change) -> None:
        before = change.previous
        if before is not None and change.type == "MODIFIED":
            same = is_pod_ready(before) == is_pod_ready(change.object) and labels_of(before) == labels_of(change.object)
            if same and is_pod_active(before) == is_pod_active(change.object):
                return
        labels = [labels_of(obj) for obj in (change.object, before) if obj is not None]
        for budget in self.store.list(self.resource, namespace_of(change.object)):
            if any(selects(spec_of(budget).get("selector"), each) for each in labels):
                self.enqueue_object(budget)

    def _owner_changed(self, change: Change) -> None:
        before = change.previous
        if before is not None and spec_of(before).get("replicas") == spec_of(change.object).get("replicas"):
            return
        for budget in self.store.list(self.resource, namespace_of(change.object)):
            self.enqueue_object(budget)
