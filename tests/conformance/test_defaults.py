"""Defaults and the stored form: what the API server adds to and takes from an object, kind by kind.

The embedded cluster is compared with a recording of a real 1.20 (server_defaults_1.20.json: the paths that it adds to
the manifests below), and with a live one where there is one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.clients import Client, Embedded

RECORDED = json.loads(Path(__file__).with_name("server_defaults_1.20.json").read_text())

POD_SPEC = {
    "initContainers": [{"name": "i", "image": "x"}],
    "containers": [
        {
            "name": "c",
            "image": "x:1",
            "resources": {"requests": {"cpu": "1"}},
            "ports": [{"containerPort": 80}],
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
            "readinessProbe": {"exec": {"command": ["true"]}},
        }
    ],
    "volumes": [
        {"name": "a", "configMap": {"name": "c"}},
        {"name": "b", "emptyDir": {}},
        {"name": "d", "hostPath": {"path": "/tmp"}},
        {"name": "e", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "f", "secret": {"secretName": "s"}},
    ],
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
SELECTOR = {"matchLabels": {"a": "b"}}
JOB_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {**POD_SPEC, "restartPolicy": "Never"}}

# recorded name -> resource, manifest
MANIFESTS: dict[str, tuple[str, Any]] = {
    "deploy": ("deployments", {"spec": {"selector": SELECTOR, "template": TEMPLATE}}),
    "ds": ("daemonsets", {"spec": {"selector": SELECTOR, "template": TEMPLATE}}),
    "sts": (
        "statefulsets",
        {
            "spec": {
                "selector": SELECTOR,
                "serviceName": "s",
                "template": TEMPLATE,
                "volumeClaimTemplates": [
                    {
                        "metadata": {"name": "v"},
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
                    }
                ],
            }
        },
    ),
    "job": ("jobs", {"spec": {"template": JOB_TEMPLATE}}),
    "ep": ("endpoints", {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]}),
    "hpa1": (
        "horizontalpodautoscalers",
        {"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}}},
    ),
    "ing": ("ingresses", {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}}),
    "limitrange": ("limitranges", {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}}),
    "np": ("networkpolicies", {"spec": {"podSelector": {}}}),
    "pvc": (
        "persistentvolumeclaims",
        {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "none",
            }
        },
    ),
    "quota": ("resourcequotas", {"spec": {"hard": {"pods": "1"}}}),
    "rb": (
        "rolebindings",
        {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}},
    ),
    "sa": ("serviceaccounts", {}),
    "secret": ("secrets", {"stringData": {"a": "b"}}),
    "svc": ("services", {"spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
    "svc-headless": ("services", {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}),
    "svc-lb": ("services", {"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    "pv": (
        "persistentvolumes",
        {
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/tmp"},
            }
        },
    ),
    "sc": ("storageclasses", {"provisioner": "p"}),
    "ns": ("namespaces", {}),
    "node": ("nodes", {}),
}
MASKED = (
    ".metadata.creationTimestamp", ".metadata.uid", ".metadata.resourceVersion", ".metadata.generation",
    ".metadata.managedFields", ".metadata.selfLink", ".metadata.namespace", ".spec.clusterIP", ".spec.clusterIPs",
    ".apiVersion", ".kind", ".metadata.labels.kubernetes.io/metadata.name",
)  # fmt: skip
GENERATED = (".nodePort", "controller-uid", "job-name")


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Leaf values by path; empty objects are leaves."""
    if isinstance(value, dict) and value:
        return {found: leaf for key, each in value.items() for found, leaf in leaves(each, f"{path}.{key}").items()}
    if isinstance(value, list) and value:
        return {found: leaf for i, each in enumerate(value) for found, leaf in leaves(each, f"{path}[{i}]").items()}
    return {path: value}


def comparable(obj: Any) -> dict[str, Any]:
    found = {path: value for path, value in leaves(obj).items() if not path.startswith(MASKED)}
    return {path: "generated" if any(each in path for each in GENERATED) else value for path, value in found.items()}


def manifest(name: str) -> tuple[str, Any]:
    resource, body = MANIFESTS[name]
    return resource, {**body, "metadata": {"name": "x"}}


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_recorded_defaults_are_added(embedded_cluster: Embedded, name: str) -> None:
    embedded_cluster.namespace = "default"
    resource, obj = manifest(name)
    answer = embedded_cluster.create(resource, obj, dryRun="All")
    assert answer.code == 201, answer
    given = comparable(obj)
    added = {path: value for path, value in comparable(answer.body).items() if path not in given}
    recorded = {path: value for path, value in RECORDED[name].items() if not path.startswith(MASKED)}
    wanted = {path: "generated" if any(g in path for g in GENERATED) else value for path, value in recorded.items()}
    assert added == {path: value for path, value in wanted.items() if path not in given}


@pytest.mark.realcluster
@pytest.mark.parametrize("name", MANIFESTS)
def test_both_clusters_store_the_same(both: tuple[Client, Client], name: str) -> None:
    embedded, real = both
    resource, obj = manifest(name)
    ours, theirs = embedded.create(resource, obj, dryRun="All"), real.create(resource, obj, dryRun="All")
    assert (ours.code, theirs.code) == (201, 201)
    assert comparable(ours.body) == comparable(theirs.body)


ODD: dict[str, tuple[str, Any]] = {
    "empty values": (
        "deployments",
        {
            "metadata": {"name": "x", "labels": {}, "annotations": {"a": ""}},
            "spec": {
                "replicas": 0, "minReadySeconds": 0, "paused": False, "selector": SELECTOR, "revisionHistoryLimit": 0,
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {
                        "containers": [{
                            "name": "c", "image": "x", "command": [], "env": [{"name": "A", "value": ""}], "tty": False,
                            "resources": {"limits": {}}, "securityContext": {"privileged": False, "runAsUser": 0},
                            "readinessProbe": {"tcpSocket": {"port": "http"}, "initialDelaySeconds": 0},
                            "ports": [{"name": "http", "containerPort": 80, "hostPort": 0}],
                        }],
                        "nodeSelector": {}, "tolerations": [], "hostNetwork": False, "terminationGracePeriodSeconds": 0,
                        "volumes": [{"name": "v"}, {"name": "w", "configMap": {"name": "c", "optional": False}}],
                    },
                },
            },
        },
    ),
    "quantities": (
        "pods",
        {
            "metadata": {"name": "x"},
            "spec": {
                "containers": [{
                    "name": "c", "image": "x:latest",
                    "resources": {
                        "limits": {"cpu": "1000m", "memory": "0.5Gi", "ephemeral-storage": "1e9"},
                        "requests": {"cpu": 0.5, "memory": "524288Ki"},
                    },
                }],
            },
        },
    ),
    "limits only": (
        "pods",
        {
            "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "c", "image": "x@sha256:" + "0" * 64, "resources": {"limits": {"cpu": "2"}}}]},
        },
    ),
    "host network": (
        "pods",
        {
            "metadata": {"name": "x"},
            "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]},
        },
    ),
    "nulls": ("configmaps", {"metadata": {"name": "x", "labels": None}, "data": {"a": None}}),
    "cron": (
        "cronjobs",
        {
            "metadata": {"name": "x"},
            "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}},
        },
    ),
    "session affinity": (
        "services",
        {"metadata": {"name": "x"}, "spec": {"sessionAffinity": "ClientIP", "ports": [{"port": 80, "targetPort": "web"}]}},
    ),
    "recreate": (
        "deployments",
        {"metadata": {"name": "x"}, "spec": {"strategy": {"type": "Recreate"}, "selector": SELECTOR, "template": TEMPLATE}},
    ),
    "on delete": (
        "statefulsets",
        {
            "metadata": {"name": "x"},
            "spec": {"updateStrategy": {"type": "OnDelete"}, "selector": SELECTOR, "serviceName": "", "template": TEMPLATE},
        },
    ),
    "network policy": (
        "networkpolicies",
        {
            "metadata": {"name": "x"},
            "spec": {
                "podSelector": {"matchLabels": {}},
                "ingress": [{}, {"from": [], "ports": [{"port": 80}]}],
                "egress": [{"to": [{"namespaceSelector": {}}]}],
            },
        },
    ),
    "role": ("roles", {"metadata": {"name": "x"}, "rules": []}),
    "lease": ("leases", {"metadata": {"name": "x"}, "spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}}),
    "budget": ("poddisruptionbudgets", {"metadata": {"name": "x"}, "spec": {"maxUnavailable": "50%", "selector": SELECTOR}}),
    "affinity": (
        "pods",
        {
            "metadata": {"name": "x"},
            "spec": {
                "containers": [{"name": "c", "image": "x"}],
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"labelSelector": {"matchLabels": {"a": "b"}}, "topologyKey": "kubernetes.io/hostname"}
                        ]
                    }
                },
                "securityContext": {"runAsNonRoot": False, "fsGroup": 0},
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
            },
        },
    ),
}  # fmt: skip


@pytest.mark.realcluster
@pytest.mark.parametrize("name", ODD)
def test_both_clusters_store_odd_objects_alike(both: tuple[Client, Client], name: str) -> None:
    embedded, real = both
    resource, obj = ODD[name]
    ours, theirs = embedded.create(resource, obj, dryRun="All"), real.create(resource, obj, dryRun="All")
    assert (ours.code, theirs.code) == (201, 201), (ours, theirs)
    left, right = comparable(without_token(ours.body)), comparable(without_token(theirs.body))
    assert left == right


def without_token(obj: Any) -> Any:
    """Without the service account's volume, which a 1.20 takes from a Secret and newer versions project."""
    spec = obj.get("spec") or {}
    for volume in list(spec.get("volumes") or ()):
        if volume["name"].startswith(("kube-api-access-", "default-token-")):
            spec["volumes"].remove(volume)
    for container in spec.get("containers") or ():
        mounts = container.get("volumeMounts") or []
        container["volumeMounts"] = [each for each in mounts if "serviceaccount" not in each["mountPath"]]
        if not container["volumeMounts"]:
            container.pop("volumeMounts")
    if spec.get("volumes") == []:
        spec.pop("volumes")
    return obj
