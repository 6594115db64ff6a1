"""What controllers do with objects, as far as undoing a change depends on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.clients import JSON_PATCH, STRATEGIC, Client
from tests.conformance.objects import deployment, nowhere, pod, pod_spec, service, template

Object = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
BROKEN = "localhost:5000/service:broken"
PAUSE_ALT = "localhost:5000/service:1.0"


def set_image(cluster: Client, resource: str, name: str, image: str) -> None:
    containers = [{"name": "c", "image": image}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    assert cluster.patch(resource, name, patch, STRATEGIC).code == 200


def running() -> Object:
    return pod_spec(containers=[{"name": "c", "image": PAUSE_ALT}])


def observed(cluster: Client, resource: str, name: str) -> Any:
    """The object once its controller has seen its latest generation."""
    found = cluster.get(resource, name).body
    return found if found["status"].get("observedGeneration", 0) >= found["metadata"]["generation"] else None


def ready(cluster: Client, name: str, count: int, resource: str = "deployments") -> Callable[[], Any]:
    def check() -> Any:
        found = observed(cluster, resource, name)
        status = found["status"] if found else {}
        counts = {status.get("readyReplicas", 0), status.get("replicas", 0), status.get("updatedReplicas", 0)}
        return found if counts == {count} else None

    return check


def sets(cluster: Client) -> dict[str, int]:
    """Revision to wanted size of each ReplicaSet."""
    return {
        each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"]
        for each in cluster.list("replicasets")["items"]
    }


def condition(obj: Any, kind: str) -> tuple[str, str, str]:
    for each in obj["status"].get("conditions") or ():
        if each["type"] == kind:
            return each["status"], each.get("reason", ""), each.get("message", "")
    return "", "", ""


def messages(cluster: Client, name: str, reason: str) -> list[str]:
    found = cluster.list("events", fieldSelector=f"involvedObject.name={name},reason={reason}")["items"]
    return [each["message"] for each in found]


def pods(cluster: Client, app: str) -> list[Any]:
    found: list[Any] = cluster.list("pods", labelSelector=f"app={app}")["items"]
    return found


def names(objects: list[Any]) -> set[str]:
    return {each["metadata"]["name"] for each in objects}


def test_undoing_a_rollout_reuses_the_old_replica_set_under_a_new_revision(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", replicas=2, spec=running()))
    cluster.eventually(ready(cluster, "a", 2))
    first = names(cluster.list("replicasets")["items"])
    set_image(cluster, "deployments", "a", BROKEN)
    cluster.eventually(lambda: sets(cluster) == {"1": 2, "2": 1})
    stuck = cluster.eventually(lambda: observed(cluster, "deployments", "a"))
    assert stuck["status"]["readyReplicas"] == 2 and stuck["status"]["updatedReplicas"] == 1
    set_image(cluster, "deployments", "a", PAUSE_ALT)
    undone = cluster.eventually(ready(cluster, "a", 2))
    cluster.eventually(lambda: sets(cluster) == {"2": 0, "3": 2})
    assert undone["metadata"]["annotations"][REVISION] == "3"
    reused = next(each for each in cluster.list("replicasets")["items"] if each["metadata"]["name"] in first)
    assert reused["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert condition(undone, "Progressing")[:2] == ("True", "NewReplicaSetAvailable")


def test_a_rollout_that_does_not_progress_is_reported(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", spec=nowhere(), progressDeadlineSeconds=3))

    def late() -> Any:
        found = cluster.get("deployments", "a")
        return found if condition(found, "Progressing")[1] == "ProgressDeadlineExceeded" else None

    found = cluster.eventually(late)
    (name,) = names(cluster.list("replicasets")["items"])
    said = f'ReplicaSet "{name}" has timed out progressing.'
    assert condition(found, "Progressing") == ("False", "ProgressDeadlineExceeded", said)
    said = "Deployment does not have minimum availability."
    assert condition(found, "Available") == ("False", "MinimumReplicasUnavailable", said)
    assert messages(cluster, "a", "ScalingReplicaSet") == [f"Scaled up replica set {name} to 1"]


def test_a_paused_deployment_does_not_roll(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", replicas=0, paused=True))
    cluster.eventually(lambda: observed(cluster, "deployments", "a"))
    assert cluster.list("replicasets")["items"] == []
    found = cluster.get("deployments", "a")
    assert condition(found, "Progressing") == ("Unknown", "DeploymentPaused", "Deployment is paused")
    cluster.patch("deployments", "a", {"spec": {"paused": None}})
    cluster.eventually(lambda: cluster.list("replicasets")["items"])


def test_recreate_takes_the_old_pods_down_first(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", spec=running(), strategy={"type": "Recreate"}))
    cluster.eventually(ready(cluster, "a", 1))
    set_image(cluster, "deployments", "a", BROKEN)
    cluster.eventually(lambda: sets(cluster) == {"1": 0, "2": 1})
    cluster.eventually(lambda: len(pods(cluster, "a")) == 1)
    assert pods(cluster, "a")[0]["spec"]["containers"][0]["image"] == BROKEN


def test_zero_surge_and_all_unavailable_take_everything_down(cluster: Client) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"}}
    made = cluster.create("deployments", deployment("a", replicas=2, spec=running(), strategy=strategy)).body
    assert made["spec"]["strategy"] == strategy
    cluster.eventually(ready(cluster, "a", 2))
    set_image(cluster, "deployments", "a", BROKEN)
    cluster.eventually(lambda: sets(cluster) == {"1": 0, "2": 2})


def test_a_replaced_pod_comes_back_under_another_name(cluster: Client) -> None:
    cluster.create("deployments", deployment("a"))
    before = names(cluster.eventually(lambda: pods(cluster, "a")))
    cluster.delete("pods", next(iter(before)))
    cluster.eventually(lambda: names(pods(cluster, "a")) and not names(pods(cluster, "a")) & before)


def test_a_quota_refuses_the_pod_and_shows_on_the_replica_set(cluster: Client) -> None:
    quota = {"kind": "ResourceQuota", "metadata": {"name": "limit"}, "spec": {"hard": {"pods": "1"}}}
    cluster.create("resourcequotas", quota)
    cluster.eventually(lambda: cluster.get("resourcequotas", "limit")["status"].get("used") == {"pods": "0"})
    cluster.create("deployments", deployment("a", replicas=2))
    cluster.eventually(lambda: pods(cluster, "a"))
    (name,) = names(cluster.list("replicasets")["items"])
    failure = cluster.eventually(lambda: condition(cluster.get("replicasets", name), "ReplicaFailure")[1])
    assert failure == "FailedCreate"
    said = cluster.eventually(lambda: messages(cluster, name, "FailedCreate"))[0]
    assert said.endswith("is forbidden: exceeded quota: limit, requested: pods=1, used: pods=1, limited: pods=1")
    cluster.eventually(lambda: condition(cluster.get("deployments", "a"), "ReplicaFailure")[1] == "FailedCreate")
    cluster.patch("resourcequotas", "limit", {"spec": {"hard": {"pods": "5"}}})
    cluster.eventually(lambda: len(pods(cluster, "a")) == 2)
    cluster.eventually(lambda: cluster.get("resourcequotas", "limit")["status"]["used"] == {"pods": "2"})


def test_a_compute_quota_wants_every_pod_to_say_what_it_needs(cluster: Client) -> None:
    quota = {"kind": "ResourceQuota", "metadata": {"name": "limit"}, "spec": {"hard": {"limits.memory": "1Gi"}}}
    cluster.create("resourcequotas", quota)
    cluster.eventually(lambda: cluster.get("resourcequotas", "limit")["status"].get("used"))
    answer = cluster.create("pods", pod("a"))
    assert answer.code == 403
    assert answer["message"].endswith("failed quota: limit: must specify limits.memory")


def test_a_limit_range_writes_into_pods(cluster: Client) -> None:
    limit = {"type": "Container", "default": {"memory": "64Mi"}, "defaultRequest": {"cpu": "5m"}}
    cluster.create("limitranges", {"kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    cluster.eventually(lambda: cluster.get("limitranges", "l").code == 200)
    made = cluster.create("pods", pod("a")).body
    expected = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "5m", "memory": "64Mi"}}
    assert made["spec"]["containers"][0]["resources"] == expected


def stateful(name: str, replicas: int) -> Object:
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "serviceName": name}
    body["template"] = template(name, running())
    return {"kind": "StatefulSet", "metadata": {"name": name}, "spec": body}


def test_a_stateful_set_is_stuck_until_its_broken_pod_is_deleted(cluster: Client) -> None:
    cluster.create("statefulsets", stateful("db", 2))
    cluster.eventually(ready(cluster, "db", 2, "statefulsets"))
    set_image(cluster, "statefulsets", "db", BROKEN)

    def broken() -> bool:
        found = cluster.get("pods", "db-1")
        return bool(found.code == 200 and found["spec"]["containers"][0]["image"] == BROKEN)

    cluster.eventually(broken)
    status = cluster.eventually(lambda: observed(cluster, "statefulsets", "db"))["status"]
    assert status["currentRevision"] != status["updateRevision"]
    set_image(cluster, "statefulsets", "db", PAUSE_ALT)
    for _ in range(12):
        cluster.pass_time()
    assert broken()
    cluster.delete("pods", "db-1")
    cluster.eventually(lambda: cluster.get("pods", "db-1").code == 200 and not broken())
    cluster.eventually(ready(cluster, "db", 2, "statefulsets"))
    assert cluster.get("pods", "db-0")["spec"]["containers"][0]["image"] == PAUSE_ALT


def test_stateful_pods_have_stable_names_and_labels(cluster: Client) -> None:
    cluster.create("statefulsets", stateful("db", 2))
    cluster.eventually(ready(cluster, "db", 2, "statefulsets"))
    found = cluster.get("pods", "db-1")
    assert (found["spec"]["hostname"], found["spec"]["subdomain"]) == ("db-1", "db")
    assert found["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-1"
    assert sorted(messages(cluster, "db", "SuccessfulCreate")) == [
        "create Pod db-0 in StatefulSet db successful",
        "create Pod db-1 in StatefulSet db successful",
    ]
    cluster.patch("statefulsets", "db", {"spec": {"replicas": 1}})
    cluster.eventually(lambda: names(pods(cluster, "db")) == {"db-0"})


def test_a_budget_blocks_eviction_but_not_deletion(cluster: Client) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}
    cluster.create("poddisruptionbudgets", {"kind": "PodDisruptionBudget", "metadata": {"name": "a"}, "spec": spec})
    cluster.create("deployments", deployment("a", spec=running()))
    cluster.eventually(ready(cluster, "a", 1))
    cluster.eventually(lambda: cluster.get("poddisruptionbudgets", "a")["status"].get("currentHealthy") == 1)
    status = cluster.get("poddisruptionbudgets", "a")["status"]
    assert (status["disruptionsAllowed"], status["desiredHealthy"], status["expectedPods"]) == (0, 1, 1)
    name = pods(cluster, "a")[0]["metadata"]["name"]
    body: Object = {"apiVersion": "policy/v1beta1" if cluster.name == "real" else "policy/v1", "kind": "Eviction"}
    body["metadata"] = {"name": name}
    assert cluster.request("POST", cluster.path("pods", name, "eviction"), body).code == 429
    assert cluster.delete("pods", name).code == 200


def autoscaler(low: int, high: int) -> Object:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}
    spec = {"scaleTargetRef": target, "minReplicas": low, "maxReplicas": high, "targetCPUUtilizationPercentage": 50}
    return {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize(("replicas", "low", "high", "ends"), [(1, 2, 4, 2), (5, 1, 3, 3)])
@pytest.mark.slow
def test_an_autoscaler_overrides_replicas_outside_its_bounds(
    cluster: Client, replicas: int, low: int, high: int, ends: int
) -> None:
    cluster.create("deployments", deployment("a", replicas=replicas))
    cluster.create("horizontalpodautoscalers", autoscaler(low, high))
    cluster.eventually(lambda: cluster.get("deployments", "a")["spec"]["replicas"] == ends)
    side = "below Spec.MinReplicas" if replicas < low else "above Spec.MaxReplicas"
    said = cluster.eventually(lambda: messages(cluster, "a", "SuccessfulRescale"))
    assert said == [f"New size: {ends}; reason: Current number of replicas {side}"]


def test_a_pod_changes_hands_by_its_labels(cluster: Client) -> None:
    cluster.create("deployments", deployment("a"))
    name = cluster.eventually(lambda: pods(cluster, "a"))[0]["metadata"]["name"]
    cluster.patch("pods", name, {"metadata": {"labels": {"app": "debug"}}})
    cluster.eventually(lambda: len(pods(cluster, "a")) == 1)
    cluster.eventually(lambda: "ownerReferences" not in cluster.get("pods", name)["metadata"])


def endpoints(cluster: Client, name: str) -> list[Any]:
    """(port numbers, ready pods, other pods) of each subset."""
    found = cluster.get("endpoints", name)
    return [
        (
            [port["port"] for port in subset.get("ports") or ()],
            len(subset.get("addresses") or ()),
            len(subset.get("notReadyAddresses") or ()),
        )
        for subset in (found.body.get("subsets") or () if found.code == 200 else ())
    ]


def test_endpoints_follow_selector_target_port_and_readiness(cluster: Client) -> None:
    container = {"name": "c", "image": PAUSE_ALT, "ports": [{"name": "web", "containerPort": 8080}]}
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    spec = pod_spec(containers=[{**container, "readinessProbe": probe}])
    cluster.create("deployments", deployment("a", replicas=2, spec=spec))
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    cluster.create("services", service("a", selector={"app": "a"}, ports=ports))
    cluster.eventually(lambda: endpoints(cluster, "a") == [([8080], 2, 0)])
    cluster.patch("services", "a", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}], JSON_PATCH)
    cluster.eventually(lambda: endpoints(cluster, "a") == [([9999], 2, 0)])
    cluster.patch("services", "a", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "nope"}], JSON_PATCH)
    cluster.eventually(lambda: endpoints(cluster, "a") == [])
    cluster.patch("services", "a", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 8080}], JSON_PATCH)
    cluster.eventually(lambda: endpoints(cluster, "a") == [([8080], 2, 0)])
    cluster.patch("services", "a", {"spec": {"selector": {"app": "a", "extra": "x"}}})
    cluster.eventually(lambda: endpoints(cluster, "a") == [])


def test_a_pod_that_is_not_ready_is_listed_apart(cluster: Client) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 1}
    spec = pod_spec(containers=[{"name": "c", "image": PAUSE_ALT, "readinessProbe": probe}])
    cluster.create("deployments", deployment("a", spec=spec))
    cluster.create("services", service("a", selector={"app": "a"}))
    cluster.eventually(lambda: endpoints(cluster, "a") == [([80], 0, 1)])


def test_a_job_completes_or_fails(cluster: Client) -> None:
    def job(name: str, script: str) -> Object:
        container = {"name": "c", "image": "localhost:5000/pause:3.2", "command": ["sh", "-c", script]}
        spec = {"restartPolicy": "Never", "containers": [container]}
        return {"kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": spec}}}

    cluster.create("jobs", job("good", "echo done"))
    cluster.create("jobs", job("bad", "exit 1"))
    good = cluster.eventually(lambda: condition(found := cluster.get("jobs", "good"), "Complete")[0] and found)
    assert good["status"]["succeeded"] == 1 and good["status"]["completionTime"]
    bad = cluster.eventually(lambda: condition(found := cluster.get("jobs", "bad"), "Failed")[0] and found)
    said = ("True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert condition(bad, "Failed") == said
    assert bad["status"]["failed"] == 1


def test_a_released_volume_is_not_given_to_a_new_claim(cluster: Client) -> None:
    name = f"pv-{cluster.namespace}"
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": name}
    spec |= {"persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/tmp/x"}}
    cluster.create("persistentvolumes", {"kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": name}
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": wanted}

    def phase(resource: str, which: str) -> str:
        return str((cluster.get(resource, which).body.get("status") or {}).get("phase", ""))

    cluster.create("persistentvolumeclaims", claim)
    cluster.eventually(lambda: phase("persistentvolumeclaims", "c") == "Bound")
    assert cluster.get("persistentvolumeclaims", "c")["spec"]["volumeName"] == name
    cluster.delete("persistentvolumeclaims", "c")
    cluster.eventually(lambda: phase("persistentvolumes", name) == "Released")
    cluster.create("persistentvolumeclaims", claim)
    for _ in range(12):
        cluster.pass_time()
    assert phase("persistentvolumeclaims", "c") == "Pending"
    cluster.patch("persistentvolumes", name, {"spec": {"claimRef": None}})
    cluster.eventually(lambda: phase("persistentvolumeclaims", "c") == "Bound")
    cluster.delete("persistentvolumeclaims", "c")
    cluster.delete("persistentvolumes", name)
    cluster.eventually(lambda: cluster.get("persistentvolumes", name).code == 404)


def test_a_deleted_deployment_takes_its_children_along(cluster: Client) -> None:
    cluster.create("deployments", deployment("a", replicas=2))
    cluster.eventually(lambda: len(pods(cluster, "a")) == 2)
    cluster.delete("deployments", "a", {"propagationPolicy": "Foreground"})
    cluster.eventually(lambda: cluster.get("deployments", "a").code == 404)
    assert cluster.list("replicasets")["items"] == [] and pods(cluster, "a") == []
