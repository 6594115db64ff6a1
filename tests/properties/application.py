"""The small application that random transactions change: two Deployments, their Services, ConfigMaps and a Secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef

IMAGE = "localhost:5000/service:1.0"
KINDS = {"ConfigMap": "v1", "Secret": "v1", "Service": "v1", "Deployment": "apps/v1"}
"""What is compared before and after: everything that somebody declares. Pods are their owners' business."""
LABEL, NOTE = "team", "example.com/note"


def config_map(namespace: str, name: str, **data: str) -> JsonObject:
    return _object("ConfigMap", namespace, name, data=data)


def secret(namespace: str, name: str, **data: str) -> JsonObject:
    return _object("Secret", namespace, name, type="Opaque", data=data)


def service(namespace: str, name: str, port: int = 8080) -> JsonObject:
    ports = [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}]
    return _object("Service", namespace, name, spec={"selector": {"app": name}, "ports": ports})


def deployment(namespace: str, name: str, replicas: int, image: str = IMAGE, **env: str) -> JsonObject:
    container = {
        "name": "main",
        "image": image,
        "ports": [{"containerPort": 8080}],
        "env": [{"name": key, "value": value} for key, value in {"PORT": "8080", "LOG": "info", **env}.items()],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return _object("Deployment", namespace, name, spec=spec)


def application(namespace: str) -> list[JsonObject]:
    return [
        config_map(namespace, "settings", x="0", y="0"),
        config_map(namespace, "features", x="0", dark="true"),
        secret(namespace, "credentials", token="czNjcmV0"),
        service(namespace, "web"),
        service(namespace, "api"),
        deployment(namespace, "web", 2),
        deployment(namespace, "api", 1),
    ]


def ref(namespace: str, kind: str, name: str) -> ObjectRef:
    return ObjectRef(api_version=KINDS.get(kind, "v1"), kind=kind, namespace=namespace, name=name)


def _object(kind: str, namespace: str, name: str, **parts: Any) -> JsonObject:
    return {"apiVersion": KINDS[kind], "kind": kind, "metadata": {"name": name, "namespace": namespace}, **parts}


_SERVERS = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
_REVISION = "metadata.annotations.deployment.kubernetes.io/revision"


def fields(obj: JsonObject) -> dict[str, Any]:
    """Every leaf that somebody declared, by its path. Written apart from the engine's own comparison, on purpose."""
    wanted = {key: value for key, value in obj.items() if key != "status"}
    wanted["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVERS}
    return {path: value for path, value in _leaves("", wanted) if path != _REVISION}


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, each)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            name = each.get("name", place) if isinstance(each, dict) else place
            yield from _leaves(f"{path}[{name}]", each)
    else:
        yield path, value
