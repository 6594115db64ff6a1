"""Endpoints, volumes, namespaces, budgets and autoscaling."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import PatchKind
from stratus.sandbox.objects import name_of, spec_of, status_of
from tests.sandbox.life import NAMESPACE, Lab, addresses, condition

SLICES = "endpointslices.discovery.k8s.io"
CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"


def service(lab: Lab, name: str, target: int | str = 8080, **selector: str) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": target}]
    spec = {"selector": selector or {"app": name}, "ports": ports}
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def claim(lab: Lab, name: str, storage_class: str | None = None, **spec: Any) -> None:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    if storage_class is not None:
        body["storageClassName"] = storage_class
    metadata = {"name": name, "namespace": NAMESPACE}
    lab.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": body})


def volume(lab: Lab, name: str, size: str = "1Gi") -> None:
    spec = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": "manual",
        "hostPath": {"path": "/data"},
    }
    lab.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec})


def phase(lab: Lab, resource: str, name: str) -> str:
    namespace = NAMESPACE if resource == CLAIMS else ""
    return str(status_of(lab.get(resource, name, namespace))["phase"])


def test_endpoints_follow_readiness(lab: Lab) -> None:
    service(lab, "web")
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    lab.workload("Deployment", "web", 2, template=lab.template("web", readinessProbe=probe))
    lab.advance(0.6)
    names = sorted(name_of(pod) for pod in lab.pods("web"))
    assert addresses(lab.get("endpoints", "web"), "notReadyAddresses") == names
    lab.advance(5)
    found = lab.get("endpoints", "web")
    assert addresses(found) == names and addresses(found, "notReadyAddresses") == []
    assert found["subsets"][0]["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


def test_a_selector_that_nobody_matches_empties_the_endpoints(lab: Lab) -> None:
    service(lab, "web")
    lab.workload("Deployment", "web", 2)
    lab.advance(3)
    lab.patch("services", "web", {"spec": {"selector": {"current_service_name": "web"}}})
    lab.advance(1)
    assert not lab.get("endpoints", "web").get("subsets")
    (found,) = lab.cluster.store.list(SLICES, NAMESPACE)
    assert not found["endpoints"]
    lab.patch("services", "web", {"spec": {"selector": {"current_service_name": None}}})
    lab.advance(1)
    assert len(addresses(lab.get("endpoints", "web"))) == 2


def test_a_named_target_port_is_looked_up_in_each_pod(lab: Lab) -> None:
    service(lab, "web", "http")
    template = lab.template("web", ports=[{"name": "http", "containerPort": 8080}])
    lab.workload("Deployment", "web", 1, template=template)
    lab.advance(3)
    assert lab.get("endpoints", "web")["subsets"][0]["ports"][0]["port"] == 8080
    lab.patch("services", "web", {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "nope"}]}})
    lab.advance(1)
    assert not lab.get("endpoints", "web").get("subsets")


def test_slices_hold_a_hundred_endpoints_and_change_little(lab: Lab) -> None:
    service(lab, "web")
    lab.workload("Deployment", "web", 130)
    lab.advance(10)
    slices = lab.cluster.store.list(SLICES, NAMESPACE)
    assert sorted(len(each["endpoints"]) for each in slices) == [30, 100]
    assert all(each["endpoints"][0]["conditions"]["ready"] for each in slices)
    assert {each["metadata"]["labels"]["kubernetes.io/service-name"] for each in slices} == {"web"}
    written: list[str] = []
    lab.cluster.store.subscribe(lambda change: written.append(name_of(change.object)), SLICES)
    lab.delete("pods", slices[0]["endpoints"][0]["targetRef"]["name"])
    lab.advance(5)
    assert len(set(written)) <= 2
    assert sum(len(each["endpoints"]) for each in lab.cluster.store.list(SLICES, NAMESPACE)) == 130


def test_a_deleted_service_takes_its_endpoints_along(lab: Lab) -> None:
    service(lab, "web")
    lab.workload("Deployment", "web", 1)
    lab.advance(3)
    lab.delete("services", "web")
    lab.advance(1)
    assert not lab.exists("endpoints", "web")
    assert lab.names(SLICES) == []


def test_the_default_class_provisions_and_reclaims(lab: Lab) -> None:
    claim(lab, "data")
    lab.advance(1)
    own = lab.get(CLAIMS, "data")
    assert status_of(own)["phase"] == "Bound" and spec_of(own)["storageClassName"] == "standard"
    name = spec_of(own)["volumeName"]
    assert name == f"pvc-{own['metadata']['uid']}"
    assert phase(lab, VOLUMES, name) == "Bound"
    lab.delete(CLAIMS, "data")
    lab.advance(2)
    assert not lab.exists(CLAIMS, "data") and not lab.exists(VOLUMES, name, "")


def test_a_released_volume_waits_for_its_claim_reference_to_be_cleared(lab: Lab) -> None:
    volume(lab, "pv")
    claim(lab, "data", "manual")
    lab.advance(1)
    assert phase(lab, CLAIMS, "data") == "Bound"
    lab.delete(CLAIMS, "data")
    lab.advance(1)
    assert phase(lab, VOLUMES, "pv") == "Released"
    claim(lab, "data", "manual")
    lab.pod("db", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    lab.advance(60)
    assert phase(lab, CLAIMS, "data") == "Pending"
    message = "0/2 nodes are available: 2 pod has unbound immediate PersistentVolumeClaims."
    assert lab.events("db", "FailedScheduling") == [message]
    lab.patch(VOLUMES, "pv", {"spec": {"claimRef": None}}, PatchKind.MERGE)
    lab.advance(30)
    assert phase(lab, CLAIMS, "data") == phase(lab, VOLUMES, "pv") == "Bound"
    assert status_of(lab.get("pods", "db"))["phase"] == "Running"


def test_the_smallest_sufficient_volume_is_taken(lab: Lab) -> None:
    volume(lab, "big", "10Gi")
    volume(lab, "small", "500Mi")
    volume(lab, "right", "2Gi")
    claim(lab, "data", "manual")
    lab.advance(1)
    assert spec_of(lab.get(CLAIMS, "data"))["volumeName"] == "right"
    assert status_of(lab.get(CLAIMS, "data"))["capacity"] == {"storage": "2Gi"}


def test_a_claim_in_use_is_protected(lab: Lab) -> None:
    claim(lab, "data")
    lab.pod("db", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    lab.advance(3)
    lab.delete(CLAIMS, "data")
    lab.advance(3)
    assert lab.get(CLAIMS, "data")["metadata"]["deletionTimestamp"]
    lab.delete("pods", "db")
    lab.advance(3)
    assert not lab.exists(CLAIMS, "data")


def test_an_unknown_class_is_reported(lab: Lab) -> None:
    claim(lab, "data", "nope")
    lab.advance(1)
    assert lab.events("data", "ProvisioningFailed") == ['storageclass.storage.k8s.io "nope" not found']


def test_a_claim_may_wait_for_its_first_pod(lab: Lab) -> None:
    base = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "late"}}
    lab.create({**base, "provisioner": "stratus.local/dynamic", "volumeBindingMode": "WaitForFirstConsumer"})
    claim(lab, "data", "late")
    lab.advance(1)
    assert phase(lab, CLAIMS, "data") == "Pending"
    lab.pod("db", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
    lab.advance(5)
    assert phase(lab, CLAIMS, "data") == "Bound"
    assert status_of(lab.get("pods", "db"))["phase"] == "Running"


def test_a_namespace_goes_with_everything_in_it(lab: Lab) -> None:
    service(lab, "web")
    lab.workload("Deployment", "web", 2)
    lab.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": NAMESPACE}})
    lab.advance(3)
    lab.cluster.api.delete("namespaces", "", NAMESPACE)
    lab.settle()
    lab.advance(5)
    assert not lab.exists("namespaces", NAMESPACE, "")
    assert all(not lab.names(resource) for resource in lab.cluster.store.resources() if resource != "namespaces")


def test_a_finalizer_keeps_a_namespace_and_says_so(lab: Lab) -> None:
    metadata = {"name": "a", "namespace": NAMESPACE, "finalizers": ["example.com/keep"]}
    lab.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    lab.cluster.api.delete("namespaces", "", NAMESPACE)
    lab.advance(3)
    found = lab.get("namespaces", NAMESPACE, "")
    assert status_of(found)["phase"] == "Terminating"
    assert condition(found, "NamespaceContentRemaining") == ("True", "SomeResourcesRemain")
    assert condition(found, "NamespaceFinalizersRemaining") == ("True", "SomeFinalizersRemain")
    lab.patch("configmaps", "a", {"metadata": {"finalizers": None}}, PatchKind.MERGE)
    lab.advance(3)
    assert not lab.exists("namespaces", NAMESPACE, "")


def test_every_namespace_has_its_account_and_certificate(lab: Lab) -> None:
    lab.delete("serviceaccounts", "default")
    lab.delete("configmaps", "kube-root-ca.crt")
    lab.advance(1)
    assert lab.exists("serviceaccounts", "default") and lab.exists("configmaps", "kube-root-ca.crt")


def budget(lab: Lab, **spec: Any) -> None:
    body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    metadata = {"name": "web", "namespace": NAMESPACE}
    lab.create({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": body})


def test_budgets_count_healthy_pods(lab: Lab) -> None:
    budget(lab, minAvailable=2)
    lab.workload("Deployment", "web", 3)
    lab.advance(3)
    found = lab.get("poddisruptionbudgets.policy", "web")
    counts = {key: value for key, value in status_of(found).items() if isinstance(value, int)}
    assert counts == {
        "disruptionsAllowed": 1,
        "currentHealthy": 3,
        "desiredHealthy": 2,
        "expectedPods": 3,
        "observedGeneration": 1,
    }
    lab.patch("deployments.apps", "web", {"spec": {"replicas": 2}})
    lab.advance(3)
    found = lab.get("poddisruptionbudgets.policy", "web")
    assert status_of(found)["disruptionsAllowed"] == 0
    assert condition(found, "DisruptionAllowed") == ("False", "InsufficientPods")


def test_percentages_of_a_budget_follow_the_scale(lab: Lab) -> None:
    budget(lab, maxUnavailable="50%")
    lab.workload("Deployment", "web", 5)
    lab.advance(3)
    status = status_of(lab.get("poddisruptionbudgets.policy", "web"))
    assert (status["expectedPods"], status["desiredHealthy"], status["disruptionsAllowed"]) == (5, 2, 3)


def scaler(lab: Lab, low: int = 1, high: int = 5) -> None:
    target = {"type": "Utilization", "averageUtilization": 50}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": low,
        "maxReplicas": high,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    metadata = {"name": "web", "namespace": NAMESPACE}
    own = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    lab.create(own)


HPA = "horizontalpodautoscalers.autoscaling"


def test_an_autoscaler_overrides_replicas_within_its_bounds(lab: Lab) -> None:
    resources = {"requests": {"cpu": "100m"}}
    lab.workload("Deployment", "web", 1, template=lab.template("web", resources=resources))
    lab.advance(3)
    scaler(lab, low=2)
    lab.advance(20)
    assert spec_of(lab.get("deployments.apps", "web"))["replicas"] == 2
    found = lab.get(HPA, "web")
    assert condition(found, "ScalingActive") == ("True", "ValidMetricFound")
    expected = "New size: 2; reason: Current number of replicas below Spec.MinReplicas"
    assert lab.events("web", "SuccessfulRescale") == [expected]
    lab.patch("deployments.apps", "web", {"spec": {"replicas": 9}})
    lab.advance(40)
    assert spec_of(lab.get("deployments.apps", "web"))["replicas"] <= 5
    lab.advance(400)
    assert spec_of(lab.get("deployments.apps", "web"))["replicas"] == 2


def test_an_autoscaler_without_requests_says_what_is_missing(lab: Lab) -> None:
    lab.workload("Deployment", "web", 1)
    lab.advance(3)
    scaler(lab)
    lab.advance(20)
    assert condition(lab.get(HPA, "web"), "ScalingActive") == ("False", "FailedGetResourceMetric")
    assert lab.events("web", "FailedGetResourceMetric") == ["failed to get cpu utilization: missing request for cpu"]
    resources = {"requests": {"cpu": "100m"}}
    containers = [{"name": "c", "resources": resources}]
    lab.patch("deployments.apps", "web", {"spec": {"template": {"spec": {"containers": containers}}}})
    lab.advance(40)
    assert condition(lab.get(HPA, "web"), "ScalingActive") == ("True", "ValidMetricFound")


def test_a_target_without_replicas_is_left_alone(lab: Lab) -> None:
    lab.workload("Deployment", "web", 0)
    scaler(lab)
    lab.advance(40)
    assert spec_of(lab.get("deployments.apps", "web"))["replicas"] == 0
    assert condition(lab.get(HPA, "web"), "ScalingActive") == ("False", "ScalingDisabled")
