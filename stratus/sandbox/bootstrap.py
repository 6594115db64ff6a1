"""What every cluster has before anybody uses it: system namespaces, the API's own Service, basic roles and classes."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import Api
from stratus.sandbox.controllers.volumes import DEFAULT_CLASS, LOCAL_PROVISIONER

Object = dict[str, Any]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
API_ADDRESS = "10.96.0.1"
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_WORKLOADS = [
    {"apiGroups": ["", "apps", "batch", "autoscaling", "policy", "networking.k8s.io"], "resources": ["*"]},
]  # fmt: skip

_INFO = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_INFO]
_SELF = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
_FOR_EVERYBODY: dict[str, tuple[Object, tuple[str, ...]]] = {
    "system:basic-user": (
        {"apiGroups": ["authorization.k8s.io"], "resources": _SELF, "verbs": ["create"]},
        ("system:authenticated",),
    ),
    "system:discovery": ({"nonResourceURLs": _DISCOVERY, "verbs": ["get"]}, ("system:authenticated",)),
    "system:public-info-viewer": (
        {"nonResourceURLs": _INFO, "verbs": ["get"]},
        ("system:authenticated", "system:unauthenticated"),
    ),
}


def bootstrap(api: Api, *, endpoint: tuple[str, int] = ("127.0.0.1", 6443)) -> None:
    """Create the cluster's own objects; `endpoint` is where its API listens."""
    for name in NAMESPACES:
        _create(api, "namespaces", {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}})
    _create_roles(api)
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        description = "Used for system critical pods that must run in the cluster."
        _create(
            api,
            "priorityclasses.scheduling.k8s.io",
            {"metadata": {"name": name}, "value": value, "description": description},
        )
    _create_storage_class(api)
    _create_service(api, endpoint)


def _create_storage_class(api: Api) -> None:
    """The default class: the cluster's own provisioner makes a volume for each claim."""
    metadata = {"name": "standard", "annotations": {DEFAULT_CLASS: "true"}}
    storage_class = {"metadata": metadata, "provisioner": LOCAL_PROVISIONER, "reclaimPolicy": "Delete"}
    _create(api, "storageclasses.storage.k8s.io", {**storage_class, "volumeBindingMode": "Immediate"})


def _create(api: Api, resource: str, obj: Object, namespace: str = "") -> None:
    api.create(resource, namespace, obj, manager="kube-apiserver")


def _create_service(api: Api, endpoint: tuple[str, int]) -> None:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    metadata = {"name": "kubernetes", "namespace": "default", "labels": labels}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": endpoint[1]}
    _create(api, "services", {"metadata": metadata, "spec": {"clusterIP": API_ADDRESS, "ports": [port]}}, "default")
    subset = {"addresses": [{"ip": endpoint[0]}], "ports": [{"name": "https", "port": endpoint[1], "protocol": "TCP"}]}
    _create(
        api, "endpoints", {"metadata": {"name": "kubernetes", "namespace": "default"}, "subsets": [subset]}, "default"
    )


def _create_roles(api: Api) -> None:
    everything: list[Object] = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    roles: dict[str, list[Object]] = {
        "cluster-admin": everything,
        "admin": [{**rule, "verbs": _WRITE} for rule in _WORKLOADS],
        "edit": [{**rule, "verbs": _WRITE} for rule in _WORKLOADS],
        "view": [{**rule, "verbs": _READ} for rule in _WORKLOADS],
    }
    for name, rules in roles.items():
        _create(api, f"clusterroles.{_RBAC}", {"metadata": _bootstrapping(name), "rules": rules})
    _bind(api, "cluster-admin", "system:masters")
    for name, (rule, groups) in _FOR_EVERYBODY.items():
        _create(api, f"clusterroles.{_RBAC}", {"metadata": _bootstrapping(name), "rules": [rule]})
        _bind(api, name, *groups)


def _bind(api: Api, role: str, *groups: str) -> None:
    subjects = [{"apiGroup": _RBAC, "kind": "Group", "name": group} for group in groups]
    reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}
    binding = {"metadata": _bootstrapping(role), "roleRef": reference, "subjects": subjects}
    _create(api, f"clusterrolebindings.{_RBAC}", binding)


def _bootstrapping(name: str) -> Object:
    return {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
