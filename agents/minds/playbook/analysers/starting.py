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
from agents.minds.playbook.case import Case, container_path, hypothesis, nearest
from stratus.domain.base import JsonObject

_WAITS_FOR = re.compile(
    r"(?:nslookup|getent hosts|host|ping(?: -c ?\d+)?|nc(?: -\S+)*|curl(?: -\S+)*|wget(?: -\S+)*|dig)\s+"
    r"(?:https?://)?([a-z][-a-z0-9.]*[a-z0-9])"
)


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
    confidence = 0.92 if waits or case.recent(workload.obj, wanted) else 0.6
    return hypothesis(workload.subject, "init-container", confidence, reason, said, candidates)


def _missing_hosts(case: Case, workload: Workload, container: JsonObject) -> set[str]:
    """Hosts that the container's command waits for and that no Service bears."""
    text = " ".join(str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])])
    hosts = {match.split(".")[0] for match in _WAITS_FOR.findall(text)}
    return {h for h in hosts if case.evidence.get("Service", workload.namespace, h) is None and h != "localhost"}


def _derived(case: Case, workload: Workload, container: JsonObject, waits: list[str], reason: str) -> list[Candidate]:
    """The Service that it may mean, if one is near by name; else no such init container."""
    found: list[Candidate] = []
    names = [s["metadata"]["name"] for s in case.evidence.of("Service", workload.namespace)]
    for host in waits:
        close = nearest(host, names, 0.85)
        if close:

            def renamed(obj: JsonObject, host: str = host, close: str = close) -> None:
                for each in Workload(obj).init_containers:
                    for field in ("command", "args"):
                        each[field] = [re.sub(rf"\b{re.escape(host)}\b", close, str(w)) for w in each.get(field) or []]

            step = fixes.edit(workload.obj, renamed)
            said = [f"Service {close} exists"]
            found += [fixes.candidate(Origin.DERIVE, [step], reason, said, worth=0.9)] if step else []
    step = fixes.set_field(workload.obj, container_path(workload, container), MISSING)
    worth = 1.0 if waits else 0.6
    found += [fixes.candidate(Origin.DERIVE, [step], reason, worth=worth)] if step else []
    return found
