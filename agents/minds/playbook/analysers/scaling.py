"""Workloads that somebody scaled away, paused, or that an autoscaler cannot judge."""

from __future__ import annotations

from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.paths import MISSING, At
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, hypothesis, nearest
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

USUAL_CPU_REQUEST = "100m"
"""What a container gets as CPU request when nothing in the namespace says what is usual."""


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Scaled to zero with callers waiting; paused rollouts; autoscalers without a metric or a target."""
    for workload in case.in_scope:
        if workload.kind in ("Deployment", "StatefulSet"):
            if workload.replicas == 0:
                yield from _scaled_to_zero(case, workload)
            if (workload.obj.get("spec") or {}).get("paused"):
                yield _paused(case, workload)
    for autoscaler in case.evidence.of("HorizontalPodAutoscaler"):
        yield from _autoscaler(case, autoscaler)


def _scaled_to_zero(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    callers = case.topology.upstream(workload.subject) - {workload.subject}
    known = [c for group in case.recent(workload.obj, lambda c: c.path == ("spec", "replicas")) for c in group]
    earlier = [int(change.before) for change in known if isinstance(change.before, int) and change.before > 0]
    if not (callers or earlier or case.evidence.found(workload.subject)):
        return
    minimum = [int((h.get("spec") or {}).get("minReplicas") or 1) for h in _autoscalers(case, workload)]
    choices = [(Origin.RESTORE, n) for n in earlier] + [
        (Origin.DERIVE, n) for n in [*minimum, *_old_counts(case, workload), 1]
    ]
    reason = f"{workload.subject} is scaled to 0 while others call it"
    candidates = [
        fixes.candidate(origin, [fixes.scale(workload, count)], reason, worth=1.0 - 0.05 * index)
        for index, (origin, count) in enumerate(_first_of_each(choices))
    ]
    said = [f"{workload.subject} has spec.replicas 0", *(change.sentence() for change in known[:2])]
    services = sorted(str(s) for s in callers if s.kind != "Service")
    said += [f"called by {', '.join(services)}"] if services else []
    confidence = 0.93 if case.evidence.found(workload.subject) or workload.subject in case.suffering else 0.4
    summary = f"{workload.subject} is scaled to zero"
    together = "scaled to zero" if confidence > 0.9 else ""
    yield hypothesis(workload.subject, "scaling", confidence, summary, said, candidates, family=together)


def _first_of_each(choices: list[tuple[Origin, int]]) -> list[tuple[Origin, int]]:
    seen: dict[int, Origin] = {}
    for origin, count in choices:
        seen.setdefault(count, origin)
    return [(origin, count) for count, origin in seen.items()]


def _old_counts(case: Case, workload: Workload) -> list[int]:
    """Replica counts that ReplicaSets of the workload were once told to reach."""
    found = []
    for owned in case.evidence.of("ReplicaSet", workload.namespace):
        owners = owned["metadata"].get("ownerReferences") or []
        if any(owner.get("uid") == workload.obj["metadata"].get("uid") for owner in owners):
            count = (owned["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/desired-replicas", "0")
            found += [int(count)] if count.isdigit() and int(count) > 0 else []
    return found


def _paused(case: Case, workload: Workload) -> Hypothesis:
    step = fixes.set_field(workload.obj, ("spec", "paused"), MISSING)
    command = f"kubectl -n {workload.namespace} rollout resume {workload.subject}"
    reason = f"{workload.subject} is paused: no change of its template reaches its pods"
    candidates = [fixes.candidate(Origin.DERIVE, [step], reason, command=command)] if step else []
    confidence = 0.55 if case.evidence.found(workload.subject) else 0.15
    return hypothesis(workload.subject, "rollout-strategy", confidence, reason, ["spec.paused is true"], candidates)


def _autoscalers(case: Case, workload: Workload) -> list[JsonObject]:
    return [
        h
        for h in case.evidence.of("HorizontalPodAutoscaler", workload.namespace)
        if ((h.get("spec") or {}).get("scaleTargetRef") or {}).get("name") == workload.name
    ]


def _autoscaler(case: Case, autoscaler: JsonObject) -> Iterator[Hypothesis]:
    meta, target = autoscaler["metadata"], (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    subject = Subject(kind="HorizontalPodAutoscaler", namespace=meta.get("namespace", ""), name=meta["name"])
    aims = Subject(kind=target.get("kind", ""), namespace=subject.namespace, name=target.get("name", ""))
    workload = case.evidence.workload(aims)
    if workload is None:
        yield _lost_target(case, autoscaler, subject, aims)
        return
    words = [str(c.get("message", "")) for c in _conditions(autoscaler) if c.get("status") == "False"]
    metrics = str(
        (autoscaler.get("spec") or {}).get("metrics") or autoscaler["spec"].get("targetCPUUtilizationPercentage", "")
    )
    resource = "memory" if "memory" in metrics and "cpu" not in metrics else "cpu"
    bare = [c for c in workload.containers if resource not in ((c.get("resources") or {}).get("requests") or {})]
    if not bare or not metrics:
        if case.evidence.found(subject):
            reason = f"{subject} gets no metrics for {workload.subject}"
            yield hypothesis(subject, "autoscaling", 0.7, reason, [reason, *words], [])
        return
    told = any("missing request" in word for word in words)
    reason = f"{subject} cannot compute: {workload.subject} has no {resource} request"
    candidates = case.restorations(workload.obj, lambda c: c.under("resources"), reason)
    candidates += [_request(case, workload, bare, resource, reason)]
    said = [*words, f"container {bare[0]['name']} has no {resource} request"]
    yield hypothesis(workload.subject, "autoscaling", 0.9 if told else 0.5, reason, said, candidates, affects=[subject])


def _request(case: Case, workload: Workload, bare: list[JsonObject], resource: str, reason: str) -> Candidate:
    usual = [
        str(c["resources"]["requests"][resource])
        for other in case.siblings(workload)
        for c in other.containers
        if resource in ((c.get("resources") or {}).get("requests") or {})
    ]
    value = max(set(usual), key=usual.count) if usual else (USUAL_CPU_REQUEST if resource == "cpu" else "64Mi")
    steps = [
        fixes.set_field(
            workload.obj,
            (*workload.prefix, "spec", "containers", At("name", c["name"]), "resources", "requests", resource),
            value,
        )
        for c in bare
    ]
    said = [f"{value} is what the other workloads of {workload.namespace} request"] if usual else []
    return fixes.candidate(Origin.DERIVE, [s for s in steps[:1] if s], reason, said)


def _lost_target(case: Case, autoscaler: JsonObject, subject: Subject, aims: Subject) -> Hypothesis:
    reason = f"{subject} scales {aims}, which does not exist"
    candidates = case.restorations(autoscaler, lambda c: c.under("scaleTargetRef"), reason)
    close = nearest(aims.name, [w.name for w in case.evidence.workloads if w.namespace == subject.namespace], 0.5)
    step = fixes.set_field(autoscaler, ("spec", "scaleTargetRef", "name"), close) if close else None
    candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    confidence = 0.8 if case.evidence.found(subject) else 0.3
    return hypothesis(subject, "autoscaling", confidence, reason, [reason], candidates)


def _conditions(obj: JsonObject) -> list[JsonObject]:
    found = (obj.get("status") or {}).get("conditions") or []
    return [c for c in found if isinstance(c, dict)]
