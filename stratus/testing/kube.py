"""Kubernetes objects as the API server would send them, for tests of every room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stratus.domain.base import JsonObject
from stratus.testing.clock import START

NAMESPACE = "hotel"
LONG_AGO = START - timedelta(hours=1)
"""When the objects of a healthy application were made."""


def stamp(at: datetime) -> str:
    """As Kubernetes writes times."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def kube(
    kind: str,
    name: str,
    *,
    namespace: str = NAMESPACE,
    api_version: str = "v1",
    labels: Mapping[str, str] | None = None,
    created: datetime = LONG_AGO,
    owner: JsonObject | None = None,
    **parts: Any,
) -> JsonObject:
    """Any object; ``parts`` are its further top-level fields."""
    meta: JsonObject = {"name": name, "uid": f"{kind}-{namespace}-{name}", "creationTimestamp": stamp(created)}
    meta |= {"namespace": namespace} if namespace else {}
    meta |= {"labels": dict(labels)} if labels else {}
    meta |= {"generation": 1, "resourceVersion": "1"}
    if owner:
        reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "controller": True}
        meta["ownerReferences"] = [reference | {key: owner["metadata"][key] for key in ("name", "uid")}]
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **parts}


def namespace(name: str = NAMESPACE, **labels: str) -> JsonObject:
    """A Namespace."""
    return kube("Namespace", name, namespace="", labels=labels, status={"phase": "Active"})


def node(name: str = "node-1", ready: str = "True", **conditions: str) -> JsonObject:
    """A Node; ``conditions``: MemoryPressure="True"."""
    every = {"Ready": ready, **conditions}
    status = {"conditions": [{"type": kind, "status": state} for kind, state in every.items()]}
    return kube("Node", name, namespace="", spec={}, status=status)


def pod(
    name: str,
    *,
    owner: JsonObject | None = None,
    template: JsonObject | None = None,
    ready: bool = True,
    created: datetime = LONG_AGO,
    took: float = 2.0,
    namespace: str = NAMESPACE,
) -> JsonObject:
    """A running pod. ``took``: seconds from its creation to ready."""
    template = deepcopy(template or pod_template(name))
    became = stamp(created + timedelta(seconds=took))
    state = {"running": {"startedAt": stamp(created + timedelta(seconds=1))}}
    containers = [
        {"name": each["name"], "ready": ready, "restartCount": 0, "state": state, "lastState": {}}
        for each in template["spec"]["containers"]
    ]
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp(created)},
        {"type": "Ready", "status": str(ready), "lastTransitionTime": became},
    ]
    status = {"phase": "Running", "conditions": conditions, "containerStatuses": containers}
    made = kube("Pod", name, owner=owner, created=created, namespace=namespace, status=status)
    made["metadata"]["labels"] = dict(template["metadata"].get("labels") or {})
    made["spec"] = {**template["spec"], "nodeName": "node-1"}
    return made


def pod_template(
    name: str,
    *,
    port: int = 8080,
    env: Mapping[str, str] | None = None,
    args: Iterable[str] = (),
    image: str = "registry/service:1.0",
    probe: bool = True,
) -> JsonObject:
    """A pod template with one container that listens on ``port``."""
    container: JsonObject = {"name": name, "image": image, "ports": [{"containerPort": port}]}
    container |= {"env": [{"name": key, "value": value} for key, value in (env or {}).items()], "args": list(args)}
    if probe:
        check = {"path": "/healthz", "port": port}
        container["readinessProbe"] = {"httpGet": check, "periodSeconds": 1, "failureThreshold": 2}
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}


@dataclass
class App:
    """A Deployment with everything that belongs to it. Tests change the parts and take ``objects``."""

    deployment: JsonObject
    replica_set: JsonObject
    pods: list[JsonObject]
    service: JsonObject
    endpoints: JsonObject
    more: list[JsonObject] = field(default_factory=list)

    @property
    def objects(self) -> list[JsonObject]:
        """All parts."""
        return [self.deployment, self.replica_set, *self.pods, self.service, self.endpoints, *self.more]


def app(name: str, *, replicas: int = 1, port: int = 8080, namespace: str = NAMESPACE, **template: Any) -> App:
    """A healthy, settled application. ``template``: see pod_template."""
    made = pod_template(name, port=port, **template)
    counts = {key: replicas for key in ("replicas", "readyReplicas", "availableReplicas") if replicas}
    selector = {"matchLabels": {"app": name}}
    status = {"observedGeneration": 1, **counts}
    deployment = kube("Deployment", name, api_version="apps/v1", namespace=namespace)
    deployment["spec"] = {"replicas": replicas, "selector": selector, "template": made}
    deployment["status"] = status | ({"updatedReplicas": replicas} if replicas else {})
    replica_set = revision(deployment, 1, replicas)
    pods = [
        pod(f"{replica_set['metadata']['name']}-{n}", owner=replica_set, template=made, namespace=namespace)
        for n in range(replicas)
    ]
    return App(deployment, replica_set, pods, *service(name, port=port, pods=pods, namespace=namespace))


def revision(deployment: JsonObject, number: int, replicas: int) -> JsonObject:
    """The ReplicaSet of one revision of a Deployment."""
    meta, spec = deployment["metadata"], deployment["spec"]
    made = kube(
        "ReplicaSet", f"{meta['name']}-{number}", api_version="apps/v1", owner=deployment, namespace=meta["namespace"]
    )
    made["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(number)}
    made["spec"] = {"replicas": replicas, "selector": spec["selector"], "template": deepcopy(spec["template"])}
    counts = {key: replicas for key in ("replicas", "readyReplicas", "availableReplicas")}
    made["status"] = {"observedGeneration": 1, **counts}
    return made


def service(
    name: str,
    *,
    port: int = 8080,
    target: int | str | None = None,
    pods: Iterable[JsonObject] = (),
    namespace: str = NAMESPACE,
) -> tuple[JsonObject, JsonObject]:
    """A Service and its Endpoints."""
    target = port if target is None else target
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target, "protocol": "TCP"}]}
    ready = [
        {"ip": f"10.0.0.{n}", "targetRef": {"kind": "Pod", "name": p["metadata"]["name"]}} for n, p in enumerate(pods)
    ]
    subsets = [{"addresses": ready, "ports": [{"port": target}]}] if ready else []
    made = kube("Service", name, namespace=namespace, spec=spec)
    return made, kube("Endpoints", name, namespace=namespace, subsets=subsets)


def waiting(target: JsonObject, reason: str, message: str = "", *, init: bool = False) -> JsonObject:
    """The pod with its first container waiting for ``reason``."""
    status = _unready(target)
    key = "initContainerStatuses" if init else "containerStatuses"
    status[key] = [
        {
            "name": "c",
            "ready": False,
            "restartCount": 0,
            "lastState": {},
            "state": {"waiting": {"reason": reason, "message": message}},
        }
    ]
    return target


def crashed(
    target: JsonObject,
    *,
    restarts: int = 3,
    exit_code: int = 1,
    reason: str = "Error",
    at: datetime = START - timedelta(seconds=5),
    lived: float = 1.0,
    running: bool = False,
    ready: bool = False,
) -> JsonObject:
    """The pod after its container ended ``restarts`` times, last at ``at`` after ``lived`` s; in back-off unless running."""
    ended = {
        "exitCode": exit_code,
        "reason": reason,
        "finishedAt": stamp(at),
        "startedAt": stamp(at - timedelta(seconds=lived)),
    }
    state = {"running": {"startedAt": stamp(at)}} if running else {"waiting": {"reason": "CrashLoopBackOff"}}
    status = target["status"] if ready else _unready(target)
    status["containerStatuses"] = [
        {"name": "c", "ready": ready, "restartCount": restarts, "state": state, "lastState": {"terminated": ended}}
    ]
    return target


def unschedulable(target: JsonObject, message: str, since: datetime) -> JsonObject:
    """The pod without a node."""
    target["spec"].pop("nodeName", None)
    target["status"] = {"phase": "Pending", "conditions": []}
    target["status"]["conditions"].append(
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": stamp(since),
        }
    )
    return target


def terminating(target: JsonObject, until: datetime) -> JsonObject:
    """The pod, being deleted; its grace period ends at ``until``."""
    target["metadata"]["deletionTimestamp"] = stamp(until)
    return target


def warning(about: JsonObject, reason: str, message: str, at: datetime = START) -> JsonObject:
    """An event about an object."""
    meta = about["metadata"]
    made = kube("Event", f"{meta['name']}.{reason}", namespace=meta["namespace"], reason=reason, message=message)
    made["involvedObject"] = {"kind": about["kind"], "name": meta["name"], "uid": meta["uid"]}
    return made | {"type": "Warning", "lastTimestamp": stamp(at)}


def _unready(target: JsonObject) -> JsonObject:
    status: JsonObject = target["status"]
    for each in status.get("conditions", ()):
        if each["type"] == "Ready":
            each["status"] = "False"
    return status
