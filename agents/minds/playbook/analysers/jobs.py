"""Jobs that never end or keep failing: a sidecar that outlives the work, leftovers of an earlier template."""

from __future__ import annotations

from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.paths import MISSING
from agents.evidence.pods import children
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, fields, hypothesis
from stratus.domain.base import JsonObject
from stratus.domain.steps import Step

NATIVE_SIDECARS = (1, 29)
"""The first Kubernetes version in which an init container with restartPolicy Always is a sidecar by default."""


def analyse(case: Case) -> Iterator[Hypothesis]:
    """CronJobs whose Jobs pile up or fail; Jobs of their own that failed."""
    for workload in case.in_scope:
        if workload.kind == "Job" and "Failed" in ended_as(workload.obj):
            yield _failed(case, workload)
        if workload.kind == "CronJob":
            yield from _sidecar(case, workload)
            yield from _failing(case, workload)


def _failed(case: Case, workload: Workload) -> Hypothesis:
    """What a failed Job has done already is not known: whether to run it again is for a person to say."""
    conditions = (workload.obj.get("status") or {}).get("conditions") or []
    said = [str(c.get("message", "")) for c in conditions if c.get("type") == "Failed"]
    said += [f"log: {line}" for pod in workload.pods[-1:] for line in case.evidence.log(pod)[-2:]]
    return hypothesis(workload.subject, "jobs", 0.7, f"{workload.subject} failed", said, [])


def unfinished(case: Case, workload: Workload) -> list[JsonObject]:
    """Jobs of a CronJob that are neither complete nor failed."""
    return [job for job in children(case.evidence, workload) if not ended_as(job) & {"Complete", "Failed"}]


def ended_as(job: JsonObject) -> set[str]:
    """The conditions of a Job that are true."""
    conditions = (job.get("status") or {}).get("conditions") or []
    return {str(c.get("type")) for c in conditions if c.get("status") == "True"}


def _sidecar(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    ended, running = set(), set()
    for pod in workload.pods:
        states = (pod.get("status") or {}).get("containerStatuses") or []
        done = {s["name"] for s in states if ((s.get("state") or {}).get("terminated") or {}).get("exitCode") == 0}
        alive = {s["name"] for s in states if "running" in (s.get("state") or {})}
        if done and alive:
            ended |= done
            running |= alive
    stale = unfinished(case, workload)
    if not running or not ended:
        return
    names = ", ".join(sorted(running))
    reason = f"{workload.subject}: {names} runs on after the work is done, so no Job ever completes"
    clean: list[Step] = [fixes.delete(job) for job in stale[:15]]
    candidates = case.restorations(workload.obj, fields("containers", "initContainers"), reason, extra=clean)
    candidates += _native(case, workload, running, clean, reason)
    said = [f"{len(stale)} unfinished Jobs", f"{', '.join(sorted(ended))} ended, {names} still runs"]
    yield hypothesis(workload.subject, "jobs", 0.92, reason, said, candidates)


def _native(case: Case, workload: Workload, running: set[str], clean: list[Step], reason: str) -> Iterator[Candidate]:
    """The sidecar as a native one where the server knows it; else a deadline for the whole Job."""

    def moved(obj: JsonObject) -> None:
        spec = Workload(obj).pod_spec
        sidecars = [{**c, "restartPolicy": "Always"} for c in spec["containers"] if c["name"] in running]
        spec["containers"] = [c for c in spec["containers"] if c["name"] not in running]
        spec["initContainers"] = [*(spec.get("initContainers") or []), *sidecars]

    if case.evidence.version >= NATIVE_SIDECARS or case.evidence.version == (0, 0):
        step = fixes.edit(workload.obj, moved)
        said = [f"{', '.join(sorted(running))} becomes a native sidecar and ends with the work"]
        yield from ([fixes.candidate(Origin.DERIVE, [step, *clean], reason, said)] if step else [])
    deadline = fixes.set_field(workload.obj, ("spec", "jobTemplate", "spec", "activeDeadlineSeconds"), 300)
    said = ["each Job ends after 300 s at the latest"]
    yield from ([fixes.candidate(Origin.DERIVE, [deadline, *clean], reason, said, worth=0.5)] if deadline else [])


def _failing(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    """Jobs that fail: the template as it was, and the leftovers cleaned away."""
    failed = [job for job in children(case.evidence, workload) if "Failed" in ended_as(job)]
    if not failed:
        return
    reason = f"{workload.subject}: its Jobs fail"
    clean: list[Step] = [fixes.delete(job) for job in failed[:15]]
    candidates = case.restorations(workload.obj, fields("jobTemplate"), reason, extra=clean)
    suspended = (workload.obj.get("spec") or {}).get("suspend")
    if suspended:
        step = fixes.set_field(workload.obj, ("spec", "suspend"), MISSING)
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    said = [f"{len(failed)} failed Jobs"]
    yield hypothesis(workload.subject, "jobs", 0.5, reason, said, candidates)
