"""Services that lead nowhere: missing, selecting nothing, or sending to a port on which nobody listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.evidence import Workload
from agents.evidence.logs import failed_calls
from agents.evidence.paths import At
from agents.evidence.topology import Reference
from agents.evidence.workload import selects
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, fields, hypothesis, nearest, subject_of
from agents.minds.playbook.ports import listening, resolved_port, surely_listening
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

SERVING = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod")


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Every Service that somebody calls, and every name that is called and is no Service."""
    yield from _missing(case)
    for service in case.evidence.of("Service"):
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName" or not spec.get("selector"):
            continue
        chosen = [w for w in _near(case, service) if selects(spec["selector"], w.labels)]
        if not chosen:
            yield from _selects_nothing(case, service)
            continue
        yield from _steals(case, service, chosen)
        yield from _ports(case, service, chosen)


def _near(case: Case, service: JsonObject) -> list[Workload]:
    namespace = service["metadata"].get("namespace", "")
    return [w for w in case.evidence.workloads if w.namespace == namespace and w.kind in SERVING]


# --- missing ----------------------------------------------------------------------------------------------------------


def _missing(case: Case) -> Iterator[Hypothesis]:
    wanted: dict[tuple[str, str], list[Reference]] = {}
    for reference in case.topology.references:
        if case.evidence.get("Service", reference.namespace, reference.service) is None:
            wanted.setdefault((reference.namespace, reference.service), []).append(reference)
    for (namespace, name), references in wanted.items():
        backend = _named(case, namespace, name)
        if backend is not None:
            yield _create(case, namespace, name, references, backend)


def _named(case: Case, namespace: str, name: str) -> Workload | None:
    """The workload that a missing Service of this name would stand for."""
    near = [w for w in case.evidence.workloads if w.namespace == namespace and w.kind in SERVING]
    exact = [w for w in near if w.name == name or name in w.labels.values()]
    return exact[0] if exact else None


def _create(case: Case, namespace: str, name: str, references: list[Reference], backend: Workload) -> Hypothesis:
    subject = Subject(kind="Service", namespace=namespace, name=name)
    callers = sorted({str(r.caller) for r in references})
    reason = f"{', '.join(callers)} call {name}, but there is no such Service"
    manifest = _manifest(case, namespace, name, references, backend)
    candidates = [fixes.candidate(Origin.DERIVE, [fixes.create(manifest)], reason)] if manifest else []
    said = [f"{r.caller} names {r.host}{f':{r.port}' if r.port else ''} in {r.where}" for r in references[:3]]
    said += [f"{backend.subject} runs and bears the name"]
    affects = {r.caller for r in references}
    return hypothesis(
        subject, "service-networking", 0.93, f"the Service {name} is missing", said, candidates, affects=affects
    )


def _manifest(
    case: Case, namespace: str, name: str, references: list[Reference], backend: Workload
) -> JsonObject | None:
    """A Service as the callers and the pods need it: the ports that are called, sent to those on which the pods listen."""
    listens = list(listening(case, backend))
    called = sorted({r.port for r in references if r.port})
    if not listens and not called:
        return None
    ports: list[JsonObject] = []
    for port in called or listens:
        target = port if port in listens or not listens else listens[min(len(ports), len(listens) - 1)]
        ports.append({"name": f"port-{port}" if len(called) > 1 else "http", "port": port, "targetPort": target})
    labels = backend.labels
    match = (backend.obj.get("spec") or {}).get("selector", {})
    selector = match.get("matchLabels") or labels
    meta = {"name": name, "namespace": namespace, "labels": dict(backend.obj["metadata"].get("labels") or {})}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": dict(selector), "ports": ports},
    }


# --- selector ---------------------------------------------------------------------------------------------------------


def _selects_nothing(case: Case, service: JsonObject) -> Iterator[Hypothesis]:
    selector = service["spec"]["selector"]
    subject = subject_of(service)
    pairs = ",".join(f"{k}={v}" for k, v in selector.items())
    reason = f"{subject} selects {pairs}: no pod carries these labels"
    target = _meant(case, service)
    candidates = case.restorations(service, fields("selector"), reason)
    if target is not None:
        candidates += _labels_back(case, target, selector, reason)
        wanted = _selector_for(selector, target)
        step = fixes.edit(service, lambda s: s["spec"].update(selector=wanted))
        said = [f"the pods of {target.subject} carry {','.join(f'{k}={v}' for k, v in wanted.items())}"]
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason, said)] if step else []
    said = [reason, *said_of(case, service)]
    for group in case.recent(service, fields("selector"))[:1]:
        said += [change.sentence() for change in group]
    used = bool(case.topology.callers(subject)) or bool(case.evidence.found(subject))
    affects = [target.subject] if target is not None and case.evidence.found(target.subject) else []
    if target is None:
        reason += ", and no workload bears its name"
    empty = any(f.reason == "NoReadyEndpoints" for f in case.evidence.found(subject))
    confidence = (0.94 if target is not None else 0.9 if empty else 0.6) if used else 0.3
    yield hypothesis(subject, "service-networking", confidence, reason, said, candidates, affects=affects,
                     family=f"selector {sorted(set(selector) - {'app', 'name'})}" if len(selector) > 1 else "")  # fmt: skip


def _meant(case: Case, service: JsonObject) -> Workload | None:
    """The workload that a Service with a wrong selector is for: its namesake, else the one that agrees with most of it."""
    name, selector = service["metadata"]["name"], service["spec"]["selector"]
    near = _near(case, service)
    taken = [
        w for w in near
        for other in case.evidence.of("Service", service["metadata"].get("namespace", ""))
        if other is not service and selects((other.get("spec") or {}).get("selector"), w.labels)
    ]  # fmt: skip
    namesake = [w for w in near if w.name == name]
    agreeing = sorted(
        (w for w in near if any(w.labels.get(k) == v for k, v in selector.items())),
        key=lambda w: -sum(w.labels.get(k) == v for k, v in selector.items()),
    )
    free = [w for w in near if w not in taken]
    close = [w for w in free if w.name == nearest(name, [f.name for f in free], 0.6)]
    return next(iter([*namesake, *agreeing, *close]), None)


def _selector_for(selector: dict[str, str], target: Workload) -> dict[str, str]:
    """The selector with what the pods do not carry corrected or dropped."""
    kept = {k: target.labels[k] for k in selector if k in target.labels}
    match = ((target.obj.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    return kept or dict(match) or dict(target.labels)


def _labels_back(case: Case, target: Workload, selector: dict[str, str], reason: str) -> list[Candidate]:
    """The pods lost the label that the Service selects by: give it back to them."""

    def wanted(change: Any) -> bool:
        return change.under("labels") and any(part in selector for part in change.path)

    return case.restorations(target.obj, wanted, reason)


def _steals(case: Case, service: JsonObject, chosen: list[Workload]) -> Iterator[Hypothesis]:
    """The selector leads to another workload than the one that bears the Service's name."""
    name, subject = service["metadata"]["name"], subject_of(service)
    namesake = [w for w in _near(case, service) if w.name == name]
    if not namesake or namesake[0] in chosen:
        return
    reason = f"{subject} sends to {chosen[0].subject} instead of {namesake[0].subject}"
    candidates = case.restorations(service, fields("selector"), reason)
    wanted = _selector_for(service["spec"]["selector"], namesake[0])
    step = fixes.edit(service, lambda s: s["spec"].update(selector=wanted))
    candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    confidence = 0.85 if subject in case.suffering or said_of(case, service) else 0.4
    yield hypothesis(subject, "service-networking", confidence, reason, [reason, *said_of(case, service)], candidates)


# --- ports ------------------------------------------------------------------------------------------------------------


def _ports(case: Case, service: JsonObject, chosen: list[Workload]) -> Iterator[Hypothesis]:
    target = chosen[0]
    silent = any(f.reason == "DoesNotAnswer" for f in case.evidence.found(subject_of(service)))
    known = surely_listening if silent else listening
    listens = {port: why for w in chosen for port, why in known(case, w).items()}
    for port in service["spec"].get("ports") or []:
        resolved = resolved_port(target, port)
        if listens and resolved not in listens:
            yield _target_port(case, service, target, port, listens)
    yield from _called_port(case, service, target)


def _target_port(
    case: Case, service: JsonObject, target: Workload, port: JsonObject, listens: dict[int, str]
) -> Hypothesis:
    subject, aim = subject_of(service), port.get("targetPort", port["port"])
    best = _best(port, listens)
    reason = f"{subject} sends port {port['port']} to {aim}, but {target.subject} listens on {best}"
    candidates = case.restorations(service, fields("targetPort", "ports"), reason)
    path = ("spec", "ports", At("port", port["port"]), "targetPort")
    for index, number in enumerate([best, *(n for n in listens if n != best)][:3]):
        step = fixes.set_field(service, path, number)
        said = [f"{target.subject} listens on {number}: {listens[number]}"]
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=1.0 - 0.15 * index)] if step else []
    said = [reason, f"{target.subject} listens on {best}: {listens[best]}", *said_of(case, service)]
    for group in case.recent(service, fields("targetPort", "ports"))[:1]:
        said += [change.sentence() for change in group]
    hurt = subject in case.suffering or bool(case.evidence.found(subject)) or bool(said_of(case, service))
    confidence = 0.94 if hurt else 0.45
    return hypothesis(subject, "service-networking", confidence, reason, said, candidates)


def _best(port: JsonObject, listens: dict[int, str]) -> int:
    """The listening port that the Service most probably means: its own number, else the best known one."""
    return int(port["port"]) if port["port"] in listens else next(iter(listens))


def _called_port(case: Case, service: JsonObject, target: Workload) -> Iterator[Hypothesis]:
    """Callers use a port that the Service does not have."""
    subject = subject_of(service)
    offered = {int(p["port"]) for p in service["spec"].get("ports") or []}
    asked: dict[int, list[Reference]] = {}
    for r in case.topology.references:
        if (r.namespace, r.service) == (subject.namespace, subject.name) and r.port:
            asked.setdefault(r.port, []).append(r)
    strangers = {port: found for port, found in asked.items() if port not in offered}
    if not strangers or offered & set(asked):
        return  # some callers reach it: the others are wrong, not the Service
    port, found = next(iter(strangers.items()))
    reason = (
        f"{found[0].caller} calls {subject.name}:{port}, but {subject} offers {', '.join(map(str, sorted(offered)))}"
    )
    candidates = case.restorations(service, fields("ports"), reason)
    first = service["spec"]["ports"][0]
    step = fixes.set_field(service, ("spec", "ports", 0, "port"), port) if first else None
    listens = listening(case, target)
    worth = 1.0 if port in listens else 0.7
    candidates += [fixes.candidate(Origin.DERIVE, [step], reason, worth=worth)] if step else []
    said = [f"{r.caller} names {r.host}:{r.port} in {r.where}" for r in found[:3]]
    affects = {r.caller for r in found}
    # pods that listen where they are called speak against the Service, pods that listen where it leads speak for it
    at_fault = port in listens or not offered & set(listens)
    restored = any(c.origin is Origin.RESTORE for c in candidates)
    confidence = 0.9 if restored or (at_fault and len(found) > 1) else 0.85 if at_fault else 0.3
    yield hypothesis(subject, "service-networking", confidence, reason, said, candidates, affects=affects)


def said_of(case: Case, service: JsonObject) -> list[str]:
    """What the callers' logs say of this Service, one line at most."""
    name, namespace = service["metadata"]["name"], service["metadata"].get("namespace", "")
    for workload in case.evidence.workloads:
        for pod in workload.pods[:2]:
            for call in failed_calls(case.evidence.log(pod)):
                if call.host.split(".")[0] == name and workload.namespace == namespace:
                    return [f"{workload.subject} log: {call.line}"]
    return []
