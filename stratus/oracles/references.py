"""Which Services the workloads call, read from their environment and arguments.

A name in a value is not proof of a call: each reference says whether it alone is enough to miss a Service, or only to
know that an existing Service has callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.oracles.rollouts import templates
from stratus.oracles.world import World, namespace_of, subject_of

_LABEL = r"[a-z](?:[-a-z0-9]*[a-z0-9])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*"
_URL = re.compile(rf"\b([a-z][a-z0-9+]*)://(?:[^/@\s,]*@)?({_HOST})(?::(\d{{1,5}}))?(?=[/?#,;\s'\"]|$)")
_HOST_PORT = re.compile(rf"(?<![-\w.@/:$])({_HOST}):(\d{{2,5}})(?![\w.:-])")
_SERVICE_DNS = re.compile(rf"(?<![-\w.])({_LABEL}(?:\.{_LABEL}){{1,2}}\.svc(?:\.[a-z0-9.-]+)?)(?![\w-])")
_ONLY_HOST_PORTS = re.compile(rf"\s*(?:{_HOST}:\d{{2,5}})(?:[,;\s]+{_HOST}:\d{{2,5}})*\s*")
_ONLY_HOST = re.compile(_HOST)

_SCHEMES = frozenset(
    "http https grpc grpcs ws wss tcp udp redis rediss mongodb mysql postgres postgresql amqp amqps nats kafka ldap ldaps"
    " thrift zipkin memcached dns".split()
)
"""Schemes whose authority is a host even without a port; ``s3://bucket`` and ``file://`` name no host."""
_HINT = re.compile(
    r"(ADDR|HOST|URL|URI|ENDPOINT|SERVER|SERVICE|UPSTREAM|BACKEND|TARGET|BROKER|DSN|CALLS?|PEER|PROXY)", re.IGNORECASE
)
"""Names of settings that hold hosts."""
_NOT_HOSTS = re.compile(r"(IMAGE|TAG|VERSION)", re.IGNORECASE)
_LOWEST_PORT = 80
"""``redis:7`` is an image and ``level:5`` a setting; no Service of ours listens below HTTP."""


@dataclass(frozen=True)
class Reference:
    """One workload names one Service."""

    by: Subject
    namespace: str
    service: str
    text: str
    sure: bool
    """The text can only be a host; otherwise it counts only when something of that name is known."""


@lru_cache(maxsize=1)
def references(world: World) -> tuple[Reference, ...]:
    """Every reference from workloads that want pods, without those to themselves."""
    services = {(namespace_of(obj), obj["metadata"]["name"]) for obj in world.all("Service")}
    found: dict[tuple[str, str, str], Reference] = {}
    for subject, wanted, template in templates(world):
        if not wanted:
            continue
        aliases = _aliases(template)
        for key, value in settings(template):
            for host, text, sure in hosts(key, value):
                where = _service_of(host, subject.namespace, world.namespaces, services)
                if where is None or host in aliases or where == (subject.namespace, subject.name):
                    continue
                reference = Reference(subject, *where, text, sure)
                identity = (subject.path, *where)
                if identity not in found or (sure and not found[identity].sure):
                    found[identity] = reference
    return tuple(found.values())


def settings(template: JsonObject) -> Iterator[tuple[str, str]]:
    """(name, value) of every literal environment variable and argument; the name is "" for arguments."""
    spec = template.get("spec") or {}
    for container in (*(spec.get("initContainers") or ()), *(spec.get("containers") or ())):
        for variable in container.get("env") or ():
            if variable.get("value"):
                yield variable["name"], str(variable["value"])
        for argument in (*(container.get("command") or ()), *(container.get("args") or ())):
            name, equal, value = str(argument).partition("=")
            yield (name.lstrip("-"), value) if equal and name.startswith("-") else ("", str(argument))


def hosts(key: str, value: str) -> Iterator[tuple[str, str, bool]]:
    """(host, the text that names it, whether it can only be a host) in one setting."""
    for match in _SERVICE_DNS.finditer(value):
        yield match[1], match[0], True
    for match in _URL.finditer(value):
        if match[3] or match[1] in _SCHEMES:
            yield match[2], match[0], True
    if _NOT_HOSTS.search(key):
        return
    sure = bool(_HINT.search(key) or _ONLY_HOST_PORTS.fullmatch(value))
    for match in _HOST_PORT.finditer(value):
        if _LOWEST_PORT <= int(match[2]) <= 65535:
            yield match[1], match[0], sure
    if _HINT.search(key) and _ONLY_HOST.fullmatch(value):
        yield value, value, False


def called_from_outside(world: World) -> frozenset[tuple[str, str]]:
    """(namespace, name) of Services that an Ingress names or that have an address outside the cluster."""
    exposed = {
        (namespace_of(obj), obj["metadata"]["name"])
        for obj in world.all("Service")
        if obj["spec"].get("type") in ("LoadBalancer", "NodePort")
    }
    return frozenset(exposed | {(subject.namespace, name) for subject, name in ingress_backends(world)})


def ingress_backends(world: World) -> Iterator[tuple[Subject, str]]:
    """(Ingress, Service name) of every backend, in the words of v1 and of the betas before it."""
    for ingress in world.all("Ingress"):
        spec = ingress.get("spec") or {}
        backends = [spec.get("defaultBackend") or spec.get("backend") or {}]
        for rule in spec.get("rules") or ():
            backends += [path.get("backend") or {} for path in (rule.get("http") or {}).get("paths") or ()]
        for backend in backends:
            name = (backend.get("service") or {}).get("name") or backend.get("serviceName")
            if name:
                yield subject_of(ingress), name


def mentions(text: str, service: str) -> bool:
    """Whether a file (a ConfigMap's value) names a Service as a host: quoted, with a port, a namespace or a scheme."""
    name = re.escape(service)
    return bool(re.search(rf"(?<![-\w.])(?:{name}:\d|{name}\.[a-z]|\"{name}\"|'{name}'|//{name}\b)", text))


def _aliases(template: JsonObject) -> frozenset[str]:
    aliases = (template.get("spec") or {}).get("hostAliases") or ()
    return frozenset({name for alias in aliases for name in alias.get("hostnames") or ()} | {"localhost"})


def _service_of(
    host: str, namespace: str, namespaces: Iterable[str], services: Iterable[tuple[str, str]]
) -> tuple[str, str] | None:
    """(namespace, Service) that cluster DNS resolves a host to; None for what lies outside the scope."""
    labels = host.split(".")
    match labels:
        case [name]:
            return namespace, name
        case [name, space] if space in namespaces:
            return None if (namespace, space) in services else (space, name)
        case [name, space, "svc", *_]:
            return (space, name) if space in namespaces else None
        case [_, name, space, "svc", *_]:
            return (space, name) if space in namespaces else None
    return None
