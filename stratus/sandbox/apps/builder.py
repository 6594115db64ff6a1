"""Builds the usual objects of an application from a short description, so that an application reads as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Component:
    """One Deployment and, when it has a port, its Service."""

    name: str
    image: str
    port: int = 0
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    container: str = ""
    replicas: int = 1
    memory: str = "128Mi"
    cpu_limit: str = ""
    volumes: Sequence[Object] = ()
    mounts: Sequence[Object] = ()
    probe: bool = True
    grace: int = 1

    def objects(self, namespace: str, label: str = "app") -> list[Object]:
        """The Deployment and the Service; `label` is the application's selector key."""
        objects = [self._deployment(namespace, label)]
        return [*objects, self._service(namespace, label)] if self.port else objects

    def _deployment(self, namespace: str, label: str) -> Object:
        labels = {label: self.name, **({"app": self.name} if label != "app" else {})}
        spec: Object = {"terminationGracePeriodSeconds": self.grace, "containers": [self._container()]}
        if self.volumes:
            spec["volumes"] = list(self.volumes)
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": namespace, "labels": labels},
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {label: self.name}},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }

    def _container(self) -> Object:
        limits = {"memory": self.memory, **({"cpu": self.cpu_limit} if self.cpu_limit else {})}
        container: Object = {
            "name": self.container or self.name,
            "image": self.image,
            "env": [{"name": name, "value": value} for name, value in self.env.items()]
            + [
                {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
                for name, (secret, key) in self.secret_env.items()
            ],
            "resources": {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": limits},
        }
        if self.command:
            container["command"] = list(self.command)
        if self.mounts:
            container["volumeMounts"] = list(self.mounts)
        if self.port:
            container["ports"] = [{"containerPort": self.port}]
        if self.port and self.probe:
            check = {"tcpSocket": {"port": self.port}, "periodSeconds": 2, "failureThreshold": 2}
            container["readinessProbe"] = check
        return container

    def _service(self, namespace: str, label: str) -> Object:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": self.name, "namespace": namespace, "labels": {label: self.name}},
            "spec": {
                "selector": {label: self.name},
                "ports": [{"name": str(self.port), "port": self.port, "targetPort": self.port}],
            },
        }


def namespace(name: str) -> Object:
    """A Namespace, with the label that current API servers add themselves, so that selectors may rely on it."""
    labels = {"kubernetes.io/metadata.name": name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def configmap(namespace: str, name: str, data: Mapping[str, str]) -> Object:
    """A ConfigMap."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def secret(namespace: str, name: str, data: Mapping[str, str]) -> Object:
    """An Opaque Secret from plain text."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": dict(data)}


def custom_service(namespace_name: str) -> list[Object]:
    """A stateless helper service with three replicas, on which rollout strategies are tried."""
    env = {"NAME": "custom-service", "PORT": "8080"}
    component = Component("custom-service", "localhost:5000/service:1.0", 8080, env=env, replicas=3)
    return component.objects(namespace_name)


def load(namespace_name: str, target: str, rps: str, **more: str) -> list[Object]:
    """The load generator."""
    env = {"NAME": "load", "PORT": "8099", "LOAD": target, "RPS": rps, "LOAD_DELAY": "10", **more}
    return Component("load", "localhost:5000/service:1.0", 8099, env=env).objects(namespace_name)
