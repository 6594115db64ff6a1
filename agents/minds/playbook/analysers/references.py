"""Settings that name the wrong place: a host that no Service bears, a port that the Service does not offer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.logs import listening_ports
from agents.evidence.paths import At
from agents.evidence.topology import Reference, environment
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes, settings
from agents.minds.playbook.case import Case, container_path, hypothesis, nearest
from agents.minds.playbook.ports import probe_port_of
from stratus.domain.base import JsonObject

ALIKE = 2
"""So many siblings that write a variable in the same way show how it is written."""
_ADDRESS = re.compile(r"((?:[a-z][a-z0-9+.-]*://)?)([a-z](?:[-a-z0-9.]*[a-z0-9])?:\d{2,5})\b")


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Per reference that leads nowhere, and per container that listens elsewhere than it should."""
    for reference in (r for r in case.topology.references if r.container):
        service = case.evidence.get("Service", reference.namespace, reference.service)
        if service is None:
            yield from _no_such_host(case, reference)
        elif reference.port and reference.port not in offered(service):
            yield from _no_such_port(case, reference, service)
    for workload in case.in_scope:
        yield from _listens_elsewhere(case, workload)
        yield from _odd_schemes(case, workload)


def offered(service: JsonObject) -> list[int]:
    """The port numbers of a Service."""
    return [int(p["port"]) for p in (service.get("spec") or {}).get("ports") or []]


def _no_such_host(case: Case, reference: Reference) -> Iterator[Hypothesis]:
    names = [s["metadata"]["name"] for s in case.evidence.of("Service", reference.namespace)]
    if any(w.name == reference.service and w.namespace == reference.namespace for w in case.evidence.workloads):
        return  # the name is right and the Service is what is missing
    workload = case.evidence.workload(reference.caller)
    if workload is None:
        return
    reason = f"{workload.subject} calls {reference.host}, and there is no such Service ({reference.where})"
    close = _meant(case, reference, names)
    candidates = _earlier(case, workload, reference, reason)
    candidates += _rewritten(workload, reference, reference.host, close, reason) if close else []
    confidence = 0.9 if candidates else 0.3
    yield hypothesis(workload.subject, "config", confidence, reason, [reason], candidates)


def _meant(case: Case, reference: Reference, names: list[str]) -> str:
    """The Service that a wrong host name probably means: a similar name, the only one with that port, or the variable's."""
    close = nearest(reference.service, names, 0.72)
    if close:
        return close
    ports = {n: offered(case.evidence.get("Service", reference.namespace, n) or {}) for n in names}
    fitting = [n for n, numbers in ports.items() if reference.port in numbers]
    close = fitting[0] if len(fitting) == 1 else nearest(reference.service, fitting, 0.5)
    if close or not reference.variable:
        return close
    word = re.sub(r"_?(ADDR|ADDRESS|HOST|URL|URI|ENDPOINT|SERVER|SERVICE)$", "", reference.variable)
    wanted = word.lower().replace("_", "-")
    return next((n for n in names if n in (wanted, f"{wanted}-service")), "")


def _no_such_port(case: Case, reference: Reference, service: JsonObject) -> Iterator[Hypothesis]:
    workload, ports = case.evidence.workload(reference.caller), offered(service)
    others = [r for r in case.topology.references if (r.namespace, r.service) == (reference.namespace, reference.service)
              and r.caller != reference.caller and r.port in ports]  # fmt: skip
    if workload is None or not ports or any(c["name"] == reference.container for c in workload.init_containers):
        return  # what an init container waits for is judged with it
    offer = ", ".join(map(str, ports))
    reason = f"{workload.subject} calls {reference.host}:{reference.port}, but the Service offers {offer} ({reference.where})"
    candidates = _earlier(case, workload, reference, reason)
    said = [reason, *(f"{r.caller} calls it on {r.port}" for r in others[:2])]
    restored = bool(candidates)
    for index, port in enumerate(ports[:2]):
        old, new = f"{reference.host}:{reference.port}", f"{reference.host}:{port}"
        candidates += _rewritten(workload, reference, old, new, reason, worth=1.0 - 0.1 * index)
    confidence = 0.93 if restored or others else 0.75
    yield hypothesis(workload.subject, "config", confidence, reason, said, candidates)


def _earlier(case: Case, workload: Workload, reference: Reference, reason: str) -> list[Candidate]:
    """The setting as it was."""
    if not reference.variable:
        return case.restorations(workload.obj, lambda c: reference.host in f"{c.after}", reason)
    return case.restorations(workload.obj, settings.about(reference.variable), reason)


def _rewritten(
    workload: Workload, reference: Reference, old: str, new: str, reason: str, worth: float = 1.0
) -> list[Candidate]:
    """The setting with the wrong part of it replaced."""
    container = next(c for c in [*workload.init_containers, *workload.containers] if c["name"] == reference.container)
    pattern = re.compile(rf"(?<![\w.-]){re.escape(old)}(?![\w-])")
    if reference.variable:
        entry = next((e for e in container.get("env") or [] if e["name"] == reference.variable and "value" in e), None)
        if entry is None:
            return []
        value = pattern.sub(new, str(entry["value"]))
        path = container_path(workload, container, "env", At("name", reference.variable))
        step = fixes.set_field(workload.obj, path, {**entry, "value": value})
        text = fixes.set_env_command(workload, reference.container, reference.variable, value)
        said = [f"{new} is what the Service offers"]
        return [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=worth, command=text)] if step else []
    found = []
    for field in ("command", "args"):
        words = [pattern.sub(new, str(word)) for word in container.get(field) or []]
        step = fixes.set_field(workload.obj, container_path(workload, container, field), words) if words else None
        found += [fixes.candidate(Origin.DERIVE, [step], reason, worth=worth)] if step else []
    return found


def _listens_elsewhere(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    """The process listens on another port than the one that its containerPort and its probes name."""
    for container in workload.containers:
        lines = [line for pod in workload.failing_pods[:2] for line in case.evidence.log(pod, str(container["name"]))]
        actual = listening_ports(lines[-80:])
        declared = {int(p["containerPort"]) for p in container.get("ports") or []}
        asked = probe_port_of(container)
        wanted = asked if asked in declared else next(iter(sorted(declared)), None)
        if not actual or wanted is None or wanted in actual:
            continue
        port = next(iter(sorted(actual)))
        holders = [n for n, v in environment(case.evidence, workload, container).items() if v == str(port)]
        reason = f"{workload.subject} listens on {port}, but its containerPort is {wanted}"
        candidates: list[Candidate] = []
        for name in holders:
            candidates += case.restorations(workload.obj, settings.about(name), reason)
            path = container_path(workload, container, "env", At("name", name))
            step = fixes.set_field(workload.obj, path, {"name": name, "value": str(wanted)})
            text = fixes.set_env_command(workload, str(container["name"]), name, str(wanted))
            candidates += [fixes.candidate(Origin.DERIVE, [step], reason, command=text)] if step else []
        said = [reason, *(f"the variable {name} says {port}" for name in holders)]
        if not holders:
            candidates += _port_as_siblings_set_it(case, workload, container, wanted, reason)
        yield hypothesis(workload.subject, "config", 0.93 if candidates else 0.5, reason, said, candidates)


def _port_as_siblings_set_it(
    case: Case, workload: Workload, container: JsonObject, wanted: int, reason: str
) -> list[Candidate]:
    """The variable by which siblings of the same image are told their port, where this container does not set it."""
    named = Counter(
        entry["name"]
        for sibling in case.siblings(workload)
        for other in sibling.containers
        if other.get("image") == container.get("image")
        for entry in other.get("env") or []
        if str(entry.get("value", "")) in {str(p["containerPort"]) for p in other.get("ports") or []}
    )
    env = container.get("env") or []
    own = {entry["name"]: entry for entry in env}
    found: list[Candidate] = []
    for name, count in named.most_common(1):
        if count < ALIKE or name in own:
            continue
        misspelt = nearest(name, [n for n, entry in own.items() if str(entry.get("value", "")) == str(wanted)], 0.6)
        kept = [entry for entry in env if entry["name"] != misspelt]
        path = container_path(workload, container, "env")
        step = fixes.set_field(workload.obj, path, [*kept, {"name": name, "value": str(wanted)}])
        said = [f"{count} siblings of the same image are told their port by {name}"]
        found += case.restorations(workload.obj, settings.about(name), reason)
        found += [fixes.candidate(Origin.DERIVE, [step], reason, said)] if step else []
    return found


def _odd_schemes(case: Case, workload: Workload) -> Iterator[Hypothesis]:
    """Addresses written with a scheme where all siblings write the same variable without, or the other way round."""
    for container in workload.containers:
        for entry in container.get("env") or []:
            own = _ADDRESS.findall(str(entry.get("value", "")))
            if not own or workload.subject not in case.failing_path:
                continue
            usual = [
                _ADDRESS.findall(str(other["value"]))
                for sibling in case.siblings(workload)
                for each in sibling.containers
                for other in each.get("env") or []
                if other["name"] == entry["name"] and other.get("value")
            ]
            schemes = {scheme for found in usual for scheme, _ in found}
            if len(usual) < ALIKE or len(schemes) != 1 or {scheme for scheme, _ in own} == schemes:
                continue
            scheme = next(iter(schemes))
            value = _ADDRESS.sub(rf"{scheme}\g<2>", str(entry["value"]))
            reason = (
                f"{workload.subject} writes {entry['name']} as {entry['value']}; the siblings write {scheme}HOST:PORT"
            )
            candidates = case.restorations(workload.obj, settings.about(entry["name"]), reason)
            path = container_path(workload, container, "env", At("name", entry["name"]), "value")
            step = fixes.set_field(workload.obj, path, value)
            text = fixes.set_env_command(workload, str(container["name"]), entry["name"], value)
            candidates += [fixes.candidate(Origin.DERIVE, [step], reason, command=text)] if step else []
            yield hypothesis(workload.subject, "config", 0.9, reason, [reason], candidates)
