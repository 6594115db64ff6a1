"""Probes that ask the wrong thing: pods that work are never ready, or are killed again and again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from agents.evidence import Workload
from agents.evidence.paths import MISSING
from agents.evidence.pods import Trouble, messages
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, container_path, fields, hypothesis, in_container
from agents.minds.playbook.ports import listening, named_port
from stratus.domain.base import JsonObject

KINDS = (("readinessProbe", "Readiness"), ("livenessProbe", "Liveness"), ("startupProbe", "Startup"))
KILLING = frozenset({"livenessProbe", "startupProbe"})


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per failing probe of a workload's containers."""
    for workload, found in case.troubled:
        said = messages(case.evidence, workload, "Unhealthy")
        for container in workload.containers:
            trouble = next((t for t in found if t.container == container["name"]), None)
            for field, word in KINDS:
                failures = [m for m in said if m.startswith(f"{word} probe")]
                if trouble is None or not container.get(field) or not failures:
                    continue
                if trouble.running or field in KILLING:  # a process that ends by itself cannot be ready either
                    failing = {name for name, other in KINDS if any(m.startswith(f"{other} probe") for m in said)}
                    yield _hypothesis(case, workload, container, field, trouble, failures, failing)
        yield from _gates(case, workload, found)


def _gates(case: Case, workload: Workload, found: list[Trouble]) -> Iterator[Hypothesis]:
    """Readiness gates: every container is ready, and the pod waits for a condition that nobody sets."""
    waits = next((t for t in found if t.reason == "NotReady" and not t.container), None)
    gates = workload.pod_spec.get("readinessGates") or []
    if waits is None or not gates:
        return
    said = [
        f"{waits.pod_name}: {each.get('message', '')}"
        for each in (waits.pod.get("status") or {}).get("conditions") or []
        if each.get("type") == "Ready"
    ]
    names = ", ".join(str(gate.get("conditionType")) for gate in gates)
    reason = f"the pods of {workload.subject} wait for the condition {names}, which nobody sets"
    candidates = case.restorations(workload.obj, fields("readinessGates"), reason)
    step = fixes.set_field(workload.obj, (*workload.prefix, "spec", "readinessGates"), MISSING)
    candidates += [fixes.candidate(Origin.DERIVE, [step], reason, worth=0.8)] if step else []
    candidates += case.rollbacks(workload, reason)
    said += [change.sentence() for group in case.recent(workload.obj, fields("readinessGates"))[:1] for change in group]
    yield hypothesis(workload.subject, "probe", 0.92, reason, said, candidates)


def _hypothesis(
    case: Case, workload: Workload, container: JsonObject, field: str, trouble: Trouble, failures: list[str],
    failing: set[str],
) -> Hypothesis:  # fmt: skip
    name = str(container["name"])
    reason = f"the {field} of {workload.subject} fails"
    wanted = in_container(name, field)
    groups = case.recent(workload.obj, wanted)
    candidates = case.restorations(workload.obj, wanted, reason)
    candidates += _derived(case, workload, container, field, reason, failing)
    candidates += case.rollbacks(workload, reason)
    said = [f"{trouble.pod_name}: {failures[0]}", *(c.sentence() for group in groups[:1] for c in group)]
    if field in KILLING and trouble.restarts:
        said.append(f"the kubelet killed {name} {trouble.restarts} times for it")
    return hypothesis(workload.subject, "probe", _confidence(case, workload, container, field, groups, failures), reason,
                      said, candidates, family=f"{field} {container[field]}")  # fmt: skip


def _confidence(
    case: Case, workload: Workload, container: JsonObject, field: str, groups: list[Any], failures: list[str]
) -> float:
    """A probe is to blame when it was changed, or asks what nothing else says is there; else it only tells of a fault."""
    if groups:
        return 0.93
    port = probe_port(container, container[field])
    known = listening_for_sure(case, workload, container, field)
    strange = port is not None and bool(known) and port not in known
    if strange or re.search(r"statuscode: 40[45]", failures[0]):
        return 0.9
    answers = re.search(r"statuscode: 5\d\d", failures[0])
    return 0.35 if answers else 0.5


def listening_for_sure(case: Case, workload: Workload, container: JsonObject, field: str) -> set[int]:
    """Ports on which the container listens, as anything but the suspected probe says."""
    known = set(listening(case, workload))
    own = probe_port(container, container[field])
    declared = {int(p["containerPort"]) for p in container.get("ports") or []}
    return {port for port in known if port != own or port in declared}


def probe_port(container: JsonObject, probe: JsonObject) -> int | None:
    """The port that a probe asks."""
    handler = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc") or {}
    return named_port(container, handler.get("port"))


def _derived(
    case: Case, workload: Workload, container: JsonObject, field: str, reason: str, failing: set[str]
) -> list[Candidate]:
    """The other probes of the container, the port on which it listens, the siblings' path; last, no such probe."""
    found: list[Candidate] = []
    for probe, why in _better(case, workload, container, field, failing):
        step = fixes.set_field(workload.obj, container_path(workload, container, field), probe)
        if step is not None:
            found.append(fixes.candidate(Origin.DERIVE, [step], reason, [why], worth=1.0 - 0.08 * len(found)))
    step = fixes.set_field(workload.obj, container_path(workload, container, field), MISSING)
    why = "without this probe the container would run as its siblings do"
    found += [fixes.candidate(Origin.DERIVE, [step], reason, [why], worth=0.6)] if step else []
    return found


def _better(
    case: Case, workload: Workload, container: JsonObject, field: str, failing: set[str]
) -> Iterator[tuple[JsonObject, str]]:
    probe = container[field]
    others = [container[name] for name, _ in KINDS if name not in failing and container.get(name)]
    for other in others:
        handler = {k: v for k, v in other.items() if k in ("httpGet", "tcpSocket", "exec", "grpc")}
        rest = {k: v for k, v in probe.items() if k not in ("httpGet", "tcpSocket", "exec", "grpc")}
        if handler and handler != {k: probe[k] for k in handler if k in probe}:
            yield {**rest, **handler}, "another probe of the same container asks this"
    ports = listening_for_sure(case, workload, container, field)
    path = _usual_path(case, workload, field)
    web = probe.get("httpGet")
    for port in sorted(ports - {probe_port(container, probe)}):
        if web:
            yield {**probe, "httpGet": {**web, "port": port}}, f"the container listens on {port}"
            if path and path != web.get("path"):
                yield {**probe, "httpGet": {**web, "port": port, "path": path}}, f"siblings ask {path}"
        elif probe.get("tcpSocket"):
            yield {**probe, "tcpSocket": {**probe["tcpSocket"], "port": port}}, f"the container listens on {port}"
    if web and path and path != web.get("path"):
        yield {**probe, "httpGet": {**web, "path": path}}, f"the siblings' probes ask {path}"
    yield from _gentler(case, workload, field, probe)


def _gentler(case: Case, workload: Workload, field: str, probe: JsonObject) -> Iterator[tuple[JsonObject, str]]:
    """Times that are stricter than the siblings': a probe that is right but gives the process no time."""
    times = {"timeoutSeconds": 1, "periodSeconds": 10, "failureThreshold": 3, "initialDelaySeconds": 0}
    probes = [c[field] for w in case.siblings(workload) for c in w.containers if c.get(field)]
    usual = {key: max([default, *(int(p.get(key, default)) for p in probes)]) for key, default in times.items()}
    low = {key: value for key, value in usual.items() if int(probe.get(key, times[key])) < value}
    if low:
        words = ", ".join(f"{key} {value}" for key, value in low.items())
        yield {**probe, **low}, f"the siblings' probes are gentler: {words}"


def _usual_path(case: Case, workload: Workload, field: str) -> str:
    paths = Counter(
        str(probe["httpGet"]["path"])
        for other in case.siblings(workload)
        if other.ready_pods
        for container in other.containers
        for name, _ in KINDS
        if (probe := container.get(name)) and (probe.get("httpGet") or {}).get("path")
    )
    return paths.most_common(1)[0][0] if paths else ""
