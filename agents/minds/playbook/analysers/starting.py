"""Init containers that never end: they wait for something that does not exist, or crash."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.evidence import Change, Workload
from agents.evidence.logs import severe
from agents.evidence.paths import MISSING, At
from agents.evidence.pods import Trouble
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.analysers.references import offered
from agents.minds.playbook.case import Case, container_path, hypothesis, nearest
from stratus.domain.base import JsonObject
from stratus.domain.steps import PatchStep

_WAITS_FOR = re.compile(
    r"(?:nslookup|getent hosts|host|ping(?: -c ?\d+)?|nc(?: -\S+)*|curl(?: -\S+)*|wget(?: -\S+)*|dig)\s+"
    r"(?:https?://)?([a-z][-a-z0-9.]*[a-z0-9])"
)

_MISUSED = re.compile(r"(?:invalid|unrecognized|unknown|illegal) option|^usage:|: not found$", re.IGNORECASE)


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per init container that holds its pod back."""
    for workload, found in case.troubled:
        seen = set()
        for trouble in found:
            container = next((c for c in workload.init_containers if c["name"] == trouble.container), None)
            if container is not None and trouble.init and trouble.container not in seen:
                seen.add(trouble.container)
                yield _hypothesis(case, workload, container, trouble)


def _hypothesis(case: Case, workload: Workload, container: JsonObject, trouble: Trouble) -> Hypothesis:
    name = str(container["name"])
    waits = sorted(_missing_hosts(case, workload, container))
    reason = f"{workload.subject} is held back by its init container {name}"
    if waits:
        reason += f", which waits for {', '.join(waits)}: no such Service"
    for service, port, offer in _wrong_ports(case, workload, container):
        reason += f", which waits for {service}:{port}: the Service offers {offer}"

    def wanted(change: Change) -> bool:
        return (change.under("initContainers") and any(isinstance(p, At) and p.value == name for p in change.path)) or (
            "initContainers" in change.path and change.path[-1] == "initContainers"
        )  # fmt: skip

    candidates = case.restorations(workload.obj, wanted, reason)
    candidates += _derived(case, workload, container, waits, reason)
    candidates += case.rollbacks(workload, reason)
    said = [f"{trouble.pod_name}: init container {name} {trouble.reason}"]
    said += [f"log: {line}" for line in severe(case.evidence.log(trouble.pod, name))[-1:]]
    said += [change.sentence() for group in case.recent(workload.obj, wanted)[:1] for change in group]
    known = waits or case.recent(workload.obj, wanted) or any(_wrong_ports(case, workload, container))
    confidence = 0.92 if known else 0.6
    return hypothesis(workload.subject, "init-container", confidence, reason, said, candidates)


def _missing_hosts(case: Case, workload: Workload, container: JsonObject) -> set[str]:
    """Hosts that the container's command waits for and that no Service bears."""
    text = " ".join(str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])])
    hosts = {match.split(".")[0] for match in _WAITS_FOR.findall(text)}
    return {h for h in hosts if case.evidence.get("Service", workload.namespace, h) is None and h != "localhost"}


def _wrong_ports(case: Case, workload: Workload, container: JsonObject) -> Iterator[tuple[str, int, int]]:
    """(Service, port, offered port) where the command waits for a port that a Service does not offer."""
    text = " ".join(str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])])
    for service in case.evidence.of("Service", workload.namespace):
        name, ports = service["metadata"]["name"], offered(service)
        asked = {int(port) for port in re.findall(rf"(?<![-\w.]){re.escape(name)}[ :/](\d{{2,5}})\b", text)}
        if asked and ports and not asked & set(ports):
            yield name, min(asked), ports[0]


def _derived(case: Case, workload: Workload, container: JsonObject, waits: list[str], reason: str) -> list[Candidate]:
    """The Service or port that it may mean, if one is near; else no such init container."""
    found: list[Candidate] = []
    # a program that does not understand its arguments waits in vain for the right place too
    lines = [line for pod in workload.failing_pods for line in case.evidence.log(pod, str(container["name"]))]
    right = 0.5 if any(_MISUSED.search(line) for line in lines) else 1.0
    names = [s["metadata"]["name"] for s in case.evidence.of("Service", workload.namespace)]
    for host in waits:
        close = nearest(host, names, 0.85)
        if close:
            step = _rewrite(workload, rf"\b{re.escape(host)}\b", close)
            said = [f"Service {close} exists"]
            found += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=right)] if step else []
    for name, port, offer in _wrong_ports(case, workload, container):
        step = _rewrite(workload, rf"\b{re.escape(name)}([ :/]){port}\b", rf"{name}\g<1>{offer}")
        said = [f"Service {name} offers {offer}"]
        found += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=right)] if step else []
    step = fixes.set_field(workload.obj, container_path(workload, container), MISSING)
    worth = 0.8 if found else 1.0 if waits else 0.6
    found += [fixes.candidate(Origin.DERIVE, [step], reason, worth=worth)] if step else []
    return found


def _rewrite(workload: Workload, pattern: str, new: str) -> PatchStep | None:
    """The init containers' commands with every match replaced."""

    def rewritten(obj: JsonObject) -> None:
        for each in Workload(obj).init_containers:
            for field in each.keys() & {"command", "args"}:
                each[field] = [re.sub(pattern, new, str(word)) for word in each[field]]

    return fixes.edit(workload.obj, rewritten)
