"""CronJobs: a Job whenever the schedule is due, within the concurrency policy; old Jobs are cleared away."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stratus.sandbox.controllers import schedule
from stratus.sandbox.controllers.base import MANAGER, Controller
from stratus.sandbox.controllers.job import is_finished
from stratus.sandbox.kernel import rfc3339
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    seconds,
    spec_of,
    status_of,
    uid_of,
)

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobController(Controller):
    name = "cronjob-controller"
    resource = "cronjobs.batch"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self.enqueue_owner, "jobs.batch")

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, namespace, name)
        if found is None or is_deleting(found):
            return
        jobs = sorted(self.informers.children("jobs.batch", found), key=lambda job: meta(job)["creationTimestamp"])
        status = self._observe(found, jobs)
        self._clear(found, jobs)
        if not spec_of(found).get("suspend"):
            status = self._run_due(found, jobs, status)
        self.api.set_status(self.resource, namespace, name, status)

    def _observe(self, found: Object, jobs: list[Object]) -> Object:
        """The status after the Jobs' present state; a Job that has ended leaves `active`."""
        status: Object = dict(status_of(found))
        active = [job for job in jobs if not is_finished(job)]
        known = {reference["uid"] for reference in status.get("active") or ()}
        for job in jobs:
            ended = is_finished(job)
            if ended and uid_of(job) in known:
                message = f"Saw completed job: {name_of(job)}, status: {ended}"
                self.event(found, "Normal", "SawCompletedJob", message)
            done = status_of(job).get("completionTime")
            if ended == "Complete" and done and done > status.get("lastSuccessfulTime", ""):
                status["lastSuccessfulTime"] = done
        return _with_active(status, active)

    def _clear(self, found: Object, jobs: list[Object]) -> None:
        for kind, field, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            over = [job for job in jobs if is_finished(job) == kind and not is_deleting(job)]
            for job in over[: max(0, len(over) - spec_of(found).get(field, default))]:
                self._delete(found, job)

    def _run_due(self, found: Object, jobs: list[Object], status: Object) -> Object:
        try:
            plan, zone = schedule.parse(spec_of(found)["schedule"]), _zone(found)
        except (ValueError, KeyError, ZoneInfoNotFoundError) as error:
            message = f"unparseable schedule: {spec_of(found)['schedule']!r} : {error}"
            self.event(found, "Warning", "UnparseableSchedule", message)
            return status
        now = self.kernel.now()
        due = self._latest_due(found, plan, zone, now)
        following = plan.after(now, zone)
        if following is not None:
            self.enqueue_object(found, following - now + 0.001)
        if due is None:
            return status
        deadline = spec_of(found).get("startingDeadlineSeconds")
        if deadline is not None and due + deadline < now:
            message = f"Missed scheduled time to start a job: {rfc3339(due)}"
            self.event(found, "Warning", "MissSchedule", message)
            return status
        return self._start(found, [job for job in jobs if not is_finished(job)], due, status)

    def _latest_due(self, found: Object, plan: schedule.Schedule, zone: tzinfo, now: float) -> float | None:
        """The latest time the schedule was due and no Job was started for."""
        last = status_of(found).get("lastScheduleTime") or meta(found)["creationTimestamp"]
        due, latest = plan.after(seconds(last), zone), None
        while due is not None and due <= now:
            latest, due = due, plan.after(due, zone)
        return latest

    def _start(self, found: Object, active: list[Object], due: float, status: Object) -> Object:
        policy = spec_of(found).get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.event(found, "Normal", "JobAlreadyActive", message)
            return status
        if policy == "Replace":
            for job in active:
                self._delete(found, job)
            active = []
        name = f"{name_of(found)}-{int(due) // 60}"
        existing = self.store.get("jobs.batch", namespace_of(found), name)
        if existing is not None:
            job = existing
        else:
            job = self.api.create("jobs.batch", namespace_of(found), self._job(found, name, due), manager=MANAGER)
            self.event(found, "Normal", "SuccessfulCreate", f"Created job {name}")
        return {**_with_active(status, [*active, job]), "lastScheduleTime": rfc3339(due)}

    def _job(self, found: Object, name: str, due: float) -> Object:
        template = spec_of(found)["jobTemplate"]
        metadata: Object = {"name": name, "namespace": namespace_of(found)}
        metadata["ownerReferences"] = [owner_reference(found)]
        metadata["annotations"] = {**annotations_of(template), SCHEDULED_AT: rfc3339(due)}
        if labels_of(template):
            metadata["labels"] = labels_of(template)
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec_of(template)}

    def _delete(self, found: Object, job: Object) -> None:
        self.api.delete("jobs.batch", namespace_of(job), name_of(job), propagation="Background")
        self.event(found, "Normal", "SuccessfulDelete", f"Deleted job {name_of(job)}")


def _with_active(status: Object, active: list[Object]) -> Object:
    references = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": name_of(job),
            "namespace": namespace_of(job),
            "uid": uid_of(job),
            "resourceVersion": meta(job).get("resourceVersion", ""),
        }
        for job in active
    ]
    old = {each["uid"]: each for each in status.get("active") or ()}
    new = {key: value for key, value in status.items() if key != "active"}
    if references:
        new["active"] = [old.get(each["uid"], each) for each in references]
    return new


def _zone(found: Object) -> tzinfo:
    name = spec_of(found).get("timeZone")
    return ZoneInfo(name) if name else UTC
