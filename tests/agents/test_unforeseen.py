"""More mistakes that nobody told the playbook about: the component, the class, and what the best change leads to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agents.evidence.changes import LAST_APPLIED
from agents.evidence.paths import MISSING, At, read
from stratus.domain.base import JsonObject
from tests.agents.test_analysers import C, Case, changed, down, first, healthy, path_of, thought
from tests.agents.world import (
    IMAGE,
    applied,
    container,
    crash,
    deployment,
    event,
    finding,
    node,
    obj,
    pod,
    replica_set,
    service,
    waiting,
)  # fmt: skip


def readiness_gate() -> Case:
    owner = deployment("geo", readinessGates=[{"conditionType": "example.com/ready"}])
    sick = pod(owner)
    sick["status"]["conditions"] = [{"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady"}]
    return Case(
        [owner, sick, service("geo")], "deployment/geo", "probe",
        lambda w: "readinessGates" not in w["shop/deployment/geo"]["spec"]["template"]["spec"], down("geo"),
    )  # fmt: skip


def rejected_by_the_kubelet() -> Case:
    allowed, forbidden = {"name": "kernel.shm_rmid_forced", "value": "1"}, {"name": "net.core.somaxconn", "value": "9"}
    owner = deployment("geo", securityContext={"sysctls": [allowed, forbidden]})
    sick = pod(owner, phase="Failed", reason="SysctlForbidden",
               message='Pod forbidden sysctl: "net.core.somaxconn" not whitelisted')  # fmt: skip
    return Case(
        [owner, sick, service("geo")], "deployment/geo", "admission",
        lambda w: w["shop/deployment/geo"]["spec"]["template"]["spec"]["securityContext"] == {"sysctls": [allowed]},
        down("geo"),
    )  # fmt: skip


def bound_to_an_absent_node() -> Case:
    owner = deployment("geo", nodeName="node-9")
    sick = pod(owner, phase="Pending")
    sick["spec"]["nodeName"] = "node-9"
    return Case(
        [owner, sick, service("geo"), node()], "deployment/geo", "scheduling",
        lambda w: "nodeName" not in w["shop/deployment/geo"]["spec"]["template"]["spec"], down("geo"),
    )  # fmt: skip


def a_scheduler_that_nobody_runs() -> Case:
    owner = deployment("geo", schedulerName="batch-scheduler")
    return Case(
        [owner, pod(owner, phase="Pending"), service("geo"), node()], "deployment/geo", "scheduling",
        lambda w: w["shop/deployment/geo"]["spec"]["template"]["spec"]["schedulerName"] == "default-scheduler",
        down("geo"),
    )  # fmt: skip


def a_device_that_no_node_has() -> Case:
    asks = {"requests": {"cpu": "10m", "nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}
    owner = deployment("geo", container("geo", resources=asks))
    sick = pod(owner, conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                   "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}])  # fmt: skip
    return Case(
        [owner, sick, service("geo"), node()], "deployment/geo", "resources",
        lambda w: read(w["shop/deployment/geo"], (*C, "resources")) == {"requests": {"cpu": "10m"}, "limits": {}},
        down("geo"),
    )  # fmt: skip


def the_nodes_resolver() -> Case:
    owner = deployment("web", container("web", env=[{"name": "CALLS", "value": "geo:8080"}]), hostNetwork=True)
    return Case(
        [*healthy("geo"), owner, pod(owner), service("web")], "deployment/web", "dns",
        lambda w: w["shop/deployment/web"]["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirstWithHostNet",
        [finding("Service", "web", "RequestsFail", 5.0)],
        {"web-1": "ERROR web call to geo:8080 failed: <urlopen error [Errno -2] Name or service not known>"},
    )  # fmt: skip


def a_key_that_was_renamed() -> Case:
    mount = {"name": "c", "mountPath": "/config"}
    volume = {"name": "c", "configMap": {"name": "rates"}}
    plain = deployment("geo")
    reads = deployment("geo", container("geo", volumeMounts=[mount]), volumes=[volume])
    written = [{"time": "2026-01-01T01:40:00Z", "fieldsV1": {"f:data": {}}}]
    config = obj("ConfigMap", "rates", metadata={"managedFields": written}, data={"rates.yml": "EUR", "other": "x"})
    return Case(
        [reads, replica_set(plain, 1), replica_set(reads, 2), pod(reads, crash()), service("geo"), config],
        "configmap/rates", "config", lambda w: w["shop/configmap/rates"]["data"]["rate.yaml"] == "EUR", down("geo"),
        {"geo-1": "FATAL geo cannot open /config/rate.yaml: no such file"},
    )  # fmt: skip


def limit_range_too_tight() -> Case:
    owner = deployment("geo")
    rs = replica_set(owner, 1)
    words = ('pods "geo-h1-x" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, '
             'maximum memory usage per Container is 64Mi, but limit is 96Mi]')  # fmt: skip
    bounds = {"type": "Container", "max": {"memory": "64Mi", "cpu": "2"}, "min": {"cpu": "50m"}}
    larger = deployment("rate", container("rate", resources={"limits": {"memory": "1Gi"}}))
    limits = obj("LimitRange", "caps", spec={"limits": [bounds]})
    return Case(
        [owner, rs, service("geo"), limits, larger, event(rs, "FailedCreate", words)], "limitrange/caps", "quota",
        lambda w: w["shop/limitrange/caps"]["spec"]["limits"]
        == [{"type": "Container", "max": {"memory": "1Gi", "cpu": "2"}, "min": {"cpu": "10m"}}], down("geo"),
    )  # fmt: skip


def a_port_that_moved_without_its_service() -> Case:
    good, bad = deployment("geo", container("geo", 8080)), deployment("geo", container("geo", 9090))
    return Case(
        [bad, replica_set(good, 1), replica_set(bad, 2), pod(bad), service("geo"), *healthy("web", CALLS="geo:8080")],
        "service/geo", "service-networking",
        lambda w: w["shop/service/geo"]["spec"]["ports"][0]["targetPort"] == 9090,
        [finding("Service", "geo", "DoesNotAnswer", 4.0), finding("Deployment", "web", "RequestsFail", 5.0)],
        {"web-1": "ERROR web call to geo:8080 failed: connection refused"},
    )  # fmt: skip


def misspelt_port_variable() -> Case:
    owner = deployment("geo", container("geo", 8082, env=[{"name": "PROT", "value": "8082"}]))
    sick = pod(owner, {"ready": False})
    refused = event(sick, "Unhealthy", "Readiness probe failed: dial tcp 10.0.0.7:8082: connect: connection refused")
    return Case(
        [owner, sick, service("geo", 8082), refused, *healthy("rate", 8083), *healthy("user", 8084)], "deployment/geo",
        "config", lambda w: read(w["shop/deployment/geo"], (*C, "env")) == [{"name": "PORT", "value": "8082"}],
        down("geo"), {"geo-1": "INFO geo listening on :8080, calls []"},
    )  # fmt: skip


def a_service_that_does_not_follow_the_log() -> Case:
    owner = deployment("geo", container("geo", 8082, env=[], readinessProbe=None))
    return Case(
        [owner, pod(owner), service("geo", 8082), *healthy("web", CALLS="geo:8082")], "service/geo",
        "service-networking", lambda w: w["shop/service/geo"]["spec"]["ports"][0]["targetPort"] == 9090,
        [finding("Service", "geo", "DoesNotAnswer", 4.0)], {"geo-1": "INFO geo listening on :9090"},
    )  # fmt: skip


def a_scheme_unlike_the_siblings() -> Case:
    return Case(
        [*healthy("geo"), *healthy("web", CALLS="http://geo:8080,http://rate:8080"), *healthy("rate", CALLS="geo:8080"),
         *healthy("user", CALLS="rate:8080,geo:8080")], "deployment/web", "config",
        lambda w: read(w["shop/deployment/web"], (*C, "env", At("name", "CALLS"), "value")) == "geo:8080,rate:8080",
        [finding("Deployment", "web", "RequestsFail", 5.0)],
    )  # fmt: skip


def a_program_that_is_not_there() -> Case:
    objects = changed("geo", lambda s: first(s).update(command=["python3", "/app/servce.py"]), crash(2))
    return Case(
        objects, "deployment/geo", "command", lambda w: read(w["shop/deployment/geo"], (*C, "command")) is MISSING,
        down("geo"), {"geo-1": "python3: can't open file '/app/servce.py': [Errno 2] No such file or directory"},
    )  # fmt: skip


def refuses_root() -> Case:
    owner = deployment("geo", securityContext={"runAsNonRoot": True})
    words = "container has runAsNonRoot and image will run as root"
    sick = pod(owner, waiting("CreateContainerConfigError", words))
    return Case(
        [owner, sick, service("geo"), *healthy("rate")], "deployment/geo", "config",
        lambda w: w["shop/deployment/geo"]["spec"]["template"]["spec"]["securityContext"] == {}, down("geo"),
    )  # fmt: skip


def init_that_waits_for_a_wrong_port() -> Case:
    words = "until nc -z store 27017; do echo waiting for store:27017; sleep 1; done"
    wait = {"name": "wait", "image": IMAGE, "command": ["sh", "-c", words]}
    owner = deployment("geo", initContainers=[wait])
    sick = pod(owner, init={"name": "wait", "state": {"running": {}}})
    return Case(
        [owner, sick, service("geo"), *healthy("store", 7070)], "deployment/geo", "init-container",
        lambda w: read(w["shop/deployment/geo"], ("spec", "template", "spec", "initContainers", 0, "command", 2))
        == words.replace("27017", "7070"), down("geo"),
    )  # fmt: skip


def init_whose_program_cannot_do_that() -> Case:
    made = init_that_waits_for_a_wrong_port()
    made.logs = {"geo-1": "nc: invalid option -- 'z'\nBusyBox v1.35 multi-call binary."}
    made.objects[1]["spec"]["containers"][0]["name"] = "wait"  # whose log it is
    made.cured = lambda w: "initContainers" not in w["shop/deployment/geo"]["spec"]["template"]["spec"]
    return made


def init_that_waits_for_a_misspelt_host() -> Case:
    wait = {"name": "wait", "image": IMAGE, "command": ["sh", "-c", "until nslookup mongodb-rte; do sleep 2; done"]}
    owner = deployment("rate", initContainers=[wait])
    sick = pod(owner, init={"name": "wait", "state": {"running": {}}})
    return Case(
        [owner, sick, service("rate"), *healthy("mongodb-rate")], "deployment/rate", "init-container",
        lambda w: w["shop/deployment/rate"]["spec"]["template"]["spec"]["initContainers"][0]
        == {**wait, "command": ["sh", "-c", "until nslookup mongodb-rate; do sleep 2; done"]}, down("rate"),
    )  # fmt: skip


CASES = [
    readiness_gate,
    rejected_by_the_kubelet,
    bound_to_an_absent_node,
    a_scheduler_that_nobody_runs,
    a_device_that_no_node_has,
    the_nodes_resolver,
    a_key_that_was_renamed,
    limit_range_too_tight,
    a_port_that_moved_without_its_service,
    misspelt_port_variable,
    a_service_that_does_not_follow_the_log,
    a_scheme_unlike_the_siblings,
    a_program_that_is_not_there,
    refuses_root,
    init_that_waits_for_a_wrong_port,
    init_whose_program_cannot_do_that,
    init_that_waits_for_a_misspelt_host,
]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_component_is_blamed_for_the_right_class_and_the_first_change_repairs(make: Callable[[], Case]) -> None:
    case = make()
    _, diagnosis, plan = thought(case)
    assert (str(diagnosis[0].component), diagnosis[0].fault_class) == (case.component, case.fault_class)
    after = applied(case.objects, plan[0][0].proposal.steps)
    assert case.cured({path_of(o): o for o in after}), plan[0][0].proposal.command


def test_what_still_lacks_a_setting_is_not_started_again() -> None:
    words = {"geo-1": "FATAL geo missing required setting REGION"}
    for variables, again in (([], False), ([{"name": "REGION", "value": "eu"}], True)):
        owner = deployment("geo", container("geo", env=variables))
        objects = [owner, pod(owner, crash()), service("geo"), *healthy("rate")]
        _, _, plan = thought(Case(objects, "", "", lambda w: True, down("geo"), words))
        assert any(c.origin == "restart" for c, _ in plan) is again


def secret_changed(at: str, **data: str) -> JsonObject:
    """A Secret whose token was applied as ``eA==`` and changed since by a person."""
    note = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {}, "data": {"token": "eA=="}})
    fields = {"f:data": {f"f:{key}": {} for key in ("token", *data)}}
    written = [{"manager": "kubectl-patch", "operation": "Update", "time": at, "fieldsV1": fields}]
    return obj("Secret", "store", metadata={"annotations": {LAST_APPLIED: note}, "managedFields": written}, data=data)


def reader(name: str, state: Any = None) -> list[JsonObject]:
    """A Deployment that takes the Secret's token into its environment; its pod started at 01:10."""
    entry = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}
    owner = deployment(name, container(name, env=[entry]))
    return [owner, pod(owner, state), service(name)]


def test_a_key_that_comes_back_restarts_nobody() -> None:
    words = waiting("CreateContainerConfigError", "couldn't find key token in Secret shop/store")
    objects = [secret_changed("2026-01-01T01:40:00Z", password="eA=="), *reader("geo", words), *reader("rate")]
    _, _, plan = thought(Case(objects, "", "", lambda w: True, down("geo")))
    assert [(s.kind, s.target.kind) for s in plan[0][0].proposal.steps] == [("patch", "Secret")]


@pytest.mark.parametrize(("at", "restarted"), [("2026-01-01T01:40:00Z", False), ("2026-01-01T01:00:00Z", True)])
def test_who_started_before_a_value_changed_still_has_the_right_one(at: str, restarted: bool) -> None:
    objects = [secret_changed(at, token="b3RoZXI="), *reader("geo")]
    _, _, plan = thought(Case(objects, "", "", lambda w: True, [finding("Service", "geo", "RequestsFail", 5.0)]))
    back = next(c for c, _ in plan if c.proposal.steps[0].target.kind == "Secret")
    assert (len(back.proposal.steps) > 1) is restarted


def test_a_failed_job_is_told_with_its_last_words_and_not_run_again() -> None:
    spec = {"template": {"metadata": {"labels": {}}, "spec": {"containers": [container("report")]}}}
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    job = obj("Job", "report", spec=spec, status={"conditions": [failed]})
    objects = [job, pod(job, {"ready": False, "state": {"terminated": {"exitCode": 1}}})]
    words = {"report-1": "cannot reach ledger"}
    _, diagnosis, plan = thought(Case(objects, "", "", lambda w: True, [finding("Job", "report", "JobFailed")], words))
    assert (str(diagnosis[0].component), diagnosis[0].fault_class) == ("job/report", "jobs")
    assert "log: cannot reach ledger" in diagnosis[0].evidence
    assert not plan


def test_an_autoscaler_without_a_metrics_server_is_handed_over_in_the_servers_words() -> None:
    words = "unable to fetch metrics from resource metrics API: the server could not find the requested resource"
    target = {"kind": "Deployment", "name": "geo"}
    spec = {"scaleTargetRef": target, "targetCPUUtilizationPercentage": 80}
    status = {"conditions": [{"type": "ScalingActive", "status": "False", "message": words}]}
    scaler = obj("HorizontalPodAutoscaler", "geo", spec=spec, status=status)
    found = [finding("HorizontalPodAutoscaler", "geo", "AutoscalerBlind", 0.5)]
    _, diagnosis, plan = thought(Case([*healthy("geo"), scaler], "", "", lambda w: True, found))
    assert (str(diagnosis[0].component), diagnosis[0].fault_class) == ("horizontalpodautoscaler/geo", "autoscaling")
    assert words in diagnosis[0].evidence
    assert not plan
