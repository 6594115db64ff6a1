"""What every Kubernetes serves alike, so that a common command needs no discovery: a cold one costs dozens of requests.

Only types whose version has been the same since 1.19, the oldest server that STRATUS supports.
"""

from __future__ import annotations

from stratus.ports import Resource

_K8S_IO = (
    "admissionregistration apiextensions apiregistration authentication authorization certificates coordination "
    "discovery events flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource "
    "scheduling storage storagemigration"
)
BUILTIN_GROUPS = frozenset(
    ("", "apps", "autoscaling", "batch", "extensions", "policy", *(f"{group}.k8s.io" for group in _K8S_IO.split()))
)
"""The groups that are compiled into the API server."""

_TABLE = """
v1 ConfigMap configmaps cm
v1 Endpoints endpoints ep
v1 LimitRange limitranges limits
v1 Namespace namespaces ns
v1 Node nodes no
v1 PersistentVolume persistentvolumes pv
v1 PersistentVolumeClaim persistentvolumeclaims pvc
v1 Pod pods po
v1 ReplicationController replicationcontrollers rc
v1 ResourceQuota resourcequotas quota
v1 Secret secrets
v1 Service services svc
v1 ServiceAccount serviceaccounts sa
apps/v1 DaemonSet daemonsets ds
apps/v1 Deployment deployments deploy
apps/v1 ReplicaSet replicasets rs
apps/v1 StatefulSet statefulsets sts
batch/v1 Job jobs
networking.k8s.io/v1 Ingress ingresses ing
networking.k8s.io/v1 NetworkPolicy networkpolicies netpol
rbac.authorization.k8s.io/v1 ClusterRole clusterroles
rbac.authorization.k8s.io/v1 ClusterRoleBinding clusterrolebindings
rbac.authorization.k8s.io/v1 Role roles
rbac.authorization.k8s.io/v1 RoleBinding rolebindings
scheduling.k8s.io/v1 PriorityClass priorityclasses pc
"""
_CLUSTER_SCOPED = ("Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding", "PriorityClass")
_SCALABLE = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")


def _resource(row: str) -> Resource:
    api_version, kind, plural, *short_names = row.split()
    group, _, version = api_version.rpartition("/")
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        namespaced=kind not in _CLUSTER_SCOPED,
        short_names=tuple(short_names),
        subresources=("status", "scale") if kind in _SCALABLE else (),
    )


WELL_KNOWN: tuple[Resource, ...] = tuple(_resource(row) for row in _TABLE.strip().splitlines())
"""Served everywhere in exactly this version. ``subresources`` names only scale, and status beside it."""
