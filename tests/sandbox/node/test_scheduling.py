"""Where pods are placed, and in the real scheduler's words why they are not."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.sandbox.objects import spec_of, status_of
from tests.sandbox.life import NAMESPACE, Lab, condition


def reason(lab: Lab, pod: str) -> str:
    lab.advance(0.1)
    found = status_of(lab.get("pods", pod))["conditions"]
    assert [(c["type"], c["status"], c["reason"]) for c in found] == [("PodScheduled", "False", "Unschedulable")]
    assert lab.events(pod, "FailedScheduling")[-1] == found[0]["message"]
    return str(found[0]["message"])


def node_of(lab: Lab, pod: str) -> str:
    lab.advance(0.1)
    return str(spec_of(lab.get("pods", pod)).get("nodeName", ""))


def anti_affinity(app: str) -> dict[str, Any]:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


@pytest.mark.parametrize(
    ("container", "spec", "message"),
    [
        ({}, {"nodeSelector": {"a": "b"}}, "2 node(s) didn't match Pod's node affinity."),
        ({"resources": {"requests": {"cpu": "100"}}}, {}, "2 Insufficient cpu."),
        (
            {"resources": {"requests": {"cpu": "100", "memory": "1000Gi"}}},
            {},
            "2 Insufficient cpu, 2 Insufficient memory.",
        ),
        (
            {"ports": [{"containerPort": 80, "hostPort": 9100}]},
            {},
            "2 node(s) didn't have free ports for the requested pod ports.",
        ),
        (
            {},
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nope"}}]},
            '2 persistentvolumeclaim "nope" not found.',
        ),
    ],
)
def test_a_pod_that_fits_nowhere_is_told_why(
    lab: Lab, container: dict[str, Any], spec: dict[str, Any], message: str
) -> None:
    lab.pod("web", container, **spec)
    assert reason(lab, "web") == f"0/2 nodes are available: {message}"
    assert status_of(lab.get("pods", "web"))["phase"] == "Pending"


def test_reasons_of_different_nodes_are_counted_apart(lab: Lab) -> None:
    lab.patch("nodes", "node-1", {"spec": {"unschedulable": True}})
    lab.patch("nodes", "node-2", {"spec": {"taints": [{"key": "dedicated", "value": "db", "effect": "NoSchedule"}]}})
    lab.pod("web")
    expected = (
        "0/2 nodes are available: 1 node(s) had taint {dedicated: db}, that the pod didn't tolerate, "
        "1 node(s) were unschedulable."
    )
    assert reason(lab, "web") == expected


def test_removing_the_obstacle_places_the_waiting_pod(lab: Lab) -> None:
    lab.pod("web", nodeSelector={"disk": "ssd"})
    reason(lab, "web")
    lab.patch("nodes", "node-2", {"metadata": {"labels": {"disk": "ssd"}}})
    lab.advance(2)
    assert spec_of(lab.get("pods", "web"))["nodeName"] == "node-2"
    assert condition(lab.get("pods", "web"), "PodScheduled") == ("True", "")


def test_tolerations_are_matched_by_key_value_and_effect(lab: Lab) -> None:
    for node in ("node-1", "node-2"):
        lab.patch("nodes", node, {"spec": {"taints": [{"key": "sre", "value": "blocked", "effect": "NoSchedule"}]}})
    lab.pod("other", tolerations=[{"key": "dummy", "operator": "Exists"}])
    lab.pod("wrong", tolerations=[{"key": "sre", "value": "open"}])
    lab.pod("right", tolerations=[{"key": "sre", "value": "blocked", "effect": "NoSchedule"}])
    lab.pod("any", tolerations=[{"operator": "Exists"}])
    assert [bool(node_of(lab, pod)) for pod in ("other", "wrong", "right", "any")] == [False, False, True, True]


def test_anti_affinity_spreads_and_then_refuses(lab: Lab) -> None:
    labels = {"app": "db"}
    for name in ("db-1", "db-2", "db-3"):
        own = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}}
        spec = {"containers": [{"name": "c", "image": "localhost:5000/service:1.0"}], "affinity": anti_affinity("db")}
        lab.create({**own, "spec": spec})
    assert {node_of(lab, "db-1"), node_of(lab, "db-2")} == {"node-1", "node-2"}
    assert reason(lab, "db-3") == (
        "0/2 nodes are available: 2 node(s) didn't match pod affinity/anti-affinity, "
        "2 node(s) didn't match pod anti-affinity rules."
    )


def test_topology_spread_keeps_the_skew(lab: Lab) -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    template = lab.template("web")
    template["spec"]["topologySpreadConstraints"] = [spread]
    lab.workload("Deployment", "web", 4, template=template)
    lab.advance(1)
    nodes = [spec_of(pod)["nodeName"] for pod in lab.pods("web")]
    assert sorted(nodes) == ["node-1", "node-1", "node-2", "node-2"]


def test_freed_resources_help_the_next_pod(lab: Lab) -> None:
    big = {"resources": {"requests": {"cpu": "7"}}}
    for name in ("a", "b", "c"):
        lab.pod(name, big)
    assert reason(lab, "c") == "0/2 nodes are available: 2 Insufficient cpu."
    lab.delete("pods", "a")
    lab.advance(5)
    assert spec_of(lab.get("pods", "c"))["nodeName"]


def test_a_more_important_pod_takes_the_place_of_a_lesser_one(lab: Lab) -> None:
    base = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    lab.create({**base, "metadata": {"name": "high"}, "value": 1000})
    for name in ("a", "b"):
        lab.pod(name, {"resources": {"requests": {"cpu": "7"}}})
    lab.advance(1)
    lab.pod("vip", {"resources": {"requests": {"cpu": "7"}}}, priorityClassName="high")
    lab.advance(5)
    assert spec_of(lab.get("pods", "vip"))["nodeName"]
    gone = [name for name in ("a", "b") if not lab.exists("pods", name)]
    assert len(gone) == 1
    assert lab.events(gone[0], "Preempted")[0].startswith(f"Preempted by {NAMESPACE}/vip on node node-")


def test_a_silent_kubelet_makes_its_node_unknown_and_loses_its_pods(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2)
    lab.advance(2)
    lab.cluster.nodes.kubelets["node-2"].stop()
    lab.advance(60)
    node = lab.get("nodes", "node-2", "")
    assert condition(node, "Ready") == ("Unknown", "NodeStatusUnknown")
    assert {taint["effect"] for taint in spec_of(node)["taints"]} == {"NoSchedule", "NoExecute"}
    lab.advance(310)
    running = [pod for pod in lab.pods("web") if not pod["metadata"].get("deletionTimestamp")]
    assert [spec_of(pod)["nodeName"] for pod in running] == ["node-1", "node-1"]
    lab.cluster.nodes.kubelets["node-2"].resume()
    lab.advance(30)
    assert condition(lab.get("nodes", "node-2", ""), "Ready") == ("True", "KubeletReady")
    assert not spec_of(lab.get("nodes", "node-2", "")).get("taints")
    assert len(lab.pods("web")) == 2


def test_a_no_execute_taint_drives_pods_away_at_once(lab: Lab) -> None:
    lab.workload("Deployment", "web", 2)
    lab.advance(2)
    lab.patch("nodes", "node-1", {"spec": {"taints": [{"key": "gone", "effect": "NoExecute"}]}})
    lab.advance(3)
    assert {spec_of(pod)["nodeName"] for pod in lab.pods("web")} == {"node-2"}


def test_a_second_important_pod_preempts_too(lab: Lab) -> None:
    base = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass"}
    lab.create({**base, "metadata": {"name": "high"}, "value": 1000})
    big = {"resources": {"requests": {"cpu": "7"}}}
    for name in ("a", "b"):
        lab.pod(name, big, terminationGracePeriodSeconds=5)
    lab.advance(1)
    for name in ("vip-1", "vip-2"):
        lab.pod(name, big, priorityClassName="high")
    lab.advance(30)
    assert {node_of(lab, "vip-1"), node_of(lab, "vip-2")} == {"node-1", "node-2"}


def test_a_pod_that_may_not_preempt_waits(lab: Lab) -> None:
    base = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "preemptionPolicy": "Never"}
    lab.create({**base, "metadata": {"name": "polite"}, "value": 1000})
    big = {"resources": {"requests": {"cpu": "7"}}}
    for name in ("a", "b"):
        lab.pod(name, big)
    lab.advance(1)
    lab.pod("vip", big, priorityClassName="polite")
    lab.advance(30)
    assert node_of(lab, "vip") == ""


def test_pods_without_requests_are_spread_evenly(lab: Lab) -> None:
    for number in range(10):
        lab.pod(f"web-{number}")
    nodes = [node_of(lab, f"web-{number}") for number in range(10)]
    assert abs(nodes.count("node-1") - nodes.count("node-2")) <= 2


def test_a_node_tells_its_story(lab: Lab) -> None:
    lab.patch("nodes", "node-1", {"spec": {"unschedulable": True}})
    lab.advance(15)
    lab.patch("nodes", "node-1", {"spec": {"unschedulable": None}})
    lab.advance(15)
    said = {
        event["message"]
        for event in lab.cluster.store.list("events", "default")
        if event["involvedObject"]["name"] == "node-1"
    }
    assert said == {
        "Starting kubelet.",
        "Node node-1 event: Registered Node node-1 in Controller",
        "Node node-1 status is now: NodeReady",
        "Node node-1 status is now: NodeNotSchedulable",
        "Node node-1 status is now: NodeSchedulable",
    }
