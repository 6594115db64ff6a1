"""Names that do not resolve although their Services exist: the cluster's DNS, or the pods' own DNS settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.logs import failed_calls
from agents.evidence.workload import pod_ready
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, fields, hypothesis, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.steps import Step

SYSTEM = "kube-system"
_BLOCK = re.compile(r"\n?[ \t]*(?:template|rewrite|hosts)\b[^\n{}]*(?:\{[^{}]*\}|\n)")


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Blocks of the Corefile that name a Service, DNS that is down, pods with another resolver."""
    lost = dict(_unresolved(case))
    for config in case.evidence.of("ConfigMap", SYSTEM):
        if "Corefile" in (config.get("data") or {}):
            yield from _corefile(case, config, lost)
    if lost:
        yield from _down(case, lost)
    for workload in case.in_scope:
        yield from _own_resolver(case, workload, lost)


def _unresolved(case: Case) -> Iterator[tuple[tuple[str, str], str]]:
    """(namespace, Service) that exists but that some log cannot resolve, with the line."""
    for workload in case.evidence.workloads:
        for pod in workload.pods[:3]:
            for call in failed_calls(case.evidence.log(pod)):
                labels = call.host.split(".")
                namespace = labels[1] if len(labels) > 1 else workload.namespace
                if call.kind == "name" and case.evidence.get("Service", namespace, labels[0]) is not None:
                    yield (namespace, labels[0]), f"{workload.subject} log: {call.line}"


def _corefile(case: Case, config: JsonObject, lost: dict[tuple[str, str], str]) -> Iterator[Hypothesis]:
    text = str(config["data"]["Corefile"])
    names = {s["metadata"]["name"] for n in case.evidence.namespaces for s in case.evidence.of("Service", n)}
    blocks = [m[0] for m in _BLOCK.finditer(text)]
    strange = [b for b in blocks if any(re.search(rf"\b{re.escape(name)}\b", b.replace("\\", "")) for name in names)]
    strange += [b for b in blocks if b not in strange and "svc" in b and re.search(r"NXDOMAIN|SERVFAIL|REFUSED", b)]
    drift = case.recent(config, fields("data"))
    if not strange and not (drift and lost):
        return
    subject = subject_of(config)
    reason = "the cluster's DNS is told to answer wrongly for Services" if strange else "the cluster's DNS was changed"
    said = [*lost.values(), *(f"Corefile: {' '.join(b.split())}" for b in strange)][:4]
    nudge = _again(case)
    candidates = case.restorations(config, fields("data"), reason, extra=nudge)
    if strange:
        cleaned = text
        for block in strange:
            cleaned = cleaned.replace(block, "")
        step = fixes.set_field(config, ("data", "Corefile"), cleaned)
        candidates += [fixes.candidate(Origin.DERIVE, [step, *nudge], reason, said[-1:])] if step else []
    affects = {Subject(kind="Service", namespace=n, name=s) for n, s in lost}
    affects |= {
        Subject(kind="Service", namespace=s["metadata"].get("namespace", ""), name=s["metadata"]["name"])
        for b in strange for n in case.evidence.namespaces for s in case.evidence.of("Service", n)
        if re.search(rf"\b{re.escape(s['metadata']['name'])}\b", b.replace("\\", ""))
    }  # fmt: skip
    confidence = 0.93 if strange and (lost or affects & case.suffering) else 0.6
    yield hypothesis(subject, "dns", confidence, reason, said, candidates, affects=affects)


def _again(case: Case) -> list[Step]:
    """The DNS servers read their Corefile anew after a restart; the reload plugin alone takes minutes."""
    servers = [
        w for w in case.evidence.workloads if w.namespace == SYSTEM and "dns" in w.name and w.kind == "Deployment"
    ]
    return [fixes.restart(w, case.evidence.at) for w in servers[:1]]


def _down(case: Case, lost: dict[tuple[str, str], str]) -> Iterator[Hypothesis]:
    """DNS servers that are scaled away or not ready. What ails their pods, the other analysers say."""
    for workload in case.evidence.workloads:
        if workload.namespace == SYSTEM and "dns" in workload.name and workload.kind == "Deployment":
            if workload.replicas == 0 or not any(pod_ready(pod) for pod in workload.pods):
                reason = f"{workload.subject} serves the cluster's DNS and has no ready pod"
                found: list[Candidate] = []
                if workload.replicas == 0:
                    found = [fixes.candidate(Origin.DERIVE, [fixes.scale(workload, 2)], reason)]
                found += case.restorations(workload.obj, fields("spec"), reason)
                affects = {Subject(kind="Service", namespace=n, name=s) for n, s in lost}
                yield hypothesis(workload.subject, "dns", 0.9, reason, list(lost.values())[:3], found, affects=affects)


def _own_resolver(case: Case, workload: Workload, lost: dict[tuple[str, str], str]) -> Iterator[Hypothesis]:
    """Pods that ask another resolver: by their policy, or because those in the node's network take the node's."""
    spec = workload.pod_spec
    policy, hosted = spec.get("dnsPolicy", "ClusterFirst"), bool(spec.get("hostNetwork"))
    odd = policy != "ClusterFirstWithHostNet" if hosted else policy not in ("ClusterFirst", "ClusterFirstWithHostNet")
    if not odd or not any(str(workload.subject) in line for line in lost.values()):
        return
    where = " in the node's network" if hosted else ""
    reason = f"{workload.subject} does not ask the cluster's DNS (dnsPolicy {policy}{where})"
    wanted = fields("dnsPolicy", "dnsConfig", "hostNetwork", "hostPort")
    candidates = case.restorations(workload.obj, wanted, reason)

    def usual(obj: JsonObject) -> None:
        live = Workload(obj).pod_spec
        live["dnsPolicy"] = "ClusterFirstWithHostNet" if hosted else "ClusterFirst"
        live.pop("dnsConfig", None)

    step = fixes.edit(workload.obj, usual)
    candidates += [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
    yield hypothesis(workload.subject, "dns", 0.9, reason, [reason, *list(lost.values())[:2]], candidates)
