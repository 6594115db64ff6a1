"""What may not change after creation: 422, and undoing it means to delete and re-create."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.clients import Client
from tests.conformance.objects import claim, config_map, deployment, job, pod, pod_spec, service, stateful_set

CASES: list[tuple[str, dict[str, Any], Any, str]] = [
    ("deployments", deployment("a", replicas=0), {"spec": {"selector": {"matchLabels": {"x": "y"}}}}, "spec.selector"),
    ("statefulsets", stateful_set("a"), {"spec": {"serviceName": "other"}}, "spec"),
    ("statefulsets", stateful_set("a"), {"spec": {"podManagementPolicy": "Parallel"}}, "spec"),
    ("jobs", job("a"), {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}, "spec.template"),
    ("jobs", job("a"), {"spec": {"completions": 3}}, "spec.completions"),
    ("persistentvolumeclaims", claim("a"), {"spec": {"accessModes": ["ReadOnlyMany"]}}, "spec"),
    ("persistentvolumeclaims", claim("a"), {"spec": {"storageClassName": "other"}}, "spec"),
    ("persistentvolumeclaims", claim("a"), {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}, "spec"),
    ("pods", pod("a"), {"spec": {"terminationGracePeriodSeconds": 7}}, "spec"),
    ("pods", pod("a"), {"spec": {"nodeName": "elsewhere"}}, "spec"),
    (
        "pods",
        pod("a", pod_spec(nodeSelector={"no": "where"}, tolerations=[{"key": "k", "operator": "Exists"}])),
        {"spec": {"tolerations": []}},
        "spec.tolerations",
    ),
    ("services", service("a"), {"spec": {"clusterIP": "203.0.113.9"}}, "spec.clusterIPs[0]"),
    ("secrets", {"metadata": {"name": "a"}, "stringData": {"k": "v"}}, {"type": "other"}, "type"),
    (
        "configmaps",
        {**config_map("a", {"k": "v"}), "immutable": True},
        {"data": {"k": "w"}},
        "data",
    ),
    ("configmaps", {**config_map("a", {"k": "v"}), "immutable": True}, {"immutable": None}, "immutable"),
    (
        "secrets",
        {"metadata": {"name": "a"}, "stringData": {"k": "v"}, "immutable": True},
        {"data": {"k": "dw=="}},
        "data",
    ),
    (
        "rolebindings",
        {"metadata": {"name": "a"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}},
        {"roleRef": {"name": "s"}},
        "roleRef",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "obj", "change", "field"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_a_forbidden_change_is_invalid(cluster: Client, resource: str, obj: Any, change: Any, field: str) -> None:
    assert cluster.create(resource, obj).code == 201
    before = cluster.get(resource, "a").body
    answer = cluster.patch(resource, "a", change)
    assert (answer.code, answer.reason) == (422, "Invalid")
    assert field in {path for path, _ in answer.causes}
    after = cluster.get(resource, "a").body
    assert before.get("spec") == after.get("spec")
    assert before.get("data") == after.get("data")


def test_a_pods_image_may_change(cluster: Client) -> None:
    cluster.create("pods", pod("a"))
    patch = {"spec": {"containers": [{"name": "c", "image": "localhost:5000/other:1"}]}}
    answer = cluster.patch("pods", "a", patch, "application/strategic-merge-patch+json")
    assert answer.code == 200
    assert answer["spec"]["containers"][0]["image"] == "localhost:5000/other:1"


def test_a_pod_may_gain_tolerations(cluster: Client) -> None:
    made = cluster.create("pods", pod("a")).body
    more = [*made["spec"]["tolerations"], {"key": "k", "operator": "Exists"}]
    assert cluster.patch("pods", "a", {"spec": {"tolerations": more}}).code == 200


def test_a_bound_cluster_role_cannot_be_exchanged_but_subjects_can(cluster: Client) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    cluster.create("rolebindings", {"metadata": {"name": "a"}, "roleRef": reference})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": cluster.namespace}
    assert cluster.patch("rolebindings", "a", {"subjects": [subject]}).code == 200


def test_status_of_a_pod_is_not_changed_by_a_plain_put(cluster: Client) -> None:
    made = cluster.create("pods", pod("a", pod_spec(nodeSelector={"no": "where"}))).body
    made["status"]["phase"] = "Succeeded"
    made["metadata"].pop("resourceVersion")
    assert cluster.put("pods", made)["status"]["phase"] == "Pending"
