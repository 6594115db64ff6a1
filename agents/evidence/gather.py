"""One parallel read of everything that a diagnosis may need. What may not be read is said, not guessed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from agents.evidence.logs import stamped
from agents.evidence.model import Evidence, LogTail
from agents.evidence.routes import ask_routes
from agents.evidence.workload import pod_ready
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused, Retryable, Unobservable
from stratus.domain.severity import Observation
from stratus.ports import ClusterReader

NAMESPACED: Final = (
    "Pod", "Service", "Endpoints", "EndpointSlice", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet",
    "ControllerRevision", "Job", "CronJob", "ConfigMap", "Secret", "PersistentVolumeClaim", "Event", "ResourceQuota",
    "LimitRange", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy", "Ingress", "ServiceAccount",
)  # fmt: skip
CLUSTER: Final = (
    "Namespace", "Node", "PersistentVolume", "StorageClass", "PriorityClass", "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration", "IngressClass",
)  # fmt: skip
SYSTEM: Final = ("ConfigMap", "Deployment", "Service", "Endpoints", "Pod", "ReplicaSet", "Event")
"""What is read of the system namespace: enough to judge the cluster's DNS."""
SYSTEM_NAMESPACE: Final = "kube-system"
LOG_LINES: Final = 60
FRESH: Final = timedelta(minutes=3)
"""Age up to which a log line speaks of what fails now, and not of an incident that is over."""
LOGS_AT_MOST: Final = 80
PARALLEL: Final = 8
_QUALIFIED: Final = re.compile(r"\b[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\.([a-z0-9](?:[-a-z0-9]*[a-z0-9])?)(?:\.svc)?\b")


class _Look:
    """One gathering: a bounded number of requests at a time, and what was refused."""

    def __init__(self, reader: ClusterReader, at: datetime) -> None:
        self.reader, self.at = reader, at
        self.slots = asyncio.Semaphore(PARALLEL)
        self.refused: list[str] = []

    async def objects(self, kind: str, namespace: str = "") -> list[JsonObject]:
        async with self.slots:
            try:
                return await self.reader.list(kind, namespace)
            except Refused as error:
                self.refused.append(f"{kind}{f' in {namespace}' if namespace else ''}: {error}")
                return []

    async def log(self, pod: JsonObject, container: str, restarted: bool) -> LogTail:
        meta = pod["metadata"]
        texts = {}
        for previous in (False, True) if restarted else (False,):
            async with self.slots:
                try:
                    texts[previous] = await self.reader.logs(
                        meta["namespace"], meta["name"], container, previous=previous, tail=LOG_LINES, timestamps=True
                    )
                except (Refused, Retryable, Unobservable):
                    texts[previous] = ""  # a container that never started has no log, and the kubelet may be away
        name = f"{meta['namespace']}/{meta['name']}"
        now, before = list(stamped(texts[False])), stamped(texts.get(True, ""))
        fresh = tuple(line for when, line in now if when is None or self.at - when < FRESH)
        return LogTail(name, container, _text(now), _text(before), fresh)


async def gather(
    reader: ClusterReader,
    namespaces: Sequence[str],
    observation: Observation,
    *,
    at: datetime,
    baseline: Mapping[str, JsonObject] | None = None,
    with_logs: bool = True,
) -> Evidence:
    """Read. Raises Retryable or Unobservable when the API does not answer."""
    look = _Look(reader, at)
    scope = tuple(namespaces)
    objects = await _many(look, [(kind, "") for kind in CLUSTER] + _pairs(scope or ("",), NAMESPACED))
    others = _referenced_namespaces(objects, scope) if scope else ()
    objects += await _many(look, _pairs(others, NAMESPACED))
    if scope and SYSTEM_NAMESPACE not in (*scope, *others):
        objects += await _many(look, _pairs((SYSTEM_NAMESPACE,), SYSTEM))
    wanted = _wanted_logs(objects) if with_logs else []
    logs = await asyncio.gather(*(look.log(*each) for each in wanted))
    answers = await ask_routes(reader, objects) if observation.findings else ()
    identity = await reader.identity()
    return Evidence(
        at=at,
        namespaces=(*scope, *others),
        objects=tuple(objects),
        findings=observation.findings,
        stuck=observation.stuck,
        logs=tuple(logs),
        baseline=baseline or {},
        answers=answers,
        unreadable=tuple(look.refused),
        version=_version(identity.version),
    )


def _text(lines: Iterable[tuple[datetime | None, str]]) -> str:
    return "\n".join(line for _, line in lines)


def _pairs(namespaces: Iterable[str], kinds: Sequence[str]) -> list[tuple[str, str]]:
    return [(kind, namespace) for namespace in namespaces for kind in kinds]


async def _many(look: _Look, wanted: Sequence[tuple[str, str]]) -> list[JsonObject]:
    lists = await asyncio.gather(*(look.objects(kind, namespace) for kind, namespace in wanted))
    return [obj for objects in lists for obj in objects]


def _referenced_namespaces(objects: Sequence[JsonObject], scope: Sequence[str]) -> tuple[str, ...]:
    """Namespaces that workloads in scope name in their settings: a dependency may be broken over there."""
    names = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"} - {*scope, SYSTEM_NAMESPACE}
    texts = [str(obj.get("spec")) for obj in objects if obj["kind"] in ("Deployment", "StatefulSet", "DaemonSet")]
    texts += [str(obj.get("data")) for obj in objects if obj["kind"] == "ConfigMap"]
    mentioned = {match for text in texts for match in _QUALIFIED.findall(text)}
    return tuple(sorted(names & mentioned))


def _wanted_logs(objects: Sequence[JsonObject]) -> list[tuple[JsonObject, str, bool]]:
    """Whose logs to read: containers that fail first, then restarted ones, then the others while there is room."""
    wanted = []
    for pod in (obj for obj in objects if obj["kind"] == "Pod"):
        status = pod.get("status") or {}
        for state in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            restarted = bool(state.get("restartCount"))
            if "waiting" in (state.get("state") or {}) and not restarted:
                continue
            urgency = (pod_ready(pod), not restarted, pod["metadata"].get("namespace") == SYSTEM_NAMESPACE)
            wanted.append((urgency, (pod, str(state["name"]), restarted)))
    wanted.sort(key=lambda each: each[0])
    return [each for _, each in wanted[:LOGS_AT_MOST]]


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)
