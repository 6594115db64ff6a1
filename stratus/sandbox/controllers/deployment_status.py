"""The status half of the Deployment controller: counts, the Available/Progressing/ReplicaFailure conditions, revisions."""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers import rollout
from stratus.sandbox.controllers.base import MANAGER, Controller
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    condition,
    meta,
    name_of,
    namespace_of,
    status_of,
    uid_of,
    with_condition,
    without_condition,
)


class StatusMixin(Controller):
    """Writes of a Deployment's status; they return the Deployment as stored."""

    def check_paused(self, deployment: Object) -> Object:
        """Shows pausing and resuming in the Progressing condition, whose clock must not run meanwhile."""
        progressing = condition(deployment, "Progressing")
        if not rollout.has_deadline(deployment) or (
            progressing and progressing["reason"] == "ProgressDeadlineExceeded"
        ):
            return deployment
        shown = bool(progressing and progressing["reason"] == "DeploymentPaused")
        paused = bool(deployment["spec"].get("paused"))
        if paused == shown:
            return deployment
        if paused:
            new = self._condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        else:
            new = self._condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
        status = status_of(deployment)
        return self._write(deployment, {**status, "conditions": self._set(status.get("conditions") or [], new)})

    def set_revision(
        self, deployment: Object, new: Object, reason: str, message: str, *, always: bool = False
    ) -> Object:
        """Copies the new ReplicaSet's revision and, where progress is first seen, says so."""
        number = annotations_of(new).get(rollout.REVISION, "")
        changed = rollout.with_annotations(deployment, {**annotations_of(deployment), rollout.REVISION: number})
        status = status_of(deployment)
        if rollout.has_deadline(deployment) and (always or condition(deployment, "Progressing") is None):
            conditions = self._set(
                status.get("conditions") or [], self._condition("Progressing", "True", reason, message)
            )
            status = {**status, "conditions": conditions}
        if changed is deployment and status == status_of(deployment):
            return deployment
        return self._write(changed, status)

    def count_collision(self, deployment: Object) -> None:
        """Another object has the hashed name: the next try hashes differently."""
        status = status_of(deployment)
        self._write(deployment, {**status, "collisionCount": status.get("collisionCount", 0) + 1})

    def creation_failed(self, deployment: Object, name: str, error: ApiError) -> None:
        message = f'Failed to create new replica set "{name}": {error.message}'
        if not rollout.has_deadline(deployment):
            return
        new = self._condition("Progressing", "False", "ReplicaSetCreateError", message)
        status = status_of(deployment)
        self._write(deployment, {**status, "conditions": self._set(status.get("conditions") or [], new)})

    def sync_status(self, deployment: Object, sets: list[Object], new: Object | None) -> None:
        """Counts only; for a paused, scaling or deleted Deployment."""
        self._write(deployment, self._calculate(deployment, sets, new))

    def sync_rollout_status(self, deployment: Object, sets: list[Object], new: Object | None) -> None:
        """Counts and progress."""
        status = self._calculate(deployment, sets, new)
        conditions = status["conditions"]
        if not rollout.has_deadline(deployment):
            conditions = without_condition(conditions, "Progressing")
        else:
            conditions = self._progress(deployment, status, new)
        failures = [c for each in sets if (c := condition(each, "ReplicaFailure"))]
        conditions = without_condition(conditions, "ReplicaFailure")
        if failures:
            conditions = self._set(conditions, self._failure(deployment, failures[0]))
        written = self._write(deployment, {**status, "conditions": conditions})
        self._requeue_when_late(written)

    def _progress(self, deployment: Object, status: Object, new: Object | None) -> list[Object]:
        conditions: list[Object] = status["conditions"]
        current = condition(deployment, "Progressing")
        settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
        if settled and current and current["reason"] == "NewReplicaSetAvailable":
            return conditions
        subject = f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
        if rollout.is_complete(deployment, status):
            said = ("True", "NewReplicaSetAvailable", f"{subject} has successfully progressed.")
            return self._set(conditions, self._condition("Progressing", *said))
        if rollout.is_progressing(status_of(deployment), status):
            new_condition = self._condition("Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.")
            return _placed_last(conditions, new_condition)
        left = rollout.time_left(deployment, self.kernel.now())
        if left is not None and left < 0:
            said = ("False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing.")
            return self._set(conditions, self._condition("Progressing", *said))
        return conditions

    def _requeue_when_late(self, deployment: Object) -> None:
        if not rollout.has_deadline(deployment) or rollout.is_complete(deployment, status_of(deployment)):
            return
        left = rollout.time_left(deployment, self.kernel.now())
        if left is not None and left >= 0:
            self.enqueue(namespace_of(deployment), name_of(deployment), left + 1)

    def _calculate(self, deployment: Object, sets: list[Object], new: Object | None) -> Object:
        def total(field: str, of: list[Object]) -> int:
            return sum(status_of(each).get(field, 0) for each in of)

        updated = [each for each in sets if new is not None and uid_of(each) == uid_of(new)]
        ready, available = total("readyReplicas", sets), total("availableReplicas", sets)
        counts = {
            "replicas": total("replicas", sets),
            "updatedReplicas": total("replicas", updated),
            "readyReplicas": ready,
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(map(rollout.replicas, sets)) - available),
        }
        status: Object = {key: value for key, value in counts.items() if value}
        status["observedGeneration"] = meta(deployment)["generation"]
        if "collisionCount" in status_of(deployment):
            status["collisionCount"] = status_of(deployment)["collisionCount"]
        conditions = status_of(deployment).get("conditions") or []
        return {**status, "conditions": self._set(conditions, self._availability(deployment, available))}

    def _availability(self, deployment: Object, available: int) -> Object:
        if available >= rollout.replicas(deployment) - rollout.max_unavailable(deployment):
            said = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        else:
            said = ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        return self._condition("Available", *said)

    def _failure(self, deployment: Object, failure: Object) -> Object:
        kept = condition(deployment, "ReplicaFailure")
        if kept and kept["reason"] == failure["reason"] and kept["message"] == failure["message"]:
            return kept
        return {**failure, "lastUpdateTime": failure["lastTransitionTime"]}

    def _condition(self, kind: str, status: str, reason: str, message: str) -> Object:
        now = self.kernel.timestamp()
        return {
            "type": kind,
            "status": status,
            "lastUpdateTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }

    @staticmethod
    def _set(conditions: list[Object], new: Object) -> list[Object]:
        """Sets a condition unless one of the same status and reason is there: its times tell when it began."""
        for old in conditions:
            if all(old.get(field) == new[field] for field in ("type", "status", "reason")):
                return conditions
        return _placed_last(conditions, new)

    def _write(self, deployment: Object, status: Object) -> Object:
        namespace, name = namespace_of(deployment), name_of(deployment)
        stored = self.store.get(self.resource, namespace, name)
        if stored is not None and annotations_of(stored) != annotations_of(deployment):
            changed = {**deployment, "status": status}
            return self.api.update(self.resource, namespace, name, changed, subresource="status", manager=MANAGER)
        return self.api.set_status(self.resource, namespace, name, status)


def _placed_last(conditions: list[Object], new: Object) -> list[Object]:
    """A condition that changes moves to the end of the list, as in Kubernetes."""
    changed = with_condition(conditions, new)
    own = next(each for each in changed if each["type"] == new["type"])
    return [*without_condition(changed, new["type"]), own]
