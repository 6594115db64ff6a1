"""An empty embedded cluster in virtual time, and the few verbs that tests of its life need."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import ApiError, PatchKind
from stratus.sandbox.apps.applications import resource_of
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.objects import labels_of, name_of, namespace_of, status_of

Object = dict[str, Any]

NAMESPACE = "test"
SERVICE = "localhost:5000/service:1.0"
SHELL = "localhost:5000/pause:3.2"
MORE = {
    "PodDisruptionBudget": "poddisruptionbudgets.policy",
    "ReplicaSet": "replicasets.apps",
    "LimitRange": "limitranges",
    "PriorityClass": "priorityclasses.scheduling.k8s.io",
}


class Lab:
    """A cluster with `nodes` nodes and one namespace."""

    def __init__(self, nodes: int = 2) -> None:
        self.cluster = EmbeddedCluster(virtual=True, nodes=nodes, applications=())
        self.cluster.start()
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.settle()

    def settle(self) -> None:
        self.cluster.kernel.settle()

    def advance(self, seconds: float) -> None:
        self.cluster.advance(seconds)

    def create(self, obj: Object) -> Object:
        resource = MORE.get(obj["kind"]) or resource_of(obj)
        return self.cluster.api.create(resource, obj["metadata"].get("namespace", ""), obj)

    def pod(self, name: str, container: Object | None = None, **spec: Any) -> Object:
        """Creates a pod with one container "c"."""
        own = {"name": "c", "image": SERVICE, **(container or {})}
        body = {"terminationGracePeriodSeconds": 0, "containers": [own], **spec}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": {"app": name}}
        return self.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": body})

    def workload(self, kind: str, name: str, replicas: int | None = 1, **spec: Any) -> Object:
        """Creates a Deployment, ReplicaSet, StatefulSet or DaemonSet."""
        body: Object = {"selector": {"matchLabels": {"app": name}}, "template": self.template(name), **spec}
        if replicas is not None:
            body["replicas"] = replicas
        if kind == "StatefulSet":
            body.setdefault("serviceName", name)
        metadata = {"name": name, "namespace": NAMESPACE}
        return self.create({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": body})

    @staticmethod
    def template(name: str, **container: Any) -> Object:
        own = {"name": "c", "image": SERVICE, **container}
        spec = {"terminationGracePeriodSeconds": 0, "containers": [own]}
        return {"metadata": {"labels": {"app": name}}, "spec": spec}

    def get(self, resource: str, name: str, namespace: str = NAMESPACE) -> Object:
        return self.cluster.api.get(resource, namespace, name)

    def exists(self, resource: str, name: str, namespace: str = NAMESPACE) -> bool:
        return self.cluster.store.get(resource, namespace, name) is not None

    def patch(self, resource: str, name: str, patch: Any, kind: PatchKind = PatchKind.STRATEGIC) -> Object:
        namespace = "" if resource in ("nodes", "persistentvolumes") else NAMESPACE
        return self.cluster.api.patch(resource, namespace, name, patch, kind=kind)

    def set_image(self, resource: str, name: str, image: str) -> None:
        containers = [{"name": "c", "image": image}]
        self.patch(resource, name, {"spec": {"template": {"spec": {"containers": containers}}}})

    def delete(self, resource: str, name: str, **options: Any) -> None:
        self.cluster.api.delete(resource, NAMESPACE, name, **options)

    def pods(self, app: str) -> list[Object]:
        return [pod for pod in self.cluster.store.list("pods", NAMESPACE) if labels_of(pod).get("app") == app]

    def names(self, resource: str) -> list[str]:
        return [name_of(obj) for obj in self.cluster.store.list(resource, NAMESPACE)]

    def state(self, pod: str, container: int = 0) -> tuple[str, str]:
        """State and reason of a pod's container."""
        ((state, detail),) = self.container(pod, container)["state"].items()
        return state, detail.get("reason", "")

    def container(self, pod: str, number: int = 0) -> Object:
        found: Object = status_of(self.get("pods", pod))["containerStatuses"][number]
        return found

    def events(self, name: str, reason: str = "") -> list[str]:
        """Messages of the events about an object."""
        return [
            event["message"]
            for event in self.cluster.store.list("events", NAMESPACE)
            if event["involvedObject"]["name"] == name and reason in ("", event["reason"])
        ]

    def refuses(self, create: Object) -> ApiError | None:
        """The error with which the API refuses an object, or None."""
        try:
            self.create(create)
        except ApiError as error:
            return error
        return None


def addresses(endpoints: Object, field: str = "addresses") -> list[str]:
    """Names of the pods that an Endpoints object lists."""
    found = (subset.get(field) or () for subset in endpoints.get("subsets") or ())
    return sorted(address["targetRef"]["name"] for subset in found for address in subset)


def condition(obj: Object, kind: str) -> tuple[str, str]:
    """Status and reason of a condition; empty when it is absent."""
    for each in status_of(obj).get("conditions") or ():
        if each["type"] == kind:
            return each["status"], each.get("reason", "")
    return "", ""


__all__ = ["NAMESPACE", "SERVICE", "SHELL", "Lab", "addresses", "condition", "name_of", "namespace_of"]
