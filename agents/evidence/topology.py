"""Who calls whom: references to Services in environments, arguments and configuration, and what answers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agents.evidence.logs import failed_calls
from agents.evidence.model import Evidence
from agents.evidence.workload import Workload, containers_of, selects
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

_HOST: Final = r"[a-z](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
_TOKEN: Final = re.compile(
    rf"^(?P<scheme>[a-z][a-z0-9+.-]*://)?(?:[^@/\s,;]*@)?(?P<host>{_HOST})(?::(?P<port>\d{{2,5}}))?(?:/|\?|$)"
)
_FIELD: Final = re.compile(
    rf'"?(?:addr|address|host|hostname|server|endpoint|url)"?\s*[:=]\s*"?(?:[a-z+]+://)?(?P<host>{_HOST})(?::(?P<port>\d+))?',
    re.IGNORECASE,
)
_EXPANSION: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_ADDRESS_NAMES: Final = ("ADDR", "ADDRESS", "HOST", "URL", "URI", "ENDPOINT", "SERVER", "UPSTREAM", "TARGET")
_SELF_NAMES: Final = frozenset({"NAME", "SERVICE_NAME", "OTEL_SERVICE_NAME", "HOSTNAME", "POD_NAME", "APP_NAME"})


@dataclass(frozen=True)
class Reference:
    """One mention of a Service by a workload."""

    caller: Subject
    container: str
    variable: str
    """The environment variable that holds it; "" when it stands elsewhere."""
    where: str
    """For people: ``env CALLS``, ``argument``, ``ConfigMap nginx-conf``."""
    host: str
    """As written."""
    namespace: str
    service: str
    port: int | None


@dataclass(frozen=True)
class Topology:
    """The call graph of one look."""

    references: tuple[Reference, ...]
    backends: dict[tuple[str, str], tuple[Subject, ...]]
    """Workloads behind (namespace, Service): by its selector, or by its name when it selects nothing."""

    def callees(self, subject: Subject) -> set[Subject]:
        """Services that a workload calls, and the workloads behind a Service."""
        if subject.kind == "Service":
            return set(self.backends.get((subject.namespace, subject.name), ()))
        return {
            Subject(kind="Service", namespace=r.namespace, name=r.service)
            for r in self.references
            if r.caller == subject
        }

    def callers(self, subject: Subject) -> set[Subject]:
        """Workloads that call a Service, and the Services in front of a workload."""
        if subject.kind == "Service":
            wanted = (subject.namespace, subject.name)
            return {r.caller for r in self.references if (r.namespace, r.service) == wanted}
        return {
            Subject(kind="Service", namespace=namespace, name=name)
            for (namespace, name), found in self.backends.items()
            if subject in found
        }

    def upstream(self, subject: Subject) -> frozenset[Subject]:
        """Everything that suffers when ``subject`` fails, itself among it."""
        return self._walk(subject, self.callers)

    def downstream(self, subject: Subject) -> frozenset[Subject]:
        """Everything that ``subject`` needs, itself among it."""
        return self._walk(subject, self.callees)

    def _walk(self, start: Subject, following: Callable[[Subject], set[Subject]]) -> frozenset[Subject]:
        seen, rest = {start}, [start]
        while rest:
            for found in following(rest.pop()):
                if found not in seen:
                    seen.add(found)
                    rest.append(found)
        return frozenset(seen)


def topology(evidence: Evidence) -> Topology:
    """The call graph as the objects state it."""
    references = tuple(
        r for w in evidence.workloads for r in (*references_of(evidence, w), *references_in_logs(evidence, w))
    )
    backends = {}
    for service in evidence.of("Service"):
        meta = service["metadata"]
        backends[(meta.get("namespace", ""), meta["name"])] = tuple(w.subject for w in backing(evidence, service))
    return Topology(references, backends)


def backing(evidence: Evidence, service: JsonObject) -> list[Workload]:
    """The workloads behind a Service: those it selects, else the one that bears its name."""
    meta = service["metadata"]
    near = [w for w in evidence.workloads if w.namespace == meta.get("namespace", "")]
    chosen = [w for w in near if selects((service.get("spec") or {}).get("selector"), w.labels)]
    return chosen or [w for w in near if w.name == meta["name"] and w.kind not in ("Job", "CronJob")]


def references_of(evidence: Evidence, workload: Workload) -> Iterator[Reference]:
    """Every Service that a workload's settings name."""
    known = {(s["metadata"].get("namespace", ""), s["metadata"]["name"]) for s in evidence.of("Service")}
    seen = set()
    for container in containers_of([workload.pod_spec]):
        for variable, where, text in _settings(evidence, workload, container):
            for host, port in _hosts(variable, text, workload.namespace, known):
                reference = _reference(evidence, workload, str(container["name"]), variable, where, host, port)
                if reference is not None and reference not in seen:
                    seen.add(reference)
                    yield reference


def references_in_logs(evidence: Evidence, workload: Workload) -> Iterator[Reference]:
    """Services whose calls a workload's log reports as failed: an image may know its dependencies by heart."""
    named = {w.name for w in evidence.workloads if w.namespace == workload.namespace}
    seen = set()
    for pod in workload.pods[:3]:
        for call in failed_calls(evidence.log(pod)):
            reference = _reference(evidence, workload, "", "", "its log", call.host, call.port)
            if reference is None or reference in seen or reference.service == workload.name:
                continue
            seen.add(reference)
            if evidence.get("Service", reference.namespace, reference.service) or reference.service in named:
                yield reference


def environment(evidence: Evidence, workload: Workload, container: JsonObject) -> dict[str, str]:
    """The variables of a container whose values can be known, ConfigMaps resolved and $(NAME) expanded."""
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        name = (source.get("configMapRef") or {}).get("name", "")
        config = evidence.get("ConfigMap", workload.namespace, name)
        values.update({source.get("prefix", "") + k: str(v) for k, v in ((config or {}).get("data") or {}).items()})
    for entry in container.get("env") or []:
        ref = (entry.get("valueFrom") or {}).get("configMapKeyRef")
        if ref:
            config = evidence.get("ConfigMap", workload.namespace, ref.get("name", "")) or {}
            values[entry["name"]] = str((config.get("data") or {}).get(ref.get("key"), ""))
        elif "value" in entry:
            known = dict(values)
            values[entry["name"]] = _EXPANSION.sub(lambda m, k=known: k.get(m[1], m[0]), str(entry["value"]))  # type: ignore[misc]
    return values


def _settings(evidence: Evidence, workload: Workload, container: JsonObject) -> Iterator[tuple[str, str, str]]:
    for name, value in environment(evidence, workload, container).items():
        yield name, f"env {name}", value
    for text in [*(container.get("command") or []), *(container.get("args") or [])]:
        yield "", "an argument", str(text)
    mounted = {m.get("name") for m in container.get("volumeMounts") or []}
    for volume in workload.pod_spec.get("volumes") or []:
        name = (volume.get("configMap") or {}).get("name", "")
        config = evidence.get("ConfigMap", workload.namespace, name) if volume.get("name") in mounted else None
        for text in ((config or {}).get("data") or {}).values():
            yield "", f"ConfigMap {name}", str(text)


def _hosts(variable: str, text: str, namespace: str, known: set[tuple[str, str]]) -> Iterator[tuple[str, int | None]]:
    """Host names in a setting that stand for a Service: with a scheme or port, by the variable's name, or known ones."""
    if variable in _SELF_NAMES:
        return
    if "\n" in text:
        for match in _FIELD.finditer(text):
            yield match["host"], int(match["port"]) if match["port"] else None
        return
    named = any(variable.endswith(f"_{word}") or variable == word for word in _ADDRESS_NAMES)
    for token in re.split(r"[\s,;|=]+", text):
        found = _TOKEN.match(token.strip("\"'"))
        if found and (found["scheme"] or found["port"] or named or (namespace, found["host"]) in known):
            yield found["host"], int(found["port"]) if found["port"] else None


def _reference(
    evidence: Evidence, workload: Workload, container: str, variable: str, where: str, host: str, port: int | None
) -> Reference | None:
    """The reference, unless the host is outside the cluster or the workload itself."""
    labels = host.split(".")
    namespaces = {n["metadata"]["name"] for n in evidence.of("Namespace")} | set(evidence.namespaces)
    if labels[0] in ("localhost", "kubernetes") or (
        len(labels) == 1 and labels[0] in ("true", "false", "http", "https")
    ):
        return None
    if len(labels) > 1 and labels[1] not in namespaces:
        return None  # a name outside the cluster
    namespace = labels[1] if len(labels) > 1 else workload.namespace
    return Reference(workload.subject, container, variable, where, host, namespace, labels[0], port)
