"""Small objects that the conformance tests create."""

from __future__ import annotations

from typing import Any

from tests.conformance.clients import PAUSE

Object = dict[str, Any]


def config_map(name: str, data: dict[str, str], **metadata: Any) -> Object:
    return {"kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def service(name: str, **spec: Any) -> Object:
    return {"kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def pod_spec(**more: Any) -> Object:
    return {"containers": [{"name": "c", "image": PAUSE}], "terminationGracePeriodSeconds": 0, **more}


def nowhere() -> Object:
    """A pod spec that no node takes: its pods stay Pending."""
    return pod_spec(nodeSelector={"no": "where"})


def pod(name: str, spec: Object | None = None, **metadata: Any) -> Object:
    return {"kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec or nowhere()}


def template(name: str, spec: Object | None = None) -> Object:
    return {"metadata": {"labels": {"app": name}}, "spec": spec or nowhere()}


def deployment(name: str, *, replicas: int = 1, spec: Object | None = None, **more: Any) -> Object:
    selector = {"matchLabels": {"app": name}}
    body = {"replicas": replicas, "selector": selector, "template": template(name, spec), **more}
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": body}


def stateful_set(name: str, *, replicas: int = 0) -> Object:
    selector = {"matchLabels": {"app": name}}
    body = {"replicas": replicas, "selector": selector, "serviceName": name, "template": template(name)}
    return {"kind": "StatefulSet", "metadata": {"name": name}, "spec": body}


def job(name: str) -> Object:
    return {
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": {"spec": {**nowhere(), "restartPolicy": "Never"}}},
    }


def claim(name: str, size: str = "1Gi") -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, "storageClassName": "none"}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}
