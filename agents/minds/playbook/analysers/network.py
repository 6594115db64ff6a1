"""Traffic that is forbidden or led astray: NetworkPolicies and Ingresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from agents.evidence import Workload
from agents.evidence.logs import failed_calls
from agents.evidence.paths import read
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import ASKED, Case, fields, hypothesis, nearest, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.oracles.labels import selects


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Policies that forbid a call of the graph; Ingress paths that lead to no Service or to the wrong one."""
    for policy in case.evidence.of("NetworkPolicy"):
        yield from _policy(case, policy)
    for ingress in case.evidence.of("Ingress"):
        yield from _ingress(case, ingress)


# --- policies ---------------------------------------------------------------------------------------------------------


def _policy(case: Case, policy: JsonObject) -> Iterator[Hypothesis]:
    blocked = list(dict.fromkeys(_blocked(case, policy)))
    if not blocked:
        return
    subject = subject_of(policy)
    edges = ", ".join(f"{caller} → {callee}" for caller, callee in blocked[:3])
    reason = f"{subject} forbids {edges}"
    hurt = [each for edge in blocked for each in edge if each in case.suffering or case.evidence.found(each)]
    said = [reason, *_timeouts(case, blocked)]
    candidates = case.restorations(policy, fields("spec"), reason)
    for group in case.recent(policy, fields("spec"))[:1]:
        said += [change.sentence() for change in group]
    rules = [*(policy["spec"].get("ingress") or []), *(policy["spec"].get("egress") or [])]
    # without any rule it does nothing but block; newer than the pods, it is what changed
    narrow = 1.0 if not rules or _newer(case, policy, blocked) else 0.6
    candidates.append(fixes.candidate(Origin.DERIVE, [fixes.delete(policy)], reason, said[:1], worth=narrow))
    candidates += _allowing(policy, case, blocked, reason)
    confidence = 0.9 if _timeouts(case, blocked) else 0.72 if hurt else 0.2
    affects = {callee for _, callee in blocked}
    yield hypothesis(subject, "network-policy", confidence, reason, said, candidates, affects=affects)


def _blocked(case: Case, policy: JsonObject) -> Iterator[tuple[Subject, Subject]]:
    """(caller, callee) workloads of the call graph whose traffic this policy does not let through.

    Policies add up: another one may allow the same traffic, which is checked for the same pods.
    """
    namespace = policy["metadata"].get("namespace", "")
    for reference in case.topology.references:
        caller = case.evidence.workload(reference.caller)
        for subject in case.topology.backends.get((reference.namespace, reference.service), ()):
            callee = case.evidence.workload(subject)
            if caller is None or callee is None or caller is callee:
                continue
            for own, other, way in ((callee, caller, "Ingress"), (caller, callee, "Egress")):
                if own.namespace == namespace and _holds(policy, own, way) and not _allowed(case, own, other, way):
                    yield caller.subject, callee.subject
                    break
    for finding in case.evidence.findings:
        if finding.reason == "DoesNotAnswer":
            yield from _shut(case, policy, finding.subject)


def _newer(case: Case, policy: JsonObject, blocked: list[tuple[Subject, Subject]]) -> bool:
    """Whether the blocked pods were there before the policy."""
    made = str(policy["metadata"].get("creationTimestamp", ""))
    callees = [w for _, callee in blocked if (w := case.evidence.workload(callee)) is not None]
    started = [str(p["metadata"].get("creationTimestamp", "")) for w in callees for p in w.ready_pods]
    return bool(started) and all(stamp < made for stamp in started)


def _shut(case: Case, policy: JsonObject, service: Subject) -> Iterator[tuple[Subject, Subject]]:
    """(Service, workload) where a Service does not answer although its pods are ready, and the policy restricts them."""
    for subject in case.topology.backends.get((service.namespace, service.name), ()):
        workload = case.evidence.workload(subject)
        if workload is not None and _holds(policy, workload, "Ingress") and not _open(policy):
            yield service, subject


def _open(policy: JsonObject) -> bool:
    """Whether some rule lets everybody in."""
    return any(not rule.get("from") for rule in policy["spec"].get("ingress") or [])


def _holds(policy: JsonObject, workload: Workload, way: str) -> bool:
    spec = policy.get("spec") or {}
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    same = policy["metadata"].get("namespace", "") == workload.namespace
    return same and way in types and selects(spec.get("podSelector") or {}, workload.labels)


def _allowed(case: Case, own: Workload, other: Workload, way: str) -> bool:
    """Whether any policy in force for ``own`` lets traffic with ``other`` through."""
    for policy in case.evidence.of("NetworkPolicy", own.namespace):
        if _holds(policy, own, way):
            rules = (policy.get("spec") or {}).get(way.lower()) or []
            if any(_matches(case, policy, rule, other, "from" if way == "Ingress" else "to") for rule in rules):
                return True
    return False


def _matches(case: Case, policy: JsonObject, rule: JsonObject, other: Workload, key: str) -> bool:
    peers = rule.get(key)
    return not peers or any(_peer(case, policy, peer, other) for peer in peers)


def _peer(case: Case, policy: JsonObject, peer: JsonObject, other: Workload) -> bool:
    if "ipBlock" in peer:
        return False
    home = policy["metadata"].get("namespace", "")
    if "namespaceSelector" in peer:
        namespace = case.evidence.get("Namespace", "", other.namespace) or {}
        if not selects(peer["namespaceSelector"], (namespace.get("metadata") or {}).get("labels") or {}):
            return False
    elif other.namespace != home:
        return False
    return "podSelector" not in peer or selects(peer["podSelector"], other.labels)


def _timeouts(case: Case, blocked: Iterable[tuple[Subject, Subject]]) -> list[str]:
    """A caller's log line that says that a blocked call timed out."""
    for caller, callee in blocked:
        workload = case.evidence.workload(caller)
        names = {s.name for s in case.topology.callers(callee)}
        for pod in workload.pods[:2] if workload else ():
            for call in failed_calls(case.evidence.log(pod)):
                if call.host.split(".")[0] in names and call.kind in ("timeout", "refused", "name"):
                    return [f"{caller} log: {call.line}"]
    return []


def _allowing(
    policy: JsonObject, case: Case, blocked: list[tuple[Subject, Subject]], reason: str
) -> Iterator[Candidate]:
    """A rule that lets the blocked callers in, where the policy has rules that should stay."""
    callers = [w for caller, _ in blocked if (w := case.evidence.workload(caller)) is not None and w.labels]
    spec = policy.get("spec") or {}
    if not callers or not spec.get("ingress"):
        return
    unique = {str(sorted(w.labels.items())): w.labels for w in callers}
    rule: dict[str, Any] = {"from": [{"podSelector": {"matchLabels": labels}} for labels in unique.values()]}
    step = fixes.set_field(policy, ("spec", "ingress"), [*spec["ingress"], rule])
    if step is not None:
        yield fixes.candidate(Origin.DERIVE, [step], reason, ["the other rules stay"], worth=0.9)


# --- ingress ----------------------------------------------------------------------------------------------------------


def _ingress(case: Case, ingress: JsonObject) -> Iterator[Hypothesis]:
    subject, namespace = subject_of(ingress), ingress["metadata"].get("namespace", "")
    names = [s["metadata"]["name"] for s in case.evidence.of("Service", namespace)]
    drift = case.recent(ingress, fields("spec"))
    for path, backend in _backends(ingress):
        name, port = _backend(backend)
        service = case.evidence.get("Service", namespace, name)
        wrong = service is None or (port and port not in _ports(service))
        if not wrong and not drift and not (_asked(case, ingress) and _entrance(case, ingress, service)):
            continue
        what = "does not exist" if service is None else f"has no port {port}" if wrong else "is not what it was"
        reason = f"{subject} sends {_route(path)} to {name}, which {what}"
        candidates = case.restorations(ingress, fields("spec"), reason)
        close = nearest(name, names, 0.5) if service is None else ""
        close = close or _entrance(case, ingress, service)
        if close:
            edited = fixes.edit(ingress, lambda obj, p=path, c=close: _rename(read(obj, p), c))  # type: ignore[misc]
            candidates += [fixes.candidate(Origin.DERIVE, [edited], reason)] if edited else []
        said = [reason, *(c.sentence() for group in drift[:1] for c in group)]
        confidence = 0.85 if wrong or case.evidence.found(subject) else 0.5
        yield hypothesis(subject, "ingress", confidence, reason, said, candidates)


def _asked(case: Case, ingress: JsonObject) -> bool:
    """Whether requests from outside fail while nothing inside is in trouble."""
    return not case.troubled and any(f.reason in ASKED for f in case.evidence.findings)


def _entrance(case: Case, ingress: JsonObject, service: JsonObject | None) -> str:
    """The one Service that no workload calls and no Ingress names, when the present backend is one that others call."""
    namespace = ingress["metadata"].get("namespace", "")
    if service is None or not case.topology.callers(subject_of(service)):
        return ""
    routed = {_backend(b)[0] for i in case.evidence.of("Ingress", namespace) for _, b in _backends(i)}
    idle = [
        s["metadata"]["name"]
        for s in case.evidence.of("Service", namespace)
        if not case.topology.callers(subject_of(s)) and s["metadata"]["name"] not in routed
        and _ports(s) & _ports(service)
    ]  # fmt: skip
    front = [n for n in idle if re.search(r"front|web|gateway|proxy|ui\b|edge", n)]
    return front[0] if len(front) == 1 else idle[0] if len(idle) == 1 else ""


def _backends(ingress: JsonObject) -> Iterator[tuple[tuple[Any, ...], JsonObject]]:
    for i, rule in enumerate((ingress.get("spec") or {}).get("rules") or []):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or []):
            yield ("spec", "rules", i, "http", "paths", j, "backend"), path.get("backend") or {}


def _backend(backend: JsonObject) -> tuple[str, Any]:
    service = backend.get("service") or {}
    port = service.get("port") or {}
    name = service.get("name") or backend.get("serviceName") or ""
    return str(name), port.get("number") or port.get("name") or backend.get("servicePort")


def _rename(backend: JsonObject, name: str) -> None:
    if "service" in backend:
        backend["service"]["name"] = name
    else:
        backend["serviceName"] = name


def _ports(service: JsonObject) -> set[Any]:
    ports = (service.get("spec") or {}).get("ports") or []
    return {p["port"] for p in ports} | {p.get("name") for p in ports}


def _route(path: tuple[Any, ...]) -> str:
    return f"rule {path[2]} path {path[5]}"
