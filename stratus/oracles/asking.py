"""Asking a Service through the API server's proxy, and telling an answer from silence.

Any bytes that come back prove that something listens, so a database that answers HTTP with its own protocol is not sick.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused, Unobservable
from stratus.oracles.world import explained, namespace_of
from stratus.ports import ClusterReader, HttpReply

PROXY_FAILURES: tuple[tuple[str, str, bool, str], ...] = (
    # pattern in the proxy's message, what it is called, whether it is silence, why
    (r"connection refused", "connection refused", True, "nothing listens on the target port"),
    (r"no route to host|network is unreachable|host is down", "no route", True, "the pod's address is dead"),
    (
        r"dial tcp.*i/o timeout|context deadline exceeded",
        "time-out",
        True,
        "packets are dropped on the way, or nobody accepts",
    ),
    (r"no endpoints available", "no endpoints", False, "the endpoints left between the look and the question"),
    (r"no service port", "no such port", False, "the Service changed between the look and the question"),
    (r"malformed HTTP|bad status line|server gave HTTP response", "not HTTP", False, "it answered in its own protocol"),
    (r"EOF|connection reset|broken pipe|first record does not look", "closed", False, "it accepted, then hung up"),
)
"""How the API server's proxy says why there is no HTTP answer. The first row that matches decides."""

DATA_STORES = re.compile(
    r"mysql|maria|postgre|psql|pgsql|redis|mongo|kafka|amqp|rabbit|nats|cassandra|cql|memcache|zookeeper|etcd|elastic-transport"
    r"|oracle|mssql|ldap|smtp|grpc|thrift|dns",
    re.IGNORECASE,
)
"""Names of ports and images that speak no HTTP: asking them fills their logs, and MySQL blocks hosts that do it often."""
DATA_PORTS = frozenset(
    {
        25,
        53,
        389,
        1433,
        1521,
        2181,
        3306,
        3389,
        4222,
        5432,
        5672,
        6379,
        9042,
        9092,
        9300,
        11211,
        26257,
        27017,
        27018,
        50051,
    }
)


class Heard(StrEnum):
    """What came of a question."""

    ANSWER = "answer"
    SILENCE = "silence"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Question:
    """One GET through the proxy."""

    namespace: str
    service: str
    port: str
    path: str
    scheme: str = "http"
    known_http: bool = False
    """The pods' own readiness probe says that this port speaks HTTP: then a time-out is silence too."""

    @property
    def target(self) -> str:
        """The Service as the proxy's path names it."""
        return f"https:{self.service}" if self.scheme == "https" else self.service

    def __str__(self) -> str:
        return f"{self.service}:{self.port}{self.path}"


def questions(service: JsonObject, pods: Iterable[JsonObject]) -> list[Question]:
    """What to ask a Service whose ready pods are ``pods``: once for each TCP port that plausibly speaks HTTP."""
    asked, ready = [], tuple(pods)
    for port in service["spec"].get("ports") or ():
        if port.get("protocol", "TCP") == "TCP":
            question = _question(service, port, ready)
            if question:
                asked.append(question)
    return asked


def _question(service: JsonObject, port: JsonObject, pods: tuple[JsonObject, ...]) -> Question | None:
    containers = [container for pod in pods[:1] for container in pod["spec"].get("containers") or ()]
    target = port.get("targetPort") or port["port"]
    declared = {each["containerPort"]: each.get("name", "") for c in containers for each in c.get("ports") or ()}
    number = next((n for n, name in declared.items() if name == target), target) if isinstance(target, str) else target
    asked = (namespace_of(service), service["metadata"]["name"], str(port["port"]))
    for container in containers:
        probe = (container.get("readinessProbe") or {}).get("httpGet")
        if probe and _resolved(probe.get("port"), declared) == number:
            scheme = str(probe.get("scheme", "HTTP")).lower()
            return Question(*asked, path=probe.get("path") or "/", scheme=scheme, known_http=True)
    words = (port.get("name", ""), port.get("appProtocol", ""), declared.get(number, ""))
    images = [c.get("image", "").rpartition("/")[2] for c in containers if not declared or _declares(c, number)]
    speaks_else = number in DATA_PORTS or port["port"] in DATA_PORTS or any(map(DATA_STORES.search, (*words, *images)))
    suspicious = bool(declared) and number not in declared
    if speaks_else and not suspicious:
        return None
    scheme = "https" if number in (443, 8443, 6443) or "https" in words else "http"
    return Question(*asked, path="/", scheme=scheme, known_http="http" in words and not suspicious)


def _resolved(port: object, declared: Mapping[int, str]) -> object:
    return next((number for number, name in declared.items() if name == port), port)


def _declares(container: JsonObject, number: object) -> bool:
    return any(each["containerPort"] == number for each in container.get("ports") or ())


async def ask(reader: ClusterReader, question: Question, timeout: float) -> tuple[Heard, str]:
    """Ask once. Raises Unobservable when the proxy may not be used or the API server does not answer."""
    try:
        reply = await reader.service_request(
            question.namespace, question.target, question.port, question.path, timeout=timeout
        )
    except Absent:
        return Heard.UNCLEAR, "the Service is gone"
    except Refused as error:
        raise Unobservable(explained(error, "get", "services/proxy", question.namespace)) from error
    return heard(reply, known_http=question.known_http)


def heard(reply: HttpReply, *, known_http: bool) -> tuple[Heard, str]:
    """Tell the application's answer from what the proxy says in its place."""
    if reply.status == 504 and reply.body.startswith("no answer within"):
        return (Heard.SILENCE if known_http else Heard.UNCLEAR), "time-out"
    said = proxy_failure(reply)
    if not said:
        return Heard.ANSWER, str(reply.status)
    for pattern, name, silent, _ in PROXY_FAILURES:
        if re.search(pattern, said, re.IGNORECASE):
            if silent:
                return Heard.SILENCE, f"{name}: {said}"
            return (Heard.UNCLEAR if name.startswith("no ") else Heard.ANSWER), name
    return Heard.SILENCE, said


def proxy_failure(reply: HttpReply) -> str:
    """The API server's own message when it could not pass the request on, "" when the application answered."""
    if reply.status < 500:
        return ""
    try:
        status = json.loads(reply.body)
    except ValueError:
        body = reply.body.strip()
        return body if body.lower().startswith("error trying to reach service") else ""
    if not isinstance(status, dict) or status.get("kind") != "Status" or status.get("apiVersion") != "v1":
        return ""
    return str(status.get("message", ""))
