"""Keeps the number of pods of each ReplicaSet; a refused creation shows as FailedCreate and is tried again with back-off."""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, PodOwner, is_namespace_terminating
from stratus.sandbox.controllers.replicas import deletion_rank, fully_labelled, generated, pod_from_template
from stratus.sandbox.objects import (
    Object,
    available_in,
    condition,
    is_deleting,
    is_pod_active,
    is_pod_ready,
    name_of,
    namespace_of,
    status_of,
    with_condition,
    without_condition,
)


class ReplicaSetController(PodOwner):
    name = "replicaset-controller"
    resource = "replicasets.apps"

    def reconcile(self, namespace: str, name: str) -> None:
        replica_set = self.store.get(self.resource, namespace, name)
        if replica_set is None:
            return
        pods = [pod for pod in self.claim(replica_set) if is_pod_active(pod)]
        failure: tuple[str, ApiError] | None = None
        if not is_deleting(replica_set):
            failure = self._scale(replica_set, pods)
        active = [p for p in self.informers.children("pods", replica_set) if is_pod_active(p)]
        self._update_status(replica_set, active, failure)
        if failure:
            raise failure[1]

    def _scale(self, replica_set: Object, pods: list[Object]) -> tuple[str, ApiError] | None:
        missing = replica_set["spec"].get("replicas", 1) - len(pods)
        if missing >= 0:
            return self._create(replica_set, missing)
        for pod in sorted(pods, key=deletion_rank)[:-missing]:
            try:
                self.api.delete("pods", namespace_of(pod), name_of(pod))
            except ApiError as error:
                if error.code != 404:
                    self.event(replica_set, "Warning", "FailedDelete", f"Error deleting: {error.message}")
                    return "FailedDelete", error
            else:
                self.event(replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        return None

    def _create(self, replica_set: Object, count: int) -> tuple[str, ApiError] | None:
        pod = generated(pod_from_template(replica_set, replica_set["spec"]["template"]), replica_set)
        for _ in range(count):
            try:
                created = self.api.create("pods", namespace_of(replica_set), pod, manager=MANAGER)
            except ApiError as error:
                if is_namespace_terminating(error):
                    return None
                self.event(replica_set, "Warning", "FailedCreate", f"Error creating: {error.message}")
                return "FailedCreate", error
            self.event(replica_set, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")
        return None

    def _update_status(self, replica_set: Object, pods: list[Object], failure: tuple[str, ApiError] | None) -> None:
        status = {
            "replicas": len(pods),
            "fullyLabeledReplicas": fully_labelled(pods, replica_set["spec"]["template"]),
            "readyReplicas": sum(map(is_pod_ready, pods)),
            "availableReplicas": self._available(replica_set, pods),
        }
        status = {key: value for key, value in status.items() if value or key == "replicas"}
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        conditions = self._conditions(replica_set, failure)
        self.api.set_status(
            self.resource,
            namespace_of(replica_set),
            name_of(replica_set),
            {**status, **({"conditions": conditions} if conditions else {})},
        )

    def _available(self, replica_set: Object, pods: list[Object]) -> int:
        minimum = replica_set["spec"].get("minReadySeconds", 0)
        waits = [available_in(pod, minimum, self.kernel.now()) for pod in pods]
        pending = [wait for wait in waits if wait]
        if pending:
            self.enqueue_object(replica_set, min(pending))
        return sum(wait == 0 for wait in waits)

    def _conditions(self, replica_set: Object, failure: tuple[str, ApiError] | None) -> list[Object]:
        conditions = status_of(replica_set).get("conditions") or []
        if failure is None:
            return without_condition(conditions, "ReplicaFailure")
        if condition(replica_set, "ReplicaFailure"):
            return list(conditions)
        new = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": self.kernel.timestamp(),
            "reason": failure[0],
            "message": failure[1].message,
        }
        return with_condition(conditions, new)
