"""Traffic that is forbidden or led astray: NetworkPolicies and Ingresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from agents.evidence import Workload
from agents.evidence.changes import field_writer
from agents.evidence.logs import failed_calls
from agents.evidence.paths import read
from agents.evidence.routes import NOT_FOUND, Answered, backend_of, backends
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import ASKED, Case, fields, hypothesis, nearest, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.oracles.labels import selects

ENTRANCE = re.compile(r"front|web|gateway|proxy|ui\b|edge")
"""How people name what stands at the edge."""


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
    for where, path, backend in backends(ingress):
        name, port = backend_of(backend)
        service = case.evidence.get("Service", namespace, name)
        if service is not None:
            yield from _astray(case, ingress, where, path, service)
        wrong = service is None or (port and port not in _ports(service))
        if not wrong and not drift and not (_asked(case) and _entrance(case, ingress, service)):
            continue
        what = "does not exist" if service is None else f"has no port {port}" if wrong else "is not what it was"
        reason = f"{subject} sends {_route(where)} to {name}, which {what}"
        candidates = case.restorations(ingress, fields("spec"), reason)
        close = nearest(name, names, 0.5) if service is None else ""
        close = close or _entrance(case, ingress, service)
        if close:
            candidates += _redirected(ingress, where, close, None, reason)
        said = [reason, *(c.sentence() for group in drift[:1] for c in group)]
        confidence = 0.85 if wrong or case.evidence.found(subject) else 0.5
        yield hypothesis(subject, "ingress", confidence, reason, said, candidates)


def _asked(case: Case) -> bool:
    """Whether requests from outside fail while nothing inside is in trouble."""
    return not case.troubled and any(f.reason in ASKED for f in case.evidence.findings)


def _astray(
    case: Case, ingress: JsonObject, where: tuple[Any, ...], path: str, service: JsonObject
) -> Iterator[Hypothesis]:
    """The backend does not know the path that leads to it, and another Service does."""
    subject, name = subject_of(ingress), service["metadata"]["name"]
    said = [a for a in case.evidence.answers if a.namespace == subject.namespace and a.path == path]
    known = [a for a in said if 0 < a.status < 400]
    if not known or all(a.status != NOT_FOUND for a in said if a.service == name):
        return
    at, by = field_writer(ingress["metadata"].get("managedFields") or [], ("spec", "rules"))
    reason = f"{subject} sends {path} to {name}, which does not know it ({NOT_FOUND})"
    evidence = [f"{a.service}:{a.port} answers {a.status} for {path}" for a in known[:3]]
    evidence += [f"its rules were written by {by} at {at:%H:%M:%S}"] if at else []
    # an entrance is called by nobody inside, and bears the name of one; of equals, the one that needs most others
    known.sort(
        key=lambda a: (
            len(case.topology.callers(_service(a))),
            not ENTRANCE.search(a.service),
            -len(case.topology.downstream(_service(a))),
        )
    )
    candidates = [
        candidate
        for index, a in enumerate(known[:3])
        for candidate in _redirected(ingress, where, a.service, a.port, reason, worth=1.0 - 0.1 * index)
    ]
    yield hypothesis(subject, "ingress", 0.85 if _asked(case) else 0.5, reason, evidence, candidates)


def _service(answered: Answered) -> Subject:
    return Subject(kind="Service", namespace=answered.namespace, name=answered.service)


def _redirected(
    ingress: JsonObject, where: tuple[Any, ...], name: str, port: int | None, reason: str, *, worth: float = 1.0
) -> list[Candidate]:
    """The path leads to another Service; to another of its ports, if one is given."""

    def change(obj: JsonObject) -> None:
        backend = read(obj, where)
        if "service" in backend:
            backend["service"]["name"] = name
            if port is not None:
                backend["service"]["port"] = {"number": port}
        else:
            backend["serviceName"] = name
            if port is not None:
                backend["servicePort"] = port

    step = fixes.edit(ingress, change)
    return [fixes.candidate(Origin.DERIVE, [step], reason, worth=worth)] if step else []


def _entrance(case: Case, ingress: JsonObject, service: JsonObject | None) -> str:
    """The one Service that no workload calls and no Ingress names, when the present backend is one that others call."""
    namespace = ingress["metadata"].get("namespace", "")
    if service is None or not case.topology.callers(subject_of(service)):
        return ""
    routed = {backend_of(b)[0] for i in case.evidence.of("Ingress", namespace) for _, _, b in backends(i)}
    idle = [
        s["metadata"]["name"]
        for s in case.evidence.of("Service", namespace)
        if not case.topology.callers(subject_of(s)) and s["metadata"]["name"] not in routed
        and _ports(s) & _ports(service)
    ]  # fmt: skip
    front = [n for n in idle if ENTRANCE.search(n)]
    return front[0] if len(front) == 1 else idle[0] if len(idle) == 1 else ""


def _ports(service: JsonObject) -> set[Any]:
    ports = (service.get("spec") or {}).get("ports") or []
    return {p["port"] for p in ports} | {p.get("name") for p in ports}


def _route(path: tuple[Any, ...]) -> str:
    return f"rule {path[2]} path {path[5]}"
