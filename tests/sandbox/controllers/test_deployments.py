"""Rollouts, rollbacks, adoption and refusals of Deployments and ReplicaSets."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.objects import annotations_of, labels_of, name_of, spec_of, status_of
from tests.sandbox.life import NAMESPACE, SERVICE, Lab, condition

DEPLOYMENTS, REPLICA_SETS = "deployments.apps", "replicasets.apps"
REVISION = "deployment.kubernetes.io/revision"
BROKEN = "localhost:5000/service:broken"


def sets(lab: Lab) -> dict[str, int]:
    """Revision to wanted size of every ReplicaSet."""
    found = lab.cluster.store.list(REPLICA_SETS, NAMESPACE)
    return {annotations_of(each)[REVISION]: spec_of(each)["replicas"] for each in found}


def progress(lab: Lab) -> tuple[str, str]:
    return condition(lab.get(DEPLOYMENTS, "web"), "Progressing")


def test_a_deployment_comes_up_with_one_replica_set(lab: Lab) -> None:
    lab.workload("Deployment", "web", 3)
    lab.advance(3)
    web = lab.get(DEPLOYMENTS, "web")
    counts = {key: value for key, value in status_of(web).items() if key != "conditions"}
    assert counts == {
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "observedGeneration": 1,
    }
    assert condition(web, "Available") == ("True", "MinimumReplicasAvailable")
    assert progress(lab) == ("True", "NewReplicaSetAvailable")
    (replica_set,) = lab.cluster.store.list(REPLICA_SETS, NAMESPACE)
    digest = labels_of(replica_set)["pod-template-hash"]
    assert name_of(replica_set) == f"web-{digest}"
    assert annotations_of(replica_set) == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
    }
    assert all(labels_of(pod)["pod-template-hash"] == digest for pod in lab.pods("web"))
    assert lab.events("web", "ScalingReplicaSet") == [f"Scaled up replica set web-{digest} to 3"]


def test_a_broken_rollout_stops_at_the_surge_and_times_out(lab: Lab) -> None:
    lab.workload("Deployment", "web", 3, progressDeadlineSeconds=15)
    lab.advance(3)
    lab.set_image(DEPLOYMENTS, "web", BROKEN)
    lab.advance(5)
    assert sets(lab) == {"1": 3, "2": 1}
    status = status_of(lab.get(DEPLOYMENTS, "web"))
    assert (status["availableReplicas"], status["updatedReplicas"], status["unavailableReplicas"]) == (3, 1, 1)
    lab.advance(20)
    assert progress(lab) == ("False", "ProgressDeadlineExceeded")


def test_rolling_back_reuses_the_old_replica_set_under_a_new_revision(lab: Lab) -> None:
    lab.workload("Deployment", "web", 3)
    lab.advance(3)
    first = lab.names(REPLICA_SETS)
    lab.set_image(DEPLOYMENTS, "web", BROKEN)
    lab.advance(5)
    lab.set_image(DEPLOYMENTS, "web", SERVICE)
    lab.advance(5)
    assert sets(lab) == {"3": 3, "2": 0}
    reused = lab.get(REPLICA_SETS, first[0])
    assert annotations_of(reused)["deployment.kubernetes.io/revision-history"] == "1"
    assert annotations_of(lab.get(DEPLOYMENTS, "web"))[REVISION] == "3"
    assert progress(lab) == ("True", "NewReplicaSetAvailable")
    assert len(lab.pods("web")) == 3


def test_a_good_rollout_never_goes_below_its_minimum(lab: Lab) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    lab.workload("Deployment", "web", 4, strategy=strategy)
    lab.advance(3)
    sizes: list[tuple[int, int]] = []
    lab.cluster.store.subscribe(
        lambda change: sizes.append(
            (status_of(change.object).get("availableReplicas", 0), status_of(change.object).get("replicas", 0))
        ),
        DEPLOYMENTS,
    )
    lab.patch(DEPLOYMENTS, "web", {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "now"}}}}})
    lab.advance(20)
    assert min(available for available, _ in sizes) == 4
    assert max(total for _, total in sizes) <= 5
    assert sets(lab) == {"1": 0, "2": 4}


def test_max_unavailable_all_takes_everything_down_at_once(lab: Lab) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}
    lab.workload("Deployment", "web", 3, strategy=strategy)
    lab.advance(3)
    lab.set_image(DEPLOYMENTS, "web", BROKEN)
    lab.advance(5)
    assert sets(lab) == {"1": 0, "2": 3}
    assert "availableReplicas" not in status_of(lab.get(DEPLOYMENTS, "web"))


def test_recreate_waits_until_the_old_pods_are_gone(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2, strategy={"type": "Recreate"})
    lab.advance(3)
    together: list[set[str]] = []
    lab.cluster.store.subscribe(
        lambda change: together.append({labels_of(pod)["pod-template-hash"] for pod in lab.pods("web")}), "pods"
    )
    lab.patch(DEPLOYMENTS, "web", {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}})
    lab.advance(10)
    assert max(map(len, together)) == 1
    assert sets(lab) == {"1": 0, "2": 2}
    assert status_of(lab.get(DEPLOYMENTS, "web"))["readyReplicas"] == 2


def test_a_paused_deployment_scales_but_does_not_roll(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2)
    lab.advance(3)
    lab.patch(DEPLOYMENTS, "web", {"spec": {"paused": True}})
    lab.settle()
    assert progress(lab) == ("Unknown", "DeploymentPaused")
    lab.set_image(DEPLOYMENTS, "web", BROKEN)
    lab.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}})
    lab.advance(3)
    assert sets(lab) == {"1": 3}
    lab.patch(DEPLOYMENTS, "web", {"spec": {"paused": None}})
    lab.advance(3)
    assert sets(lab) == {"1": 3, "2": 1}


def test_scaling_in_mid_rollout_is_shared_in_proportion(lab: Lab) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    lab.workload("Deployment", "web", 10, strategy=strategy)
    lab.advance(3)
    lab.set_image(DEPLOYMENTS, "web", BROKEN)
    lab.advance(3)
    assert sets(lab) == {"1": 8, "2": 5}
    lab.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 15}})
    lab.advance(3)
    assert sets(lab) == {"1": 11, "2": 7}


def test_old_revisions_beyond_the_limit_go(lab: Lab) -> None:
    lab.workload("Deployment", "web", 1, revisionHistoryLimit=2)
    for number in range(5):
        patch = {"spec": {"template": {"metadata": {"annotations": {"n": str(number)}}}}}
        lab.patch(DEPLOYMENTS, "web", patch)
        lab.advance(5)
    assert sorted(sets(lab), key=int) == ["3", "4", "5"]


def test_an_orphaned_replica_set_is_adopted_again(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2)
    lab.advance(3)
    before = {name_of(pod) for pod in lab.pods("web")}
    lab.delete(DEPLOYMENTS, "web", propagation="Orphan")
    lab.advance(3)
    assert not lab.exists(DEPLOYMENTS, "web")
    (orphan,) = lab.cluster.store.list(REPLICA_SETS, NAMESPACE)
    assert "ownerReferences" not in orphan["metadata"]
    created = lab.workload("Deployment", "web", 2)
    lab.advance(3)
    (adopted,) = lab.cluster.store.list(REPLICA_SETS, NAMESPACE)
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == created["metadata"]["uid"]
    assert {name_of(pod) for pod in lab.pods("web")} == before


def test_deleting_a_deployment_collects_its_children(lab: Lab) -> None:
    template = lab.template("web")
    template["spec"]["terminationGracePeriodSeconds"] = 30
    lab.workload("Deployment", "web", 2, template=template)
    lab.advance(3)
    lab.delete(DEPLOYMENTS, "web", propagation="Foreground")
    lab.settle()
    assert lab.get(DEPLOYMENTS, "web")["metadata"]["finalizers"] == ["foregroundDeletion"]
    lab.advance(5)
    assert lab.names(DEPLOYMENTS) == lab.names(REPLICA_SETS) == lab.names("pods") == []


def test_a_child_of_a_dead_owner_is_collected(lab: Lab) -> None:
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "gone",
        "uid": "00000000-0000-0000-0000-000000000000",
    }
    metadata = {"name": "child", "namespace": NAMESPACE, "ownerReferences": [owner]}
    lab.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    lab.advance(1)
    assert not lab.exists("configmaps", "child")


def test_pods_change_hands_by_their_labels(lab: Lab) -> None:
    lab.workload("ReplicaSet", "web", 2)
    lab.advance(3)
    released = name_of(lab.pods("web")[0])
    lab.patch("pods", released, {"metadata": {"labels": {"app": "debug"}}})
    lab.advance(3)
    assert "ownerReferences" not in lab.get("pods", released)["metadata"]
    assert len(lab.pods("web")) == 2
    lab.patch("pods", released, {"metadata": {"labels": {"app": "web"}}})
    lab.advance(3)
    assert len(lab.pods("web")) == 2


def test_scaling_down_removes_the_pods_that_serve_least(lab: Lab) -> None:
    lab.workload("ReplicaSet", "web", 2)
    lab.advance(3)
    serving = {name_of(pod) for pod in lab.pods("web")}
    lab.patch(REPLICA_SETS, "web", {"spec": {"replicas": 4}})
    lab.settle()
    lab.patch(REPLICA_SETS, "web", {"spec": {"replicas": 2}})
    lab.advance(3)
    assert {name_of(pod) for pod in lab.pods("web")} == serving


def quota(**hard: str) -> dict[str, Any]:
    metadata = {"name": "limit", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}


def test_a_quota_shows_as_failed_create_and_heals_by_itself(lab: Lab) -> None:
    lab.create(quota(pods="1"))
    lab.workload("Deployment", "web", 2)
    lab.advance(5)
    (replica_set,) = lab.cluster.store.list(REPLICA_SETS, NAMESPACE)
    name = name_of(replica_set)
    assert condition(replica_set, "ReplicaFailure") == ("True", "FailedCreate")
    assert condition(lab.get(DEPLOYMENTS, "web"), "ReplicaFailure") == ("True", "FailedCreate")
    messages = lab.events(name, "FailedCreate")
    assert "is forbidden: exceeded quota: limit, requested: pods=1, used: pods=1, limited: pods=1" in messages[0]
    assert status_of(lab.get("resourcequotas", "limit")) == {"hard": {"pods": "1"}, "used": {"pods": "1"}}
    lab.patch("resourcequotas", "limit", {"spec": {"hard": {"pods": "5"}}})
    lab.advance(60)
    assert status_of(lab.get(DEPLOYMENTS, "web"))["readyReplicas"] == 2
    assert condition(lab.get(DEPLOYMENTS, "web"), "ReplicaFailure") == ("", "")
    assert status_of(lab.get("resourcequotas", "limit"))["used"] == {"pods": "2"}


def test_refused_creations_are_tried_less_and_less_often(lab: Lab) -> None:
    lab.create(quota(pods="0"))
    lab.workload("Deployment", "web", 1)
    lab.advance(600)
    name = lab.names(REPLICA_SETS)[0]
    found = [e for e in lab.cluster.store.list("events", NAMESPACE) if e["involvedObject"]["name"] == name]
    assert 15 <= sum(event["count"] for event in found) <= 18


def test_pods_count_only_after_min_ready_seconds(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2, minReadySeconds=30)
    lab.advance(10)
    status = status_of(lab.get(DEPLOYMENTS, "web"))
    assert status["readyReplicas"] == 2 and "availableReplicas" not in status
    lab.advance(25)
    assert status_of(lab.get(DEPLOYMENTS, "web"))["availableReplicas"] == 2
    assert progress(lab) == ("True", "NewReplicaSetAvailable")
