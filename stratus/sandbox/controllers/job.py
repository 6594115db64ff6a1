"""Jobs: pods until enough of them have succeeded, or too many have failed, or time is up."""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, PodOwner, is_namespace_terminating
from stratus.sandbox.controllers.replicas import generated, pod_from_template
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    is_pod_active,
    is_pod_ready,
    labels_of,
    name_of,
    namespace_of,
    seconds,
    spec_of,
    status_of,
    with_condition,
)

BACKOFF = (10.0, 360.0)
"""Seconds before a failed pod is replaced: first and longest."""
INDEX = "batch.kubernetes.io/job-completion-index"


def is_finished(job: Object) -> str:
    """Complete or Failed once the Job is over, else nothing."""
    for each in status_of(job).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return str(each["type"])
    return ""


def _phase(pods: list[Object], phase: str) -> list[Object]:
    return [pod for pod in pods if status_of(pod).get("phase") == phase]


class JobController(PodOwner):
    name = "job-controller"
    resource = "jobs.batch"

    def essence(self, child: Object) -> tuple[object, ...]:
        statuses = status_of(child).get("containerStatuses") or ()
        return (*super().essence(child), [each["restartCount"] for each in statuses])

    def reconcile(self, namespace: str, name: str) -> None:
        job = self.store.get(self.resource, namespace, name)
        if job is None or is_deleting(job):
            return
        if is_finished(job):
            return self._expire(job)
        pods = self.claim(job)
        failure = self._failure(job, pods)
        if failure:
            return self._fail(job, pods, *failure)
        if self._is_complete(job, pods):
            return self._complete(job, pods)
        if not spec_of(job).get("suspend"):
            self._manage(job, pods)
        else:
            self._delete_all(job, [pod for pod in pods if is_pod_active(pod)])
        self._write(job, self._suspended(job))

    def _failure(self, job: Object, pods: list[Object]) -> tuple[str, str] | None:
        """Reason and message when the Job has to fail."""
        spec, now = spec_of(job), self.kernel.now()
        failed = _phase(pods, "Failed")
        restarts = sum(
            status.get("restartCount", 0)
            for pod in pods
            if spec_of(pod).get("restartPolicy") == "OnFailure" and is_pod_active(pod)
            for status in status_of(pod).get("containerStatuses") or ()
        )
        limit = spec.get("backoffLimit", 6)
        if len(failed) > limit or (restarts and len(failed) + restarts > limit):
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        deadline, started = spec.get("activeDeadlineSeconds"), status_of(job).get("startTime")
        if deadline is not None and started and not spec.get("suspend"):
            left = seconds(started) + deadline - now
            if left <= 0:
                return "DeadlineExceeded", "Job was active longer than specified deadline"
            self.enqueue_object(job, left)
        return None

    def _is_complete(self, job: Object, pods: list[Object]) -> bool:
        succeeded = _phase(pods, "Succeeded")
        completions: int | None = spec_of(job).get("completions")
        if completions is None:
            return bool(succeeded) and not any(map(is_pod_active, pods))
        if spec_of(job).get("completionMode") == "Indexed":
            return len({annotations_of(pod).get(INDEX) for pod in succeeded}) >= completions
        return len(succeeded) >= completions

    def _manage(self, job: Object, pods: list[Object]) -> None:
        spec = spec_of(job)
        active, succeeded = [pod for pod in pods if is_pod_active(pod)], _phase(pods, "Succeeded")
        wanted, completions = spec.get("parallelism", 1), spec.get("completions")
        if completions is not None:
            wanted = min(wanted, completions - len(succeeded))
        elif succeeded:
            wanted = len(active)
        if len(active) > wanted:
            self._delete_all(job, active[: len(active) - max(0, wanted)])
        elif len(active) < wanted and not self._backs_off(job, pods):
            indexes = self._free_indexes(job, active + succeeded)
            for number in range(wanted - len(active)):
                self._create(job, indexes[number] if indexes else None)

    def _backs_off(self, job: Object, pods: list[Object]) -> bool:
        """Whether the latest failure is too fresh for another try."""
        failed = _phase(pods, "Failed")
        if not failed:
            return False
        wait = min(BACKOFF[0] * 2 ** (len(failed) - 1), BACKOFF[1])
        left: float = max(map(_ended, failed)) + wait - self.kernel.now()
        if left > 0:
            self.enqueue_object(job, left)
        return left > 0

    def _free_indexes(self, job: Object, pods: list[Object]) -> list[int]:
        if spec_of(job).get("completionMode") != "Indexed":
            return []
        taken = {annotations_of(pod).get(INDEX) for pod in pods}
        return [index for index in range(spec_of(job)["completions"]) if str(index) not in taken]

    def _create(self, job: Object, index: int | None) -> None:
        pod = generated(pod_from_template(job, spec_of(job)["template"]), job)
        if index is not None:
            pod = _indexed(pod, job, index)
        try:
            created = self.api.create("pods", namespace_of(job), pod, manager=MANAGER)
        except ApiError as error:
            if is_namespace_terminating(error):
                return
            self.event(job, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self.event(job, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    def _delete_all(self, job: Object, pods: list[Object]) -> None:
        for pod in pods:
            self.api.delete("pods", namespace_of(pod), name_of(pod))
            self.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _complete(self, job: Object, pods: list[Object]) -> None:
        self._delete_all(job, [pod for pod in pods if is_pod_active(pod)])
        self.event(job, "Normal", "Completed", "Job completed")
        condition = {"type": "Complete", "status": "True"}
        self._write(job, condition, {"completionTime": self.kernel.timestamp()})

    def _fail(self, job: Object, pods: list[Object], reason: str, message: str) -> None:
        self._delete_all(job, [pod for pod in pods if is_pod_active(pod)])
        self.event(job, "Warning", reason, message)
        self._write(job, {"type": "Failed", "status": "True", "reason": reason, "message": message})

    def _suspended(self, job: Object) -> Object | None:
        suspended = bool(spec_of(job).get("suspend"))
        shown = any(each["type"] == "Suspended" for each in status_of(job).get("conditions") or ())
        if not suspended and not shown:
            return None
        said = ("JobSuspended", "Job suspended") if suspended else ("JobResumed", "Job resumed")
        return {"type": "Suspended", "status": str(suspended), "reason": said[0], "message": said[1]}

    def _write(self, job: Object, condition: Object | None = None, more: Object | None = None) -> None:
        pods = self.informers.children("pods", job)
        status: Object = dict(status_of(job))
        if not spec_of(job).get("suspend"):
            status.setdefault("startTime", self.kernel.timestamp())
        active = [pod for pod in pods if is_pod_active(pod)]
        counts = {"active": len(active), "ready": sum(map(is_pod_ready, active))}
        counts |= {"succeeded": len(_phase(pods, "Succeeded")), "failed": len(_phase(pods, "Failed"))}
        for field, count in counts.items():
            if count or field == "ready":
                status[field] = count
            else:
                status.pop(field, None)
        if condition:
            now = self.kernel.timestamp()
            new = {**condition, "lastProbeTime": now, "lastTransitionTime": now}
            old: Object = next((e for e in status.get("conditions") or () if e["type"] == condition["type"]), {})
            if old.get("status") != condition["status"]:
                status["conditions"] = with_condition(status.get("conditions") or [], new)
        self.api.set_status(self.resource, namespace_of(job), name_of(job), {**status, **(more or {})})
        if condition and condition["type"] != "Suspended":
            self.enqueue_object(job)

    def _expire(self, job: Object) -> None:
        """Deletes a finished Job after ttlSecondsAfterFinished."""
        ttl = spec_of(job).get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        ended = max(seconds(each["lastTransitionTime"]) for each in status_of(job)["conditions"])
        left = ended + ttl - self.kernel.now()
        if left > 0:
            self.enqueue_object(job, left)
        else:
            self.api.delete(self.resource, namespace_of(job), name_of(job), propagation="Foreground")


def _ended(pod: Object) -> float:
    times = [
        seconds(state["finishedAt"])
        for each in status_of(pod).get("containerStatuses") or ()
        if (state := each["state"].get("terminated"))
    ]
    return max(times, default=seconds(pod["metadata"]["creationTimestamp"]))


def _indexed(pod: Object, job: Object, index: int) -> Object:
    annotations = {**annotations_of(pod), INDEX: str(index)}
    labels = {**labels_of(pod), INDEX: str(index)}
    variable = {
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}},
    }
    containers = [{**each, "env": [*(each.get("env") or ()), variable]} for each in pod["spec"]["containers"]]
    metadata = {**pod["metadata"], "annotations": annotations, "labels": labels}
    metadata["generateName"] = f"{name_of(job)}-{index}-"
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "containers": containers}}
