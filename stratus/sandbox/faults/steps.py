"""Short names for the object changes that many faults share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stratus.sandbox.api import Api
from stratus.sandbox.apps.applications import application
from stratus.sandbox.faults.operations import (
    DEPLOYMENTS,
    Create,
    Edit,
    EditText,
    Merge,
    Operation,
    Restart,
    Wait,
)

Object = dict[str, Any]
CONTAINER = "/spec/template/spec/containers/0"


def manifest(name: str, kind: str, called: str) -> Object:
    """An object of an application as it is shipped. Raises StopIteration when there is none."""
    return next(o for o in application(name) if o["kind"] == kind and o["metadata"]["name"] == called)


def recreate(name: str, kind: str, called: str) -> Create:
    """Creates an object of an application again."""
    return Create(manifest(name, kind, called))


def add(path: str, value: Any) -> Object:
    """A JSON-patch addition."""
    return {"op": "add", "path": path, "value": value}


def remove(path: str) -> Object:
    """A JSON-patch removal."""
    return {"op": "remove", "path": path}


def deployment(namespace: str, name: str, *patch: Object) -> Edit:
    """A JSON patch of a Deployment."""
    return Edit(DEPLOYMENTS, namespace, name, patch)


def service(namespace: str, name: str, *patch: Object) -> Edit:
    """A JSON patch of a Service."""
    return Edit("services", namespace, name, patch)


def scale(namespace: str, name: str, replicas: int) -> Merge:
    """Sets a Deployment's replicas."""
    return Merge(DEPLOYMENTS, namespace, name, {"spec": {"replicas": replicas}})


def image(namespace: str, name: str, container: str, reference: str) -> Merge:
    """Sets a container's image."""
    containers = [{"name": container, "image": reference}]
    return Merge(DEPLOYMENTS, namespace, name, {"spec": {"template": {"spec": {"containers": containers}}}})


def container(namespace: str, name: str, container_name: str, **fields: Any) -> Merge:
    """Merges fields into one container of a Deployment."""
    containers = [{"name": container_name, **fields}]
    return Merge(DEPLOYMENTS, namespace, name, {"spec": {"template": {"spec": {"containers": containers}}}})


def env(namespace: str, name: str, container_name: str, **values: str) -> Merge:
    """Sets environment variables of a container."""
    return container(
        namespace, name, container_name, env=[{"name": key, "value": value} for key, value in values.items()]
    )


def without_env(namespace: str, name: str, container_name: str, variable: str) -> Merge:
    """Removes an environment variable of a container."""
    return container(namespace, name, container_name, env=[{"name": variable, "$patch": "delete"}])


def flag(name: str, variant: str) -> Sequence[Operation]:
    """Switches a feature flag of the online shop, and restarts flagd, which reads its file at start."""

    def change(text: str) -> str:
        config = json.loads(text)
        config["flags"][name]["defaultVariant"] = variant
        return json.dumps(config, indent=2)

    edit = EditText("astronomy-shop", "flagd-config", "demo.flagd.json", change, f"{name}.defaultVariant = {variant}")
    return (edit, Restart("astronomy-shop", "flagd"))


def hanging_init(namespace: str, name: str, init: str, waits_for: str) -> Merge:
    """Adds an init container that waits for a name that does not resolve."""
    command = ["sh", "-c", f"until nslookup {waits_for}; do echo waiting for {waits_for}; sleep 2; done"]
    spec = {"initContainers": [{"name": init, "image": "busybox:1.36", "command": command}]}
    return Merge(DEPLOYMENTS, namespace, name, {"spec": {"template": {"spec": spec}}})


def probe(namespace: str, name: str, container_name: str, kind: str) -> Merge:
    """A probe of a path and port that the process does not serve."""
    check: Object = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "failureThreshold": 1}
    cleared = {"tcpSocket": None, "exec": None}
    if kind == "livenessProbe":
        fields: Object = {kind: {**check, **cleared, "initialDelaySeconds": 10}}
        merge = container(namespace, name, container_name, **fields)
        template = {**merge.patch["spec"]["template"]["spec"], "terminationGracePeriodSeconds": 0}
        return Merge(DEPLOYMENTS, namespace, name, {"spec": {"template": {"spec": template}}})
    return container(namespace, name, container_name, **{kind: {**check, **cleared}})


def original(name: str, kind: str, called: str, paths: Mapping[str, Sequence[str | int]]) -> Sequence[Object]:
    """JSON-patch operations that put fields back to what the application ships."""
    shipped = manifest(name, kind, called)
    operations = []
    for path, keys in paths.items():
        value: Any = shipped
        for key in keys:
            value = value[key] if not isinstance(value, dict) or key in value else None
        operations.append(remove(path) if value is None else add(path, value))
    return operations


def replaced(namespace: str, name: str, *edits: Operation, replicas: int = 1) -> Sequence[Operation]:
    """Edits a Deployment while it is scaled to zero, so that no old pod hides the fault."""
    return (scale(namespace, name, 0), gone_pods(namespace, name), *edits, scale(namespace, name, replicas))


def gone_pods(namespace: str, name: str) -> Wait:
    """Waits until a Deployment has no pods."""
    return Wait(lambda api: not api.list("pods", namespace, labels=f"app={name}"), f"{name} has no pods")


def gone(resource: str, namespace: str, name: str) -> Wait:
    """Waits until an object has disappeared."""
    until: Callable[[Api], bool] = lambda api: api.store.get(resource, namespace, name) is None  # noqa: E731
    return Wait(until, f"{resource} {name} is gone")


def crashing(namespace: str, name: str) -> Wait:
    """Waits until a container of the Deployment's pods is in CrashLoopBackOff."""

    def until(api: Api) -> bool:
        statuses = [
            status
            for pod in api.list("pods", namespace, labels=f"app={name}")
            for status in (pod.get("status") or {}).get("containerStatuses") or ()
        ]
        return any(((s.get("state") or {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff" for s in statuses)

    return Wait(until, f"the pods of {name} crash")
