"""What the oracles must be allowed to: for the manifests, the preflight and the documents."""

from __future__ import annotations

from collections.abc import Iterator

from stratus.domain.base import Value
from stratus.oracles.settings import OracleSettings
from stratus.oracles.world import CLUSTERED, NAMESPACED, ON_DEMAND


class Permission(Value):
    """One rule of a Role, or of a ClusterRole when it is not namespaced."""

    group: str
    resource: str
    verb: str
    namespaced: bool
    why: str


_WHY = {
    "Event": "why a pod does not start, or cannot be created",
    "ConfigMap": "who calls a Service at zero replicas; whether a missing ConfigMap is there again",
}


def permissions(settings: OracleSettings) -> Iterator[Permission]:
    """Everything that the configured oracles ask for. Secrets are not needed: without them, only a Secret that is there
    again is noticed later."""
    for kind, (_, plural) in (NAMESPACED | ON_DEMAND).items():
        yield _list(plural, _WHY.get(kind, "one read per look"), namespaced=True)
    yield Permission(group="", resource="configmaps", verb="get", namespaced=True, why=_WHY["ConfigMap"])
    verb = "get" if settings.namespaces else "list"
    yield Permission(group="", resource="namespaces", verb=verb, namespaced=False, why="whether the scope is there")
    if settings.services.probe or any(each.startswith("svc:") for each in _asked(settings)):
        why = "asking Services"
        yield Permission(group="", resource="services/proxy", verb="get", namespaced=True, why=why)
    if settings.traffic.read:
        why = "the counters on the applications' metrics pages"
        yield Permission(group="", resource="pods/proxy", verb="get", namespaced=True, why=why)
    for kind, (_, plural) in CLUSTERED.items():
        if settings.nodes if kind == "Node" else settings.admission:
            yield _list(plural, "nodes" if kind == "Node" else "admission", namespaced=False)
    if settings.admission:
        why = "whether webhooks elsewhere are served"
        yield Permission(group="", resource="endpoints", verb="get", namespaced=False, why=why)


def _asked(settings: OracleSettings) -> list[str]:
    return [*(probe.target for probe in settings.probes), settings.alerts.prometheus, settings.alerts.alertmanager]


def _list(plural: str, why: str, *, namespaced: bool) -> Permission:
    resource, _, group = plural.partition(".")
    return Permission(group=group, resource=resource, verb="list", namespaced=namespaced, why=why)
