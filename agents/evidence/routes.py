"""What the backends of Ingresses answer on the paths that lead to them.

A path that leads to the wrong Service shows nowhere else: everybody is healthy, and the users get its 404s. So the backend is
asked, and where it answers 404, the other Services of the namespace are asked for the same path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused, Retryable, Unobservable
from stratus.oracles.asking import proxy_failure, questions
from stratus.oracles.labels import selects
from stratus.ports import ClusterReader

NOT_FOUND: Final = 404
AT_MOST: Final = 20
"""Paths that are asked for, and Services that are asked for one of them."""


@dataclass(frozen=True)
class Answered:
    """What a Service said when asked for an Ingress' path; ``status`` 0 is no answer of its own."""

    namespace: str
    service: str
    port: int
    path: str
    status: int


def backends(ingress: JsonObject) -> Iterator[tuple[tuple[Any, ...], str, JsonObject]]:
    """(where the backend stands in the object, the URL path, the backend) of every rule."""
    for i, rule in enumerate((ingress.get("spec") or {}).get("rules") or []):
        for j, path in enumerate((rule.get("http") or {}).get("paths") or []):
            yield (
                ("spec", "rules", i, "http", "paths", j, "backend"),
                path.get("path") or "/",
                path.get("backend") or {},
            )


def backend_of(backend: JsonObject) -> tuple[str, Any]:
    """(Service, port name or number) in either version of the API."""
    service = backend.get("service") or {}
    port = service.get("port") or {}
    name = service.get("name") or backend.get("serviceName") or ""
    return str(name), port.get("number") or port.get("name") or backend.get("servicePort")


async def ask_routes(reader: ClusterReader, objects: Sequence[JsonObject]) -> tuple[Answered, ...]:
    """Ask every Ingress' backends for its paths. Who does not answer has no status."""
    services = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in objects if o["kind"] == "Service"}
    pods = [o for o in objects if o["kind"] == "Pod"]
    wanted = []
    for ingress in (o for o in objects if o["kind"] == "Ingress"):
        namespace = ingress["metadata"].get("namespace", "")
        for _, path, backend in backends(ingress):
            name, port = backend_of(backend)
            number = _number(services.get((namespace, name)), port)
            if number:
                wanted.append((namespace, name, number, path))
    asked = await _ask(reader, list(dict.fromkeys(wanted))[:AT_MOST])
    others = []
    for lost in (each for each in asked if each.status == NOT_FOUND):
        near = [o for (namespace, name), o in services.items() if namespace == lost.namespace and name != lost.service]
        others += [
            (lost.namespace, question.service, int(question.port), lost.path)
            for service in near[:AT_MOST]
            for question in questions(service, _behind(service, pods))[:1]
        ]
    return (*asked, *await _ask(reader, list(dict.fromkeys(others))))


async def _ask(reader: ClusterReader, wanted: Sequence[tuple[str, str, int, str]]) -> list[Answered]:
    async def one(namespace: str, service: str, port: int, path: str) -> Answered:
        try:
            reply = await reader.service_request(namespace, service, str(port), path)
        except (Refused, Retryable, Unobservable):
            return Answered(namespace, service, port, path, 0)  # evidence that is missing, not a reason to stop
        return Answered(namespace, service, port, path, 0 if proxy_failure(reply) else reply.status)

    return list(await asyncio.gather(*(one(*each) for each in wanted)))


def _number(service: JsonObject | None, port: Any) -> int | None:
    for each in ((service or {}).get("spec") or {}).get("ports") or []:
        if port in (each["port"], each.get("name")):
            return int(each["port"])
    return None


def _behind(service: JsonObject, pods: Sequence[JsonObject]) -> list[JsonObject]:
    wanted, namespace = service["spec"].get("selector"), service["metadata"]["namespace"]
    selector = {"matchLabels": wanted} if wanted else None
    near = (p for p in pods if p["metadata"].get("namespace") == namespace)
    return [p for p in near if selects(selector, p["metadata"].get("labels") or {})]
