"""Ports: on which a workload's pods listen, how that is known, and where a Service's port leads."""

from __future__ import annotations

from typing import Any

from agents.evidence import Workload
from agents.evidence.logs import listening_ports
from agents.evidence.topology import environment
from agents.evidence.workload import pod_ready
from agents.minds.playbook.case import Case
from stratus.domain.base import JsonObject

BY_PROBE, BY_LOG = "its readiness probe passes there", "its log says so"


def listening(case: Case, workload: Workload) -> dict[int, str]:
    """Ports on which a workload's pods listen, each with how that is known; the best known first."""
    known: dict[int, str] = {}
    for pod in workload.ready_pods:
        for container in (pod.get("spec") or {}).get("containers") or []:
            port = probe_port_of(container)
            if port and pod_ready(pod):
                known.setdefault(port, BY_PROBE)
    for pod in workload.pods:
        for port in sorted(listening_ports(case.evidence.log(pod))):
            known.setdefault(port, BY_LOG)
    for container in workload.containers:
        for entry in container.get("ports") or []:
            known.setdefault(int(entry["containerPort"]), "its containerPort")
        text = environment(case.evidence, workload, container).get("PORT", "")
        if text.isdigit():
            known.setdefault(int(text), "its variable PORT")
    return known


def probe_port_of(container: JsonObject) -> int | None:
    """The port that a container's readiness probe asks."""
    probe = container.get("readinessProbe") or {}
    handler = probe.get("httpGet") or probe.get("tcpSocket") or probe.get("grpc") or {}
    return named_port(container, handler.get("port"))


def named_port(container: JsonObject, port: Any) -> int | None:
    """The number of a port given by number or by the name of a containerPort; None when the name is not there."""
    if port is None or isinstance(port, int):
        return port
    if isinstance(port, str) and port.isdigit():
        return int(port)
    found = [int(p["containerPort"]) for p in container.get("ports") or [] if p.get("name") == port]
    return found[0] if found else None


def surely_listening(case: Case, workload: Workload) -> dict[int, str]:
    """The same as the probes or the log tell it; what is only declared counts where they tell nothing."""
    known = listening(case, workload)
    return {port: why for port, why in known.items() if why in (BY_PROBE, BY_LOG)} or known


def resolved_port(target: Workload, port: JsonObject) -> int | None:
    """The number to which a Service's port leads; None when no container has a port of that name."""
    aim = port.get("targetPort", port["port"])
    found = [named_port(container, aim) for container in target.containers]
    return next((number for number in found if number is not None), None)
