"""Ordered pods with claims of their own, and one pod per node."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.objects import labels_of, name_of, spec_of, status_of
from tests.sandbox.life import NAMESPACE, SERVICE, Lab

STATEFUL, DAEMON = "statefulsets.apps", "daemonsets.apps"
BROKEN = "localhost:5000/service:broken"


def claim_template() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {"metadata": {"name": "data"}, "spec": spec}


def images(lab: Lab, app: str) -> dict[str, str]:
    return {name_of(pod): spec_of(pod)["containers"][0]["image"].rpartition(":")[2] for pod in lab.pods(app)}


def test_pods_come_in_order_with_a_claim_each(lab: Lab) -> None:
    order: list[str] = []
    lab.cluster.store.subscribe(
        lambda change: order.append(name_of(change.object)) if change.type == "ADDED" else None, "pods"
    )
    lab.workload("StatefulSet", "db", 3, volumeClaimTemplates=[claim_template()])
    lab.advance(0.2)
    assert order == ["db-0"]
    lab.advance(5)
    assert order == ["db-0", "db-1", "db-2"]
    assert lab.names("persistentvolumeclaims") == ["data-db-0", "data-db-1", "data-db-2"]
    status = status_of(lab.get(STATEFUL, "db"))
    assert (status["readyReplicas"], status["currentReplicas"], status["updatedReplicas"]) == (3, 3, 3)
    pod = lab.get("pods", "db-1")
    assert (spec_of(pod)["hostname"], spec_of(pod)["subdomain"]) == ("db-1", "db")
    assert labels_of(pod)["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert labels_of(pod)["controller-revision-hash"] == status["currentRevision"]


def test_scaling_down_goes_from_the_top_and_keeps_the_claims(lab: Lab) -> None:
    lab.workload("StatefulSet", "db", 3, volumeClaimTemplates=[claim_template()])
    lab.advance(5)
    lab.patch(STATEFUL, "db", {"spec": {"replicas": 1}})
    lab.advance(5)
    assert [name_of(pod) for pod in lab.pods("db")] == ["db-0"]
    assert len(lab.names("persistentvolumeclaims")) == 3


def test_parallel_does_not_wait(lab: Lab) -> None:
    lab.workload("StatefulSet", "db", 3, podManagementPolicy="Parallel")
    lab.settle()
    assert len(lab.pods("db")) == 3


def test_updates_roll_from_the_highest_ordinal(lab: Lab) -> None:
    lab.workload("StatefulSet", "db", 3)
    lab.advance(5)
    old = status_of(lab.get(STATEFUL, "db"))["currentRevision"]
    lab.set_image(STATEFUL, "db", BROKEN)
    lab.advance(10)
    assert images(lab, "db") == {"db-0": "1.0", "db-1": "1.0", "db-2": "broken"}
    status = status_of(lab.get(STATEFUL, "db"))
    assert status["currentRevision"] == old != status["updateRevision"]
    assert (status["currentReplicas"], status["updatedReplicas"]) == (2, 1)


def test_a_broken_pod_blocks_until_it_is_deleted(lab: Lab) -> None:
    lab.workload("StatefulSet", "db", 3)
    lab.advance(5)
    lab.set_image(STATEFUL, "db", BROKEN)
    lab.advance(10)
    lab.set_image(STATEFUL, "db", SERVICE)
    lab.advance(300)
    assert images(lab, "db")["db-2"] == "broken"
    lab.delete("pods", "db-2")
    lab.advance(10)
    assert images(lab, "db") == {"db-0": "1.0", "db-1": "1.0", "db-2": "1.0"}
    status = status_of(lab.get(STATEFUL, "db"))
    assert status["currentRevision"] == status["updateRevision"] and status["readyReplicas"] == 3


def test_a_partition_keeps_the_lower_ordinals(lab: Lab) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    lab.workload("StatefulSet", "db", 3, updateStrategy=strategy)
    lab.advance(5)
    lab.patch(STATEFUL, "db", {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}})
    lab.advance(10)
    revisions = {name_of(pod): labels_of(pod)["controller-revision-hash"] for pod in lab.pods("db")}
    assert revisions["db-0"] == revisions["db-1"] != revisions["db-2"]
    lab.delete("pods", "db-0")
    lab.advance(5)
    assert labels_of(lab.get("pods", "db-0"))["controller-revision-hash"] == revisions["db-1"]


def test_a_failed_pod_is_made_again(lab: Lab) -> None:
    lab.workload("StatefulSet", "db", 1)
    lab.advance(3)
    before = lab.get("pods", "db-0")["metadata"]["uid"]
    lab.cluster.api.set_status("pods", NAMESPACE, "db-0", {**status_of(lab.get("pods", "db-0")), "phase": "Failed"})
    lab.advance(5)
    assert lab.get("pods", "db-0")["metadata"]["uid"] != before


def test_one_daemon_per_fitting_node(lab: Lab) -> None:
    lab.workload("DaemonSet", "agent", None)
    lab.advance(2)
    assert sorted(spec_of(pod)["nodeName"] for pod in lab.pods("agent")) == ["node-1", "node-2"]
    status = status_of(lab.get(DAEMON, "agent"))
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberAvailable"]) == (2, 2, 2)
    lab.cluster.nodes.add("node-3")
    lab.advance(2)
    assert len(lab.pods("agent")) == 3
    lab.patch(DAEMON, "agent", {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}})
    lab.advance(5)
    assert lab.pods("agent") == []
    lab.patch("nodes", "node-2", {"metadata": {"labels": {"disk": "ssd"}}})
    lab.advance(2)
    assert [spec_of(pod)["nodeName"] for pod in lab.pods("agent")] == ["node-2"]


def test_daemons_stay_on_cordoned_nodes_but_not_on_untolerated_taints(lab: Lab) -> None:
    lab.workload("DaemonSet", "agent", None)
    lab.advance(2)
    lab.patch("nodes", "node-1", {"spec": {"unschedulable": True}})
    lab.advance(2)
    assert len(lab.pods("agent")) == 2
    lab.patch("nodes", "node-2", {"spec": {"taints": [{"key": "x", "effect": "NoExecute"}]}})
    lab.advance(2)
    assert [spec_of(pod)["nodeName"] for pod in lab.pods("agent")] == ["node-1"]


def test_a_broken_daemon_update_stops_after_one_node(lab: Lab) -> None:
    lab.workload("DaemonSet", "agent", None)
    lab.advance(2)
    lab.set_image(DAEMON, "agent", BROKEN)
    lab.advance(10)
    assert sorted(images(lab, "agent").values()) == ["1.0", "broken"]
    lab.set_image(DAEMON, "agent", SERVICE)
    lab.advance(10)
    assert sorted(images(lab, "agent").values()) == ["1.0", "1.0"]
