"""The applications as manifests: data files of this package, or generated from an application's description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from stratus.sandbox.apps import hotel_reservation, shop_manifests, social_network

Object = dict[str, Any]
PLURALS = {
    "Namespace": "namespaces", "Secret": "secrets", "ConfigMap": "configmaps", "Service": "services", "Pod": "pods",
    "ServiceAccount": "serviceaccounts", "PersistentVolume": "persistentvolumes", "Node": "nodes",
    "PersistentVolumeClaim": "persistentvolumeclaims", "Deployment": "deployments.apps", "Job": "jobs.batch",
    "StatefulSet": "statefulsets.apps", "DaemonSet": "daemonsets.apps", "CronJob": "cronjobs.batch",
    "Ingress": "ingresses.networking.k8s.io", "NetworkPolicy": "networkpolicies.networking.k8s.io",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling", "ResourceQuota": "resourcequotas",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations.admissionregistration.k8s.io",
    "StorageClass": "storageclasses.storage.k8s.io",
}  # fmt: skip


def resource_of(obj: Object) -> str:
    """The resource (plural[.group]) of an object of one of the kinds that applications use. Raises KeyError."""
    return PLURALS[obj["kind"]]


@cache
def _load(name: str) -> tuple[Object, ...]:
    text = resources.files("stratus.sandbox.apps").joinpath("manifests", f"{name}.yaml").read_text()
    return tuple(obj for obj in yaml.load_all(text, Loader=_loader()) if obj)


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


BUILDERS: Mapping[str, Callable[[], tuple[Object, ...]]] = {
    "hotel": lambda: _load("hotel"),
    "hotel-reservation": hotel_reservation.manifests,
    "social-network": social_network.manifests,
    "astronomy-shop": shop_manifests.manifests,
}


ENTRANCES: Mapping[str, str] = {
    "hotel": "svc:hotel/frontend:8080/request",
    "hotel-reservation": "svc:hotel-reservation/frontend:5000/request",
    "social-network": "svc:social-network/nginx-thrift:8080/request",
    "astronomy-shop": "svc:astronomy-shop/frontend-proxy:8080/request",
}
"""What the users of each application ask for, as an SLO probe."""


def furniture() -> tuple[Object, ...]:
    """What every cluster has: DNS, the node exporter."""
    return _load("kube-system")


def application(name: str) -> tuple[Object, ...]:
    """The manifests of an application, in the order in which to create them. Raises KeyError for an unknown name."""
    return BUILDERS[name]()


def names() -> tuple[str, ...]:
    """The applications there are."""
    return tuple(BUILDERS)
