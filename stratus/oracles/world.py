"""One read of the scoped namespaces, shared by all oracles: they judge the same moment, and a look costs few API calls."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused, StratusError, Unobservable
from stratus.domain.objects import ObjectRef, Subject
from stratus.oracles.labels import LabelIndex
from stratus.ports import Clock, ClusterReader

NAMESPACED: dict[str, tuple[str, str]] = {
    # kind: (API version, plural). "" leaves the version to discovery: 1.20 serves only a beta of it.
    "Deployment": ("apps/v1", "deployments.apps"),
    "ReplicaSet": ("apps/v1", "replicasets.apps"),
    "StatefulSet": ("apps/v1", "statefulsets.apps"),
    "DaemonSet": ("apps/v1", "daemonsets.apps"),
    "Job": ("batch/v1", "jobs.batch"),
    "CronJob": ("", "cronjobs.batch"),
    "Pod": ("v1", "pods"),
    "Service": ("v1", "services"),
    "Endpoints": ("v1", "endpoints"),
    "PersistentVolumeClaim": ("v1", "persistentvolumeclaims"),
    "HorizontalPodAutoscaler": ("", "horizontalpodautoscalers.autoscaling"),
    "Ingress": ("", "ingresses.networking.k8s.io"),
}
CLUSTERED: dict[str, tuple[str, str]] = {
    "Node": ("v1", "nodes"),
    "ValidatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    ),
    "MutatingWebhookConfiguration": (
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    ),
}
ON_DEMAND: dict[str, tuple[str, str]] = {"Event": ("v1", "events"), "ConfigMap": ("v1", "configmaps")}
"""Read only when a judgement needs them: they can be large."""

KNOWN_OWNERS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob"})


@dataclass(frozen=True, eq=False)
class World:
    """The objects in scope at one moment. Indexes are computed once per look; a World equals only itself."""

    at: datetime
    monotonic: float
    scope: tuple[str, ...] = ()
    """The namespaces given; () is all but ``kube-*``."""
    objects: Mapping[str, tuple[JsonObject, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """Kinds that could not be read, and why."""
    gone: tuple[str, ...] = ()
    """Scoped namespaces that do not exist or are being deleted."""
    reachable: bool = True

    def all(self, kind: str) -> tuple[JsonObject, ...]:
        """Every object of a kind in scope. Raises Unobservable when the kind could not be read, or was not."""
        if kind in self.unreadable:
            raise Unobservable(self.unreadable[kind])
        if kind not in self.objects:
            raise Unobservable(f"{kind} was not read")
        return self.objects[kind]

    def find(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        """One object, None when it is not there. Raises Unobservable like ``all``."""
        self.all(kind)
        return self._by_name.get((kind, namespace, name))

    def covers(self, namespace: str) -> bool:
        """Whether a namespace is in scope."""
        return namespace in self.scope if self.scope else not namespace.startswith("kube-")

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Names of the namespaces in scope, as far as they are known."""
        named = {obj["metadata"]["name"] for obj in self.objects.get("Namespace", ())}
        return frozenset({name for name in named if self.covers(name)} | set(self.scope))

    @cached_property
    def bound_nodes(self) -> frozenset[str]:
        """Names of the nodes that pods in scope are bound to. Raises Unobservable."""
        return frozenset(name for pod in self.all("Pod") if (name := (pod.get("spec") or {}).get("nodeName")))

    @cached_property
    def _by_name(self) -> Mapping[tuple[str, str, str], JsonObject]:
        return {
            (kind, namespace_of(o), o["metadata"]["name"]): o for kind, every in self.objects.items() for o in every
        }

    @cached_property
    def _owned(self) -> Mapping[str, tuple[JsonObject, ...]]:
        index: dict[str, list[JsonObject]] = defaultdict(list)
        for kind in ("ReplicaSet", "Job", "Pod"):
            for obj in self.objects.get(kind, ()):
                owner = controller_of(obj)
                if owner:
                    index[owner["uid"]].append(obj)
        return {uid: tuple(every) for uid, every in index.items()}

    def owned_by(self, owner: JsonObject, kind: str) -> tuple[JsonObject, ...]:
        """The objects of ``kind`` whose controller is ``owner``."""
        self.all(kind)
        return tuple(o for o in self._owned.get(owner["metadata"].get("uid", ""), ()) if o["kind"] == kind)

    def owner(self, obj: JsonObject) -> Subject:
        """The top owner: a Deployment for its pods, a CronJob for its Jobs, a custom resource by its reference."""
        owner = controller_of(obj)
        namespace = namespace_of(obj)
        if not owner:
            return subject_of(obj)
        above = self.find(owner["kind"], namespace, owner["name"]) if owner["kind"] in KNOWN_OWNERS else None
        return self.owner(above) if above else Subject(kind=owner["kind"], namespace=namespace, name=owner["name"])

    @cached_property
    def _pods_by_label(self) -> LabelIndex[JsonObject]:
        return LabelIndex((namespace_of(pod), labels_of(pod), pod) for pod in self.all("Pod"))

    def selected_pods(self, service: JsonObject) -> tuple[JsonObject, ...]:
        """The pods that a Service selects; none when it has no selector."""
        return self._pods_by_label.carrying(namespace_of(service), service["spec"].get("selector") or {})


def subject_of(obj: JsonObject) -> Subject:
    """An object as the subject of findings."""
    return Subject(kind=obj["kind"], namespace=namespace_of(obj), name=obj["metadata"]["name"])


def namespace_of(obj: JsonObject) -> str:
    """ "" for cluster-scoped objects."""
    return str(obj["metadata"].get("namespace") or "")


def labels_of(obj: JsonObject) -> Mapping[str, str]:
    """The labels, {} when there are none."""
    return obj["metadata"].get("labels") or {}


def controller_of(obj: JsonObject) -> JsonObject | None:
    """The owner reference with ``controller: true``."""
    references: Iterable[JsonObject] = obj["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


async def look(reader: ClusterReader, clock: Clock, scope: tuple[str, ...] = (), *, clustered: bool = True) -> World:
    """Read everything once, in parallel. Never raises for an API failure: the World says what it could not read.

    ``clustered``: also read nodes and webhooks, which need permissions beyond a namespace.
    """
    wanted = [(kind, each) for kind in NAMESPACED for each in scope or ("",)]
    wanted += [(kind, "") for kind in CLUSTERED if clustered]
    spaces, *parts = await asyncio.gather(_namespaces(reader, scope), *(_read(reader, *each) for each in wanted))
    objects: dict[str, tuple[JsonObject, ...]] = {"Namespace": spaces.objects}
    unreadable = {"Namespace": spaces.why} if spaces.why else {}
    for (kind, _), part in zip(wanted, parts, strict=True):
        inside = tuple(o for o in part.objects if kind in CLUSTERED or scope or not namespace_of(o).startswith("kube-"))
        objects[kind] = objects.get(kind, ()) + inside
        if part.why:
            unreadable[kind] = part.why
    reachable = any(part.answered for part in parts)
    return World(clock.now(), clock.monotonic(), scope, objects, unreadable, spaces.gone, reachable)


async def read_on_demand(
    reader: ClusterReader, kind: str, namespaces: Iterable[str], fields: str = ""
) -> list[JsonObject]:
    """Objects of a kind of ON_DEMAND in some namespaces. Raises Unobservable, naming a missing permission."""
    version, plural = ON_DEMAND[kind]
    found: list[JsonObject] = []
    for namespace in sorted(set(namespaces)):
        try:
            found += await reader.list(kind, namespace, api_version=version, fields=fields)
        except StratusError as error:
            raise Unobservable(explained(error, "list", plural, namespace)) from error
    return found


def explained(error: StratusError, verb: str, plural: str, namespace: str = "") -> str:
    """Why something cannot be observed; a 403 names the permission that is missing."""
    where = f" in namespace {namespace}" if namespace else " in the whole cluster"
    if isinstance(error, Refused) and error.status in (401, 403):
        return f"permission missing: {verb} {plural}{where}"
    return f"cannot {verb} {plural}{where}: {error}"


@dataclass(frozen=True)
class _Part:
    """What one request brought."""

    objects: tuple[JsonObject, ...] = ()
    why: str = ""
    answered: bool = True
    gone: tuple[str, ...] = ()


async def _read(reader: ClusterReader, kind: str, namespace: str) -> _Part:
    version, plural = (NAMESPACED | CLUSTERED)[kind]
    try:
        return _Part(tuple(await reader.list(kind, namespace, api_version=version)))
    except StratusError as error:
        return _Part(why=explained(error, "list", plural, namespace), answered=isinstance(error, Refused))


async def _namespaces(reader: ClusterReader, scope: tuple[str, ...]) -> _Part:
    if not scope:
        try:
            return _Part(tuple(await reader.list("Namespace", api_version="v1")))
        except StratusError as error:
            return _Part(why=explained(error, "list", "namespaces"))
    parts = await asyncio.gather(*(_namespace(reader, name) for name in scope))
    return _Part(
        objects=tuple(obj for part in parts for obj in part.objects),
        why=next((part.why for part in parts if part.why), ""),
        gone=tuple(name for part in parts for name in part.gone),
    )


async def _namespace(reader: ClusterReader, name: str) -> _Part:
    try:
        obj = await reader.get(ObjectRef(api_version="v1", kind="Namespace", name=name))
    except Absent:
        return _Part(gone=(name,))
    except StratusError as error:
        return _Part(why=explained(error, "get", f"namespaces/{name}"))
    return _Part((obj,), gone=(name,) if obj["metadata"].get("deletionTimestamp") else ())
