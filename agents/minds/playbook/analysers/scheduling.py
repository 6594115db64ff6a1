"""Pods that no node takes: the scheduler says why."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from statistics import median
from typing import Any

from agents.evidence import Workload
from agents.evidence.paths import MISSING, At, read
from agents.evidence.pods import REJECTED, Trouble, messages
from agents.evidence.quantities import amount, cpu, memory
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, container_path, fields, hypothesis
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

CONDITION_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
"""Taints that the control plane sets itself because of a node's condition: never removed, never tolerated."""


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per workload and per reason that the scheduler gives."""
    for workload, found in case.troubled:
        yield from _bound(case, workload, found)
        pending = next((t for t in found if t.reason in ("Unschedulable", "NotScheduled", "SchedulerError")), None)
        if pending is None:
            continue
        told = " ".join(messages(case.evidence, workload, "FailedScheduling")[:2])
        words = pending.message or told
        if pending.reason == "NotScheduled" and not told:
            yield _scheduler(case, workload, pending)
            continue
        for judge in (_placement, _affinity, _taints, _amounts, _host_ports, _cordoned):
            yield from judge(case, workload, pending, words)


def _bound(case: Case, workload: Workload, found: list[Trouble]) -> Iterator[Hypothesis]:
    """A template that names its node itself, past the scheduler, and a node that is not there or turns the pods away."""
    name = str(workload.pod_spec.get("nodeName") or "")
    turned_away = next((t for t in found if t.reason == REJECTED), None)
    if not name or (case.evidence.get("Node", "", name) is not None and turned_away is None):
        return
    words = turned_away.message if turned_away else "there is no such node"
    reason = f"{workload.subject} is bound to the node {name}: {words}"
    step = fixes.set_field(workload.obj, (*workload.prefix, "spec", "nodeName"), MISSING)
    derived = [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    yield _judged(case, workload, found[0], words, reason, ("nodeName",), derived)


def _judged(
    case: Case, workload: Workload, trouble: Trouble, words: str, summary: str, names: Iterable[str],
    derived: Iterable[Candidate | None], *, fault_class: str = "scheduling", confidence: float = 0.92,
    valid: Callable[[JsonObject], bool] = lambda restored: True,
) -> Hypothesis:  # fmt: skip
    candidates: list[Candidate | None] = case.restorations(workload.obj, fields(*names), summary, valid=valid)  # type: ignore[assignment]
    candidates += derived
    candidates += case.rollbacks(workload, summary)
    said = [f"{trouble.pod_name} is not scheduled: {words}"]
    said += [change.sentence() for group in case.recent(workload.obj, fields(*names))[:1] for change in group]
    return hypothesis(
        workload.subject, fault_class, confidence, summary, said, candidates, family=summary.partition(" ")[2]
    )


def _placement(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """A nodeSelector that no node satisfies."""
    selector = workload.pod_spec.get("nodeSelector") or {}
    nodes = [dict(n["metadata"].get("labels") or {}) for n in case.evidence.of("Node")]
    wrong = {k: v for k, v in selector.items() if not any(labels.get(k) == v for labels in nodes)}
    if not wrong and not re.search(r"node selector|node affinity/selector", words, re.IGNORECASE):
        return
    if not selector:
        return
    path = (*workload.prefix, "spec", "nodeSelector")
    kept = {k: v for k, v in selector.items() if k not in wrong} if wrong else {}
    step = fixes.set_field(workload.obj, path, kept or MISSING)
    pairs = ", ".join(f"{k}={v}" for k, v in (wrong or selector).items())
    said = [f"no node is labelled {pairs}"]
    derived = [fixes.candidate(Origin.DERIVE, [step], f"no node is labelled {pairs}", said)] if step else []
    yield _judged(
        case, workload, trouble, words, f"{workload.subject} wants nodes labelled {pairs}; there are none",
        ("nodeSelector",), derived, valid=lambda restored: _some_node(nodes, Workload(restored)),
    )  # fmt: skip


def _some_node(nodes: list[dict[str, str]], workload: Workload) -> bool:
    selector = workload.pod_spec.get("nodeSelector") or {}
    return any(all(labels.get(k) == v for k, v in selector.items()) for labels in nodes)


def _affinity(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """Required affinity, anti-affinity or spreading that cannot be satisfied."""
    affinity = workload.pod_spec.get("affinity") or {}
    constraints = workload.pod_spec.get("topologySpreadConstraints") or []
    spread = [s for s in constraints if s.get("whenUnsatisfiable") != "ScheduleAnyway"]
    if (not affinity and not spread) or not re.search(r"affinity|topology spread", words, re.IGNORECASE):
        return
    derived: list[Candidate | None] = []
    for name in ("nodeAffinity", "podAffinity", "podAntiAffinity"):
        if "requiredDuringSchedulingIgnoredDuringExecution" in (affinity.get(name) or {}):
            path = (*workload.prefix, "spec", "affinity", name, "requiredDuringSchedulingIgnoredDuringExecution")
            step = fixes.set_field(workload.obj, path, MISSING)
            reason = f"the required {name} of {workload.subject} fits no node"
            derived.append(fixes.candidate(Origin.DERIVE, [step], reason) if step else None)
    if spread:
        step = fixes.set_field(workload.obj, (*workload.prefix, "spec", "topologySpreadConstraints"), MISSING)
        derived.append(
            fixes.candidate(Origin.DERIVE, [step], "no node satisfies the topology spread") if step else None
        )
    yield _judged(
        case, workload, trouble, words, f"{workload.subject} demands a placement that no node offers",
        ("affinity", "topologySpreadConstraints"), derived,
    )  # fmt: skip


def _taints(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """Taints that the pods do not tolerate: the newer of the two, taint or toleration, is the mistake."""
    if "taint" not in words:
        return
    tolerations = workload.pod_spec.get("tolerations") or []
    nodes = case.evidence.of("Node")
    barred = [(n, t) for n in nodes for t in untolerated(n, tolerations) if not t["key"].startswith(CONDITION_TAINTS)]
    if not barred:
        return
    keys = sorted({t["key"] for _, t in barred})
    steps = [s for n in nodes if (s := _untaint(n, keys)) is not None]
    reason = f"nodes are tainted {', '.join(keys)}; {workload.subject} does not tolerate that"
    command = (
        f"kubectl taint nodes {' '.join(n['metadata']['name'] for n in nodes[:5])} {' '.join(f'{k}-' for k in keys)}"
    )
    taint = barred[0][1]
    tolerate = {"key": taint["key"], "operator": "Equal", "value": taint.get("value", ""), "effect": taint["effect"]}
    if not tolerate["value"]:
        tolerate = {"key": taint["key"], "operator": "Exists", "effect": taint["effect"]}
    step = fixes.set_field(workload.obj, (*workload.prefix, "spec", "tolerations"), [*tolerations, tolerate])
    peers = [
        w for w in case.siblings(workload) if any(t.get("key") in keys for t in w.pod_spec.get("tolerations") or [])
    ]
    derived = [
        fixes.candidate(Origin.DERIVE, steps, reason, worth=0.8 if peers else 1.0, command=command) if steps else None,
        fixes.candidate(Origin.DERIVE, [step], reason, worth=1.0 if peers else 0.9) if step else None,
    ]

    def tolerates(restored: JsonObject) -> bool:
        own = Workload(restored).pod_spec.get("tolerations") or []
        return any(not untolerated(node, own) for node in nodes)

    yield _judged(case, workload, trouble, words, reason, ("tolerations",), derived, valid=tolerates)


def untolerated(node: JsonObject, tolerations: Iterable[JsonObject]) -> list[JsonObject]:
    """The scheduling taints of a node that none of the tolerations covers."""
    taints = [t for t in (node.get("spec") or {}).get("taints") or [] if t.get("effect") in ("NoSchedule", "NoExecute")]
    return [t for t in taints if not any(_covers(toleration, t) for toleration in tolerations)]


def _covers(toleration: JsonObject, taint: JsonObject) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def _untaint(node: JsonObject, keys: list[str]) -> Any:
    taints = (node.get("spec") or {}).get("taints") or []
    kept = [t for t in taints if t["key"] not in keys]
    return fixes.set_field(node, ("spec", "taints"), kept or MISSING) if len(kept) < len(taints) else None


def _amounts(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """Requests larger than any node, or than what is left."""
    for resource in dict.fromkeys(re.findall(r"Insufficient ([a-z][-\w./]*\w)", words)):
        derived: list[Candidate | None] = []
        largest = max((amount(n["status"]["allocatable"].get(resource)) for n in case.evidence.of("Node")), default=0.0)
        if resource not in ("cpu", "memory"):
            derived.append(_without(workload, resource))
        for container in workload.containers:
            asked = (container.get("resources") or {}).get("requests", {}).get(resource)
            if not asked or resource not in ("cpu", "memory"):
                continue
            usual = _usual(case, workload, resource)
            if amount(asked) > usual:
                derived.append(_smaller(workload, container, resource, usual))
        reason = (
            f"{workload.subject} requests more {resource} than any node has free (largest: {_text(resource, largest)})"
        )
        yield _judged(
            case, workload, trouble, words, reason, ("resources", "replicas"), derived, fault_class="resources"
        )


def _without(workload: Workload, resource: str) -> Candidate | None:
    """Without a resource of which no node has enough: a device, or local storage."""

    def unasked(obj: JsonObject) -> None:
        for container in Workload(obj).containers:
            for bounds in (container.get("resources") or {}).values():
                bounds.pop(resource, None)

    step = fixes.edit(workload.obj, unasked)
    reason = f"no node has the {resource} that {workload.subject} asks for"
    return fixes.candidate(Origin.DERIVE, [step], reason, worth=0.8) if step else None


def _usual(case: Case, workload: Workload, resource: str) -> float:
    sizes = [
        amount((c.get("resources") or {}).get("requests", {}).get(resource))
        for other in case.siblings(workload)
        for c in other.containers
    ]
    known = [size for size in sizes if size]
    return median(known) if known else (0.1 if resource == "cpu" else 64 * 2.0**20)


def _smaller(workload: Workload, container: JsonObject, resource: str, size: float) -> Candidate | None:
    text = _text(resource, size)
    path = container_path(workload, container, "resources", "requests", resource)
    step = fixes.set_field(workload.obj, path, text)
    reason = f"the other workloads request about {text} {resource}"
    return fixes.candidate(Origin.DERIVE, [step], reason) if step else None


def _text(resource: str, size: float) -> str:
    known = {"cpu": cpu, "memory": memory}
    return known[resource](size) if resource in known else f"{size:g}"


def _host_ports(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """A port of the node that is taken."""
    if "free ports" not in words:
        return
    derived: list[Candidate | None] = []
    for container in workload.containers:
        taken = [p for p in container.get("ports") or [] if p.get("hostPort")]

        def without(wanted: JsonObject, name: str = container["name"], path: Any = workload.prefix) -> None:
            for port in read(wanted, (*path, "spec", "containers", At("name", name), "ports")):
                port.pop("hostPort", None)

        step = fixes.edit(workload.obj, without) if taken else None
        numbers = ", ".join(str(p["hostPort"]) for p in taken)
        reason = f"hostPort {numbers} of {container['name']} is taken on every node"
        derived.append(fixes.candidate(Origin.DERIVE, [step], reason) if step else None)
    summary = f"{workload.subject} asks for a port of the node that is taken"
    yield _judged(case, workload, trouble, words, summary, ("hostPort", "hostNetwork"), derived)


def _cordoned(case: Case, workload: Workload, trouble: Trouble, words: str) -> Iterator[Hypothesis]:
    """Nodes that somebody closed for scheduling."""
    closed = [n for n in case.evidence.of("Node") if (n.get("spec") or {}).get("unschedulable")]
    if not closed or "unschedulable" not in words:
        return
    for node in closed[:5]:
        name = node["metadata"]["name"]
        step = fixes.set_field(node, ("spec", "unschedulable"), MISSING)
        reason = f"node {name} is cordoned, and {workload.subject} has no other place"
        command = f"kubectl uncordon {name}"
        found = [fixes.candidate(Origin.DERIVE, [step], reason, command=command)] if step else []
        said = [f"{trouble.pod_name} is not scheduled: {words}"]
        subject = Subject(kind="Node", name=name)
        yield hypothesis(subject, "scheduling", 0.85, reason, said, found, affects=[workload.subject])


def _scheduler(case: Case, workload: Workload, trouble: Trouble) -> Hypothesis:
    """A scheduler that does not exist."""
    name = str(workload.pod_spec.get("schedulerName", ""))
    path = (*workload.prefix, "spec", "schedulerName")
    step = fixes.set_field(workload.obj, path, "default-scheduler") if name != "default-scheduler" else None
    reason = f"{workload.subject} asks for the scheduler {name}, which takes no pod"
    derived = [fixes.candidate(Origin.DERIVE, [step], reason) if step else None]
    confidence = 0.85 if step else 0.2
    return _judged(case, workload, trouble, "no event", reason, ("schedulerName",), derived, confidence=confidence)
