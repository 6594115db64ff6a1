"""Services whose endpoints are not the pods that are meant: without a selector, aliases, another protocol, strangers."""

from __future__ import annotations

from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.paths import At
from agents.evidence.workload import selects
from agents.minds.base import Hypothesis, Origin
from agents.minds.playbook import fixes, settings
from agents.minds.playbook.analysers.services import SERVING, said_of
from agents.minds.playbook.case import Case, container_path, fields, hypothesis, subject_of
from agents.minds.playbook.ports import resolved_port, surely_listening
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

PLURAL = ("Deployment", "StatefulSet", "DaemonSet")


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Every Service that a workload stands behind, by its selector or by its name."""
    for service in case.evidence.of("Service"):
        selector = service["spec"].get("selector")
        near = [w for w in case.evidence.workloads if w.namespace == service["metadata"].get("namespace", "")]
        near = [w for w in near if w.kind in SERVING]
        if service["spec"].get("type") == "ExternalName" or not selector:
            for namesake in [w for w in near if w.name == service["metadata"]["name"]][:1]:
                yield from _detached(case, service, namesake)
        else:
            chosen = [w for w in near if selects(selector, w.labels)]
            if not chosen:
                yield from _gone(case, service)
            for workload in chosen[:1]:
                yield from _protocol(case, service, workload)
            yield from _left_over(case, service, chosen)
            yield from _strangers(case, service, [w for w in chosen if w.ready_pods])


def _detached(case: Case, service: JsonObject, namesake: Workload) -> Iterator[Hypothesis]:
    """The Service picks no pods: an alias for a name elsewhere, or addresses that somebody keeps by hand."""
    subject, spec = subject_of(service), service["spec"]
    alias = spec.get("externalName", "") if spec.get("type") == "ExternalName" else ""
    listed = [] if alias else addresses(case, service)
    if {str((pod.get("status") or {}).get("podIP")) for pod in namesake.ready_pods} & set(listed):
        return
    where = alias or ", ".join(listed) or "nowhere"
    reason = f"{subject} selects no pods and leads to {where}, but {namesake.subject} bears its name"
    stale = [fixes.delete(each) for each in _mirrored(case, service)]
    candidates = case.restorations(service, fields("selector", "type", "externalName"), reason, extra=stale)
    match = ((namesake.obj.get("spec") or {}).get("selector") or {}).get("matchLabels") or namesake.labels

    def attached(wanted: JsonObject) -> None:
        wanted["spec"]["selector"] = dict(match)
        if wanted["spec"].pop("externalName", None) is not None:
            wanted["spec"]["type"] = "ClusterIP"

    step = fixes.edit(service, attached)
    candidates += [fixes.candidate(Origin.DERIVE, [step, *stale], reason)] if step else []
    said = [reason, *said_of(case, service)]
    said += [change.sentence() for group in case.recent(service, fields("selector", "type"))[:1] for change in group]
    hurt = subject in case.suffering or bool(case.evidence.found(subject)) or bool(said_of(case, service))
    yield hypothesis(subject, "service-networking", 0.92 if hurt else 0.3, reason, said, candidates)


def _mirrored(case: Case, service: JsonObject) -> list[JsonObject]:
    """Slices mirrored from Endpoints that were kept by hand: nobody takes them away once the Service has a selector."""
    meta = service["metadata"]
    return [
        each
        for each in case.evidence.of("EndpointSlice", meta.get("namespace", ""))
        if (labels := each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") == meta["name"]
        and str(labels.get("endpointslice.kubernetes.io/managed-by", "")).startswith("endpointslicemirroring")
    ]


def _left_over(case: Case, service: JsonObject, chosen: list[Workload]) -> Iterator[Hypothesis]:
    """Addresses from a time without a selector that still take a share of the requests."""
    own = {str((pod.get("status") or {}).get("podIP")) for workload in chosen for pod in workload.pods}
    stale = [
        each
        for each in _mirrored(case, service)
        if not own & {ip for point in each.get("endpoints") or [] for ip in point.get("addresses") or []}
    ]
    if not stale:
        return
    subject, names = subject_of(service), ", ".join(each["metadata"]["name"] for each in stale)
    reason = f"{subject} still leads to addresses of nobody (endpointslice {names})"
    found = [fixes.candidate(Origin.DERIVE, [fixes.delete(each) for each in stale], reason)]
    confidence = 0.9 if said_of(case, service) or subject in case.suffering else 0.3
    yield hypothesis(subject, "service-networking", confidence, reason, [reason, *said_of(case, service)], found)


def _gone(case: Case, service: JsonObject) -> Iterator[Hypothesis]:
    """The workload behind a Service was deleted: its events outlive it, what it was does not. That is for a person."""
    subject, words = subject_of(service), {service["metadata"]["name"], *service["spec"]["selector"].values()}
    for event in case.evidence.of("Event", subject.namespace):
        about = event.get("involvedObject") or {}
        lost = Subject(kind=about.get("kind", ""), namespace=subject.namespace, name=about.get("name", ""))
        if lost.name not in words or lost.kind not in PLURAL or case.evidence.workload(lost) is not None:
            continue
        reason = f"{lost} is gone, and {subject} has no pods without it"
        said = [reason, f"the last that is known of it: {event.get('message', '')}", *said_of(case, service)]
        hurt = subject in case.suffering or bool(case.evidence.found(subject))
        yield hypothesis(lost, "unknown", 0.93 if hurt else 0.3, reason, said, [], affects=[subject])
        return


def addresses(case: Case, service: JsonObject) -> list[str]:
    """The addresses to which a Service leads."""
    meta = service["metadata"]
    endpoints = case.evidence.get("Endpoints", meta.get("namespace", ""), meta["name"]) or {}
    subsets = endpoints.get("subsets") or []
    return [str(each.get("ip")) for subset in subsets for each in subset.get("addresses") or []]


def _protocol(case: Case, service: JsonObject, target: Workload) -> Iterator[Hypothesis]:
    """A port that is offered in another protocol than the one in which the pods listen."""
    subject = subject_of(service)
    for port in service["spec"].get("ports") or []:
        offered, spoken = str(port.get("protocol", "TCP")), _spoken(target, resolved_port(target, port))
        if not spoken or offered in spoken:
            continue
        right = sorted(spoken)[0]
        reason = f"{subject} offers port {port['port']} over {offered}, but {target.subject} listens on {right}"
        candidates = case.restorations(service, fields("protocol", "ports"), reason)
        step = fixes.set_field(service, ("spec", "ports", At("port", port["port"]), "protocol"), right)
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
        hurt = subject in case.suffering or bool(said_of(case, service))
        said = [reason, *said_of(case, service)]
        yield hypothesis(subject, "service-networking", 0.93 if hurt else 0.4, reason, said, candidates)


def _spoken(target: Workload, number: int | None) -> set[str]:
    """The protocols in which the pods declare a port; none when they do not declare it."""
    ports = [port for container in target.containers for port in container.get("ports") or []]
    return {str(port.get("protocol", "TCP")) for port in ports if port["containerPort"] == number}


def _strangers(case: Case, service: JsonObject, chosen: list[Workload]) -> Iterator[Hypothesis]:
    """Several workloads carry the labels that the Service selects, and some do not listen where it leads."""
    for port in service["spec"].get("ports") or []:
        deaf = [w for w in chosen if (p := resolved_port(w, port)) is not None and p not in surely_listening(case, w)]
        able = [w for w in chosen if w not in deaf]
        for workload in deaf if able else ():
            yield _stranger(case, service, workload, able[0], port)


def _stranger(case: Case, service: JsonObject, workload: Workload, able: Workload, port: JsonObject) -> Hypothesis:
    subject, number = subject_of(service), resolved_port(workload, port)
    actual = ", ".join(str(each) for each in sorted(surely_listening(case, workload)))
    reason = f"{subject} sends to port {number} of {able.subject} and of {workload.subject}, which listens on {actual}"
    candidates = []
    for container in workload.containers:
        for entry in container.get("env") or []:
            if str(entry.get("value", "")) in map(str, surely_listening(case, workload)):
                candidates += case.restorations(workload.obj, settings.about(entry["name"]), reason)
                path = container_path(workload, container, "env", At("name", entry["name"]), "value")
                step = fixes.set_field(workload.obj, path, str(number))
                candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    own = {k: v for k, v in able.labels.items() if workload.labels.get(k) != v}
    narrow = fixes.set_field(service, ("spec", "selector"), {**service["spec"]["selector"], **own})
    if narrow is not None:
        said = [f"the pods of {able.subject} alone carry {', '.join(f'{k}={v}' for k, v in own.items())}"]
        candidates.append(fixes.candidate(Origin.DERIVE, [narrow], reason, said, worth=0.9))
    away = [f"{able.subject} serves alone then"]
    candidates.append(fixes.candidate(Origin.DERIVE, [fixes.scale(workload, 0)], reason, away, worth=0.7))
    said = [reason, *said_of(case, service)]
    return hypothesis(workload.subject, "service-networking", 0.9 if said_of(case, service) else 0.4, reason, said,
                      candidates, affects=[subject])  # fmt: skip
