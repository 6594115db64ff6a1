"""A cluster of dictionaries for what needs no server: parsing, targets, refusals, the steps themselves."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.kubectl.selectors import matches
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ClusterIdentity, ObjectRef
from stratus.ports import HttpReply, Resource

_SCALE = ("scale", "status")


def _resource(group: str, version: str, kind: str, plural: str, short: str = "", **other: object) -> Resource:
    return Resource.model_validate(
        {
            "group": group,
            "version": version,
            "kind": kind,
            "plural": plural,
            "namespaced": True,
            "short_names": tuple(short.split()),
            **other,
        }
    )


RESOURCES = (
    _resource("", "v1", "ConfigMap", "configmaps", "cm"),
    _resource("", "v1", "Secret", "secrets"),
    _resource("", "v1", "Service", "services", "svc"),
    _resource("", "v1", "Pod", "pods", "po", subresources=("eviction", "status")),
    _resource("", "v1", "Node", "nodes", "no", namespaced=False),
    _resource("", "v1", "Event", "events", "ev"),
    _resource("events.k8s.io", "v1", "Event", "events", "ev"),
    _resource("extensions", "v1beta1", "Ingress", "ingresses", "ing"),
    _resource("apps", "v1", "Deployment", "deployments", "deploy", subresources=_SCALE),
    _resource("apps", "v1", "DaemonSet", "daemonsets", "ds"),
    _resource("apps", "v1", "ReplicaSet", "replicasets", "rs", subresources=_SCALE),
    _resource("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"),
    _resource("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa", preferred=False),
    _resource("batch", "v1", "CronJob", "cronjobs", "cj"),
    _resource("networking.k8s.io", "v1", "Ingress", "ingresses", "ing"),
    _resource("example.com", "v1", "Widget", "widgets", "wdg"),
    _resource("example.org", "v1", "Deployment", "deployments"),
)


class FakeReader:
    """ports.ClusterReader over a list of objects."""

    def __init__(self, *objects: JsonObject, resources: Sequence[Resource] = RESOURCES) -> None:
        self.objects = {ObjectRef.of(obj): obj for obj in objects}
        self.served = resources
        self.reads: list[str] = []
        """What was asked, in order."""

    async def identity(self) -> ClusterIdentity:
        return ClusterIdentity(uid="fake")

    async def resources(self) -> Sequence[Resource]:
        return self.served

    async def get(self, ref: ObjectRef) -> JsonObject:
        self.reads.append(f"get {ref.path}")
        if ref not in self.objects:
            raise Absent(f"{ref} not found", status=404)
        return copy.deepcopy(self.objects[ref])

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        self.reads.append(f"list {kind} {namespace} {labels} {fields}".strip())
        return [
            copy.deepcopy(obj)
            for ref, obj in self.objects.items()
            if ref.kind == kind
            and api_version in ("", ref.api_version)
            and namespace in ("", ref.namespace)
            and matches(labels, obj["metadata"].get("labels") or {})
            and _has_fields(obj, fields)
        ]

    async def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 200,
        timestamps: bool = False,
    ) -> str:  # fmt: skip
        raise AssertionError("the compiler reads no logs")

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        raise AssertionError("the compiler asks no services")

    async def can_i(self, verb: str, ref: ObjectRef, subresource: str = "") -> bool:
        raise AssertionError("permissions are the engine's question")


def _has_fields(obj: JsonObject, fields: str) -> bool:
    for part in filter(None, fields.split(",")):
        path, _, wanted = part.partition("=")
        value: object = obj
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value != wanted:
            return False
    return True


def deployment(name: str = "web", namespace: str = "shop", **spec: object) -> JsonObject:
    """A Deployment with two containers."""
    containers = [
        {"name": "main", "image": "a:1", "env": [{"name": "MODE", "value": "fast"}]},
        {"name": "side", "image": "b:1"},
    ]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": {"app": name}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template, **spec},
    }


def pod(name: str, node: str = "n1", owner: str = "", **other: object) -> JsonObject:
    """A running pod; ``owner`` is the kind of its controller."""
    meta: JsonObject = {"name": name, "namespace": "shop"}
    if owner:
        meta["ownerReferences"] = [
            {"apiVersion": "apps/v1", "kind": owner, "name": "owner", "uid": "u", "controller": True}
        ]
    spec = {"nodeName": node, "containers": [{"name": "main", "image": "a"}], **other}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Running"}}


def node(name: str = "n1", **spec: object) -> JsonObject:
    """A node."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"disk": "ssd"}}, "spec": spec}


def config_map(name: str = "settings", namespace: str = "shop", **data: str) -> JsonObject:
    """A ConfigMap."""
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
