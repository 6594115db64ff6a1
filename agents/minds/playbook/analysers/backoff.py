"""What a repaired fault leaves behind: pods in a long back-off, processes that slow down or leak; and bad strategies."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from agents.evidence import Workload
from agents.evidence.logs import failed_calls, missing_settings, severe
from agents.evidence.paths import MISSING
from agents.evidence.quantities import amount, cpu
from agents.evidence.topology import environment
from agents.minds.base import Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import ASKED, Case, container_path, fields, hypothesis
from stratus.domain.base import JsonObject

PLURAL = ("Deployment", "StatefulSet", "DaemonSet")
TIGHT = 4.0
"""A CPU limit this many times below the siblings' median stands out."""


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Waiting out a back-off, throttled processes, rollouts that take everything down, and the restart of last resort."""
    for workload in case.in_scope:
        if workload.kind in PLURAL:
            yield from _throttled(case, workload)
            yield from _strategy(case, workload)
    for workload, found in case.troubled:
        waiting = [t for t in found if t.restarts and not t.running and t.reason == "Crash"]
        if waiting and workload.kind in PLURAL and not _still_lacks(case, workload):
            yield _backing_off(case, workload)
    yield from _last_resort(case)


def _still_lacks(case: Case, workload: Workload) -> bool:
    """Whether its last words ask for a setting that it still does not have: starting it again changes nothing."""
    known = {name for c in workload.containers for name in environment(case.evidence, workload, c)}
    known |= {entry["name"] for c in workload.containers for entry in c.get("env") or []}
    lines = [line for pod in workload.failing_pods for line in case.evidence.log(pod)]
    return any(variable not in known for variable, _ in missing_settings(lines))


def _backing_off(case: Case, workload: Workload) -> Hypothesis:
    """The reason of the crash may be gone; the kubelet waits up to five minutes before it tries again."""
    lines = [line for pod in workload.failing_pods for line in case.evidence.log(pod)]
    calls = list(failed_calls(lines))
    dependency = any(
        case.topology.backends.get((workload.namespace, call.host.split(".")[0])) for call in calls
    )  # fmt: skip
    tried = any(r.outcome == "committed" for r in case.reflections)
    reason = f"{workload.subject} waits in a back-off from before"
    found = [fixes.candidate(Origin.RESTART, [fixes.restart(workload, case.evidence.at)], reason)]
    confidence = 0.75 if tried and dependency else 0.4 if tried or dependency else 0.15
    said = [f"{pod['metadata']['name']} is in CrashLoopBackOff" for pod in workload.failing_pods[:2]]
    return hypothesis(workload.subject, "unknown", confidence, reason, said, found)


def _throttled(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    for container in workload.containers:
        limit = amount(((container.get("resources") or {}).get("limits") or {}).get("cpu"))
        if not limit:
            continue
        usual = _usual_cpu(case, workload)
        wanted = fields("resources")
        groups = case.recent(workload.obj, wanted)
        tight = (usual and limit * TIGHT <= usual) or limit <= 0.05
        if not tight and not groups:
            continue
        reason = f"{workload.subject} is limited to {cpu(limit)} CPU"
        path = container_path(workload, container, "resources", "limits", "cpu")
        raised = fixes.set_field(workload.obj, path, cpu(max(usual, limit * 10)))
        lifted = fixes.set_field(workload.obj, path, MISSING)
        found = case.restorations(workload.obj, wanted, reason)
        found += [fixes.candidate(Origin.DERIVE, [raised], reason)] if raised else []
        found += [fixes.candidate(Origin.DERIVE, [lifted], reason, worth=0.8)] if lifted else []
        hurt = workload.subject in case.suffering or bool(case.evidence.found(workload.subject))
        said = [f"CPU limit {cpu(limit)}" + (f"; the siblings have about {cpu(usual)}" if usual else "")]
        confidence = (0.62 if tight else 0.5) if hurt else 0.15
        yield hypothesis(workload.subject, "resources", confidence, reason, said, found)


def _usual_cpu(case: Case, workload: Workload) -> float:
    limits = [
        amount(((c.get("resources") or {}).get("limits") or {}).get("cpu"))
        for other in case.siblings(workload)
        for c in other.containers
    ]
    known = [limit for limit in limits if limit]
    return median(known) if known else 0.0


def _strategy(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    """A rolling update that may take every replica at once: repaired together with the template that it rolled out."""
    rolling = ((workload.obj.get("spec") or {}).get("strategy") or {}).get("rollingUpdate") or {}
    reckless = str(rolling.get("maxUnavailable")) == "100%" or (
        isinstance(rolling.get("maxUnavailable"), int) and rolling["maxUnavailable"] >= max(2, workload.replicas)
    )
    if not reckless or not case.evidence.found(workload.subject):
        return

    def safe(obj: JsonObject) -> None:
        obj["spec"]["strategy"]["rollingUpdate"] = {"maxUnavailable": "25%", "maxSurge": "25%"}

    share = rolling["maxUnavailable"]
    reason = f"the rollout of {workload.subject} may take all its replicas down at once (maxUnavailable {share})"
    found = []
    for revision in workload.earlier()[:2]:

        def both(obj: JsonObject, template: JsonObject = revision.template) -> None:
            safe(obj)
            labels = dict((template.get("metadata") or {}).get("labels") or {})
            labels.pop("pod-template-hash", None)
            obj["spec"]["template"] = {**template, "metadata": {**(template.get("metadata") or {}), "labels": labels}}

        step = fixes.edit(workload.obj, both)
        said = [f"revision {revision.number} and a strategy that keeps most replicas"]
        found += [fixes.candidate(Origin.RESTORE, [step], reason, said)] if step else []
    alone = fixes.edit(workload.obj, safe)
    found += [fixes.candidate(Origin.DERIVE, [alone], reason, worth=0.7)] if alone else []
    said = [reason]
    confidence = 0.97 if workload.earlier() else 0.5
    yield hypothesis(workload.subject, "rollout-strategy", confidence, reason, said, found)


def _last_resort(case: Case) -> Iterator[Hypothesis]:
    """A restart at the end of the failing path, when its pods look healthy and yet requests fail: state is plausible."""
    if not _heard(case):
        return
    failing = {w.subject for w, _ in case.troubled}
    for subject, last in case.failing_path.items():
        workload = case.evidence.workload(subject)
        if last and workload is not None and workload.kind in PLURAL and subject not in failing:
            reason = f"{subject} looks healthy, but requests fail there: its state may be bad"
            found = [fixes.candidate(Origin.RESTART, [fixes.restart(workload, case.evidence.at)], reason)]
            yield hypothesis(subject, "unknown", 0.2, reason, [reason], found)


def _heard(case: Case) -> bool:
    """Whether requests fail for a fact. An alert alone is hearsay: it may stand for another namespace, or for the past."""
    if any(f.reason in ASKED and not f.reason.startswith("Alert") for f in case.evidence.findings):
        return True
    workloads = [case.evidence.workload(subject) for subject in case.failing_path]
    pods = [pod for workload in workloads if workload for pod in workload.pods]
    return any(severe(case.evidence.log(pod, fresh=True)) for pod in pods)
