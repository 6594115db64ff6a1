"""Every analyser on a world in which just one thing is wrong: the component, the class, and what the best change leads to."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.evidence import Evidence
from agents.evidence.changes import LAST_APPLIED
from agents.evidence.paths import MISSING, At, read
from agents.evidence.routes import Answered
from agents.minds.base import FAULT_CLASSES, Candidate, Hypothesis
from agents.minds.playbook import PlaybookMind
from stratus.domain.base import JsonObject
from stratus.domain.severity import Finding
from tests.agents.world import (
    IMAGE,
    NS,
    applied,
    container,
    crash,
    deployment,
    event,
    evidence,
    finding,
    node,
    obj,
    own,
    pod,
    replica_set,
    service,
    unschedulable,
    waiting,
)

C = ("spec", "template", "spec", "containers", 0)


@dataclass
class Case:
    """What is there, who must be blamed for what, and what must hold after the best change."""

    objects: list[JsonObject]
    component: str
    fault_class: str
    cured: Callable[[dict[str, JsonObject]], bool]
    findings: list[Finding] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


def healthy(name: str, port: int = 8080, **env: str) -> list[JsonObject]:
    """A Deployment that works, with its pod and its Service."""
    variables = [{"name": "PORT", "value": str(port)}, *({"name": k, "value": v} for k, v in env.items())]
    owner = deployment(name, container(name, port, env=variables))
    return [owner, pod(owner), service(name, port)]


def changed(name: str, edit: Callable[[JsonObject], None], state: Any = None, **status: Any) -> list[JsonObject]:
    """A Deployment whose second revision is a mistake, both ReplicaSets, its pod and its Service."""
    good = deployment(name)
    bad = copy.deepcopy(good)
    edit(bad["spec"]["template"]["spec"])
    return [
        bad, replica_set(good, 1), replica_set(bad, 2), pod(bad, state, **status), service(name)
    ]  # fmt: skip


def down(name: str) -> list[Finding]:
    return [finding("Deployment", name, "Unavailable"), finding("Service", name, "NoReadyEndpoints", 4.0)]


def first(spec: JsonObject) -> JsonObject:
    found: JsonObject = spec["containers"][0]
    return found


def bad_image() -> Case:
    objects = changed(
        "geo", lambda s: first(s).update(image="registry.test/app:9.9"), waiting("ErrImagePull", "not found")
    )
    return Case(
        objects,
        "deployment/geo",
        "image",
        lambda w: read(w["shop/deployment/geo"], (*C, "image")) == IMAGE,
        down("geo"),
    )


def bad_image_without_history() -> Case:
    owner = deployment("geo", container("geo", image="registry.test/app:9.9"))
    objects = [owner, pod(owner, waiting("ImagePullBackOff")), service("geo"), *healthy("rate")]
    return Case(
        objects,
        "deployment/geo",
        "image",
        lambda w: read(w["shop/deployment/geo"], (*C, "image")) == IMAGE,
        down("geo"),
    )


def scaled_to_zero() -> Case:
    owner = deployment("geo", replicas=0)
    objects = [owner, service("geo"), *healthy("web", CALLS="geo:8080")]
    findings = [finding("Deployment", "geo", "ScaledToZero")]
    return Case(
        objects, "deployment/geo", "scaling", lambda w: w["shop/deployment/geo"]["spec"]["replicas"] == 1, findings
    )


def absent_node() -> Case:
    words = "0/1 nodes are available: 1 node(s) didn't match node selector."
    objects = changed(
        "geo", lambda s: s.update(nodeSelector={"kubernetes.io/hostname": "extra-node"}), **unschedulable(words)
    )
    return Case(
        [*objects, node()], "deployment/geo", "scheduling",
        lambda w: "nodeSelector" not in w["shop/deployment/geo"]["spec"]["template"]["spec"], down("geo"),
    )  # fmt: skip


def missing_variable() -> Case:
    good = deployment("geo", container("geo", env=[{"name": "STORE_ADDR", "value": "store:8080"}]))
    bad = copy.deepcopy(good)
    del bad["spec"]["template"]["spec"]["containers"][0]["env"]
    objects = [bad, replica_set(good, 1), replica_set(bad, 2), pod(bad, crash()), service("geo"), *healthy("store")]
    return Case(
        objects, "deployment/geo", "config",
        lambda w: read(w["shop/deployment/geo"], (*C, "env", At("name", "STORE_ADDR"), "value")) == "store:8080",
        down("geo"), {"geo-1": "2026 FATAL geo missing required setting STORE_ADDR"},
    )  # fmt: skip


def missing_variable_without_history() -> Case:
    owner = deployment("geo", container("geo", env=[]))
    objects = [owner, pod(owner, crash()), service("geo"), *healthy("store", 7070)]
    return Case(
        objects, "deployment/geo", "config",
        lambda w: read(w["shop/deployment/geo"], (*C, "env", At("name", "STORE_ADDR"), "value")) == "store:7070",
        down("geo"), {"geo-1": "panic: environment variable STORE_ADDR is not set"},
    )  # fmt: skip


def wrong_target_port() -> Case:
    owner, ready, front = healthy("geo")
    front["spec"]["ports"][0]["targetPort"] = 9999
    return Case(
        [owner, ready, front, *healthy("web", CALLS="geo:8080")], "service/geo", "service-networking",
        lambda w: w["shop/service/geo"]["spec"]["ports"][0]["targetPort"] == 8080,
        [finding("Service", "geo", "DoesNotAnswer", 4.0)],
    )  # fmt: skip


def wrong_selector() -> Case:
    owner, ready, front = healthy("geo")
    front["spec"]["selector"]["tier"] = "web"
    return Case(
        [owner, ready, front], "service/geo", "service-networking",
        lambda w: w["shop/service/geo"]["spec"]["selector"] == {"app": "geo"},
        [finding("Service", "geo", "NoReadyEndpoints", 4.0)],
    )  # fmt: skip


def selector_of_another() -> Case:
    owner, ready, front = healthy("geo")
    front["spec"]["selector"] = {"app": "rate"}
    return Case(
        [owner, ready, front, *healthy("rate"), *healthy("web", CALLS="geo:8080")], "service/geo", "service-networking",
        lambda w: w["shop/service/geo"]["spec"]["selector"] == {"app": "geo"},
        [finding("Service", "geo", "DoesNotAnswer", 4.0)],
    )  # fmt: skip


def missing_service() -> Case:
    owner, ready, _ = healthy("geo", 8082)
    return Case(
        [owner, ready, *healthy("web", CALLS="geo:8082")], "service/geo", "service-networking",
        lambda w: (w["shop/service/geo"]["spec"]["ports"][0]["targetPort"] == 8082
                   and w["shop/service/geo"]["spec"]["selector"] == {"app": "geo"}),
        [finding("Service", "geo", "ServiceMissing", 4.0)],
    )  # fmt: skip


def wrong_command() -> Case:
    objects = changed("geo", lambda s: first(s).update(command=["/nope"]), waiting("RunContainerError", "no such file"))
    return Case(
        objects, "deployment/geo", "command",
        lambda w: read(w["shop/deployment/geo"], (*C, "command")) is MISSING, down("geo"),
    )  # fmt: skip


def another_ones_program() -> Case:
    owner = deployment("profile", container("profile", 8081, command=["geo"]))
    other = deployment("geo", container("geo", 8083, command=["geo"]))
    third = deployment("rate", container("rate", 8084, command=["rate"]))
    objects = [owner, pod(owner), service("profile", 8081), other, pod(other), service("geo", 8083), third, pod(third)]
    return Case(
        objects, "deployment/profile", "command",
        lambda w: read(w["shop/deployment/profile"], (*C, "command")) == ["profile"],
        [finding("Service", "profile", "DoesNotAnswer", 4.0)],
    )  # fmt: skip


def readiness_probe() -> Case:
    wrong = {"httpGet": {"path": "/healthz", "port": 9999}, "periodSeconds": 1}
    owner = deployment("geo", container("geo", readinessProbe=wrong))
    sick = pod(owner, {"ready": False})
    objects = [owner, sick, service("geo"), event(sick, "Unhealthy", "Readiness probe failed: connection refused")]
    return Case(
        objects, "deployment/geo", "probe",
        lambda w: read(w["shop/deployment/geo"], (*C, "readinessProbe", "httpGet", "port")) == 8080, down("geo"),
    )  # fmt: skip


def liveness_probe() -> Case:
    objects = changed(
        "geo",
        lambda s: first(s).update(livenessProbe={"httpGet": {"path": "/nope", "port": 8080}}),
        crash(137, "Error"),
    )
    objects.append(event(objects[3], "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 404"))
    return Case(
        objects, "deployment/geo", "probe",
        lambda w: read(w["shop/deployment/geo"], (*C, "livenessProbe")) is MISSING, down("geo"),
    )  # fmt: skip


def out_of_memory() -> Case:
    low = {"limits": {"memory": "8Mi"}}
    owner = deployment("geo", container("geo", resources=low))
    objects = [owner, pod(owner, crash(137, "OOMKilled")), service("geo"), *healthy("rate"), *healthy("user")]
    return Case(
        objects, "deployment/geo", "resources",
        lambda w: read(w["shop/deployment/geo"], (*C, "resources", "limits", "memory")) == "96Mi", down("geo"),
    )  # fmt: skip


def leaking_version() -> Case:
    objects = changed("geo", lambda s: first(s).update(image="registry.test/app:1.3"), crash(137, "OOMKilled"))
    return Case(
        objects,
        "deployment/geo",
        "image",
        lambda w: read(w["shop/deployment/geo"], (*C, "image")) == IMAGE,
        down("geo"),
    )


def request_too_large() -> Case:
    huge = {"requests": {"memory": "64Gi"}}
    owner = deployment("geo", container("geo", resources=huge))
    sick = pod(owner, **unschedulable("0/1 nodes are available: 1 Insufficient memory."))
    return Case(
        [owner, sick, service("geo"), node(), *healthy("rate")], "deployment/geo", "resources",
        lambda w: read(w["shop/deployment/geo"], (*C, "resources", "requests", "memory")) == "24Mi", down("geo"),
    )  # fmt: skip


def wrong_claim() -> Case:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "geo-pvc-broken"}}
    owner = deployment("geo", volumes=[volume])
    words = 'persistentvolumeclaim "geo-pvc-broken" not found'
    claim = obj("PersistentVolumeClaim", "geo-pvc", spec={}, status={"phase": "Bound"})
    return Case(
        [owner, pod(owner, **unschedulable(words)), service("geo"), claim], "deployment/geo", "storage",
        lambda w: w["shop/deployment/geo"]["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"]
        == {"claimName": "geo-pvc"}, down("geo"),
    )  # fmt: skip


def stale_volume() -> Case:
    claim = obj("PersistentVolumeClaim", "geo-pvc", spec={"storageClassName": ""}, status={"phase": "Pending"})
    ref = {"name": "geo-pvc", "namespace": NS, "uid": "old", "resourceVersion": "3"}
    volume = obj("PersistentVolume", "geo-pv", namespace="", spec={"claimRef": ref}, status={"phase": "Released"})
    owner = deployment("geo", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "geo-pvc"}}])
    sick = pod(owner, **unschedulable("pod has unbound immediate PersistentVolumeClaims"))
    return Case(
        [owner, sick, service("geo"), claim, volume], "persistentvolume/geo-pv", "storage",
        lambda w: "uid" not in w["persistentvolume/geo-pv"]["spec"]["claimRef"], down("geo"),
    )  # fmt: skip


def missing_config_map() -> Case:
    owner = deployment("geo", volumes=[{"name": "script", "configMap": {"name": "mongo-geo-script"}}])
    sick = pod(owner, {"ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}})
    sibling = obj("ConfigMap", "mongo-rate-script", data={"init-rate.sh": "use rate"})
    words = 'MountVolume.SetUp failed for volume "script" : configmap "mongo-geo-script" not found'
    return Case(
        [owner, sick, service("geo"), sibling, event(sick, "FailedMount", words)], "configmap/mongo-geo-script", "config",
        lambda w: w["shop/configmap/mongo-geo-script"]["data"] == {"init-geo.sh": "use geo"}, down("geo"),
    )  # fmt: skip


def missing_key() -> Case:
    entry = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "tokn"}}}
    owner = deployment("geo", container("geo", env=[entry]))
    sick = pod(owner, waiting("CreateContainerConfigError", "couldn't find key tokn in Secret shop/store"))
    return Case(
        [owner, sick, service("geo"), obj("Secret", "store", data={"token": "eA=="})], "deployment/geo", "auth-config",
        lambda w: read(w["shop/deployment/geo"], (*C, "env", 0, "valueFrom", "secretKeyRef", "key")) == "token",
        down("geo"),
    )  # fmt: skip


def quota_without_declaration() -> Case:
    owner = deployment("geo", container("geo", resources={}))
    rs = replica_set(owner, 1)
    words = 'pods "geo-h1-x" is forbidden: failed quota: memory-limit: must specify limits.memory'
    quota = obj("ResourceQuota", "memory-limit", spec={"hard": {"limits.memory": "1Gi"}})
    return Case(
        [owner, rs, service("geo"), quota, event(rs, "FailedCreate", words)], "resourcequota/memory-limit", "quota",
        lambda w: "shop/resourcequota/memory-limit" not in w, down("geo"),
    )  # fmt: skip


def quota_too_small() -> Case:
    owner = deployment("geo", replicas=2)
    rs = replica_set(owner, 1)
    words = 'pods "geo-h1-x" is forbidden: exceeded quota: few, requested: pods=1, used: pods=3, limited: pods=3'
    quota = obj("ResourceQuota", "few", spec={"hard": {"pods": "3"}})
    return Case(
        [owner, rs, pod(owner), quota, event(rs, "FailedCreate", words)], "resourcequota/few", "quota",
        lambda w: w["shop/resourcequota/few"]["spec"]["hard"] == {"pods": "8"},
        [finding("Deployment", "geo", "Degraded", 1.0)],
    )  # fmt: skip


def webhook_outage() -> Case:
    owner = deployment("geo")
    rs = replica_set(owner, 1)
    words = 'Internal error occurred: failed calling webhook "pods.policy.test": service "policy" not found'
    client = {"service": {"namespace": "policy", "name": "policy"}}
    hooks = [{"name": "pods.policy.test", "failurePolicy": "Fail", "clientConfig": client}]
    guard = obj("ValidatingWebhookConfiguration", "policy", namespace="", webhooks=hooks)
    return Case(
        [owner, rs, service("geo"), guard, event(rs, "FailedCreate", words)],
        "validatingwebhookconfiguration/policy", "admission",
        lambda w: w["validatingwebhookconfiguration/policy"]["webhooks"][0]["failurePolicy"] == "Ignore", down("geo"),
    )  # fmt: skip


def tainted_nodes() -> Case:
    owner = deployment("geo", tolerations=[{"key": "dummy", "operator": "Exists"}])
    sick = pod(owner, **unschedulable("0/1 nodes are available: 1 node(s) had taint {fault: blocked}"))
    tainted = node(taints=[{"key": "fault", "value": "blocked", "effect": "NoSchedule"}])
    return Case(
        [owner, sick, service("geo"), tainted], "deployment/geo", "scheduling",
        lambda w: "taints" not in w["node/node-1"]["spec"], down("geo"),
    )  # fmt: skip


def host_port() -> Case:
    ports = [{"containerPort": 8080, "hostPort": 9100, "protocol": "TCP"}]
    owner = deployment("geo", container("geo", ports=ports))
    sick = pod(owner, **unschedulable("1 node(s) didn't have free ports for the requested pod ports"))
    return Case(
        [owner, sick, service("geo"), node()], "deployment/geo", "scheduling",
        lambda w: "hostPort" not in read(w["shop/deployment/geo"], (*C, "ports", 0)), down("geo"),
    )  # fmt: skip


def hanging_init() -> Case:
    wait = {"name": "wait", "image": IMAGE, "command": ["sh", "-c", "until nslookup legacy; do sleep 2; done"]}
    owner = deployment("geo", initContainers=[wait])
    sick = pod(owner, init={"name": "wait", "state": {"running": {}}})
    return Case(
        [owner, sick, service("geo")], "deployment/geo", "init-container",
        lambda w: "initContainers" not in w["shop/deployment/geo"]["spec"]["template"]["spec"], down("geo"),
    )  # fmt: skip


def network_policy() -> Case:
    spec = {"podSelector": {"matchLabels": {"app": "geo"}}, "policyTypes": ["Ingress", "Egress"]}
    web = healthy("web", CALLS="geo:8080")
    return Case(
        [*healthy("geo"), *web, obj("NetworkPolicy", "deny", spec=spec)], "networkpolicy/deny", "network-policy",
        lambda w: "shop/networkpolicy/deny" not in w, [finding("Service", "geo", "DoesNotAnswer", 4.0)],
        {"web-1": "ERROR web call to geo:8080 failed: timed out"},
    )  # fmt: skip


def stale_secret() -> Case:
    entry = {"name": "SEND_TOKEN", "valueFrom": {"secretKeyRef": {"name": "store", "key": "token"}}}
    owner = deployment("geo", container("geo", env=[entry, {"name": "CALLS", "value": "store:8080"}]))
    fields = {"f:data": {"f:token": {}}}
    rotated = [{"manager": "kubectl", "time": "2026-01-01T01:40:00Z", "fieldsV1": fields}]
    secret = obj("Secret", "store", metadata={"managedFields": rotated}, data={"token": "eA=="})
    return Case(
        [owner, pod(owner), service("geo"), secret, *healthy("store")], "deployment/geo", "auth-config",
        lambda w: "restartedAt" in json.dumps(w["shop/deployment/geo"]), [finding("Service", "geo", "RequestsFail", 5.0)],
        {"geo-1": "ERROR geo call to store:8080 failed: HTTP Error 401: Unauthorized"},
    )  # fmt: skip


def corefile() -> Case:
    block = "    template IN A shop.svc {\n        match geo.shop.svc.cluster.local\n        rcode NXDOMAIN\n    }\n"
    text = f".:53 {{\n    errors\n{block}    kubernetes cluster.local\n}}\n"
    config = obj("ConfigMap", "coredns", namespace="kube-system", data={"Corefile": text})
    return Case(
        [*healthy("geo"), *healthy("web", CALLS="geo:8080"), config], "configmap/coredns", "dns",
        lambda w: "NXDOMAIN" not in w["kube-system/configmap/coredns"]["data"]["Corefile"],
        [finding("Service", "web", "RequestsFail", 5.0)],
        {"web-1": "ERROR web call to geo:8080 failed: <urlopen error [Errno -2] Name or service not known>"},
    )  # fmt: skip


def feature_flag() -> Case:
    flags = {
        "adFailure": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"},
        "other": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
    }
    config = obj("ConfigMap", "flagd-config", data={"flags.json": json.dumps({"flags": flags}, indent=2)})
    return Case(
        [*healthy("ad"), config], "configmap/flagd-config", "feature-flag",
        lambda w: json.loads(w["shop/configmap/flagd-config"]["data"]["flags.json"])["flags"]["adFailure"][
            "defaultVariant"] == "off",
        [finding("Service", "ad", "RequestsDegraded", 3.0)], {"ad-1": "ERROR ad feature flag adFailure is enabled"},
    )  # fmt: skip


def feature_flag_that_leaks() -> Case:
    """It was killed for want of memory after minutes, nobody touched its limit, and a flag that bears its name is on."""
    flags = {
        "geoCacheFailure": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"},
        "other": {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"},
    }
    config = obj("ConfigMap", "flagd-config", data={"flags.json": json.dumps({"flags": flags}, indent=2)})
    owner = deployment("geo", container("geo"))
    dead = crash(137, "OOMKilled")
    ended = {
        "reason": "OOMKilled",
        "exitCode": 137,
        "startedAt": "2026-01-01T01:40:00Z",
        "finishedAt": "2026-01-01T01:44:00Z",
    }
    dead["lastState"] = {"terminated": ended}
    return Case(
        [owner, pod(owner, dead), service("geo"), *healthy("rate"), config], "configmap/flagd-config", "feature-flag",
        lambda w: json.loads(w["shop/configmap/flagd-config"]["data"]["flags.json"])["flags"]["geoCacheFailure"][
            "defaultVariant"] == "off", down("geo"),
    )  # fmt: skip


def autoscaler() -> Case:
    owner = deployment("geo", container("geo", resources={}))
    condition = {"type": "ScalingActive", "status": "False", "message": "missing request for cpu"}
    target = {"kind": "Deployment", "name": "geo"}
    scaler = obj(
        "HorizontalPodAutoscaler", "geo", spec={"scaleTargetRef": target, "targetCPUUtilizationPercentage": 60},
        status={"conditions": [condition]},
    )  # fmt: skip
    return Case(
        [owner, pod(owner), scaler, *healthy("rate")], "deployment/geo", "autoscaling",
        lambda w: read(w["shop/deployment/geo"], (*C, "resources", "requests", "cpu")) == "10m",
        [finding("HorizontalPodAutoscaler", "geo", "AutoscalerBlind", 0.5)],
    )  # fmt: skip


def ingress_to_nowhere() -> Case:
    path = {"path": "/", "backend": {"service": {"name": "wbe", "port": {"number": 8080}}}}
    entry = obj("Ingress", "entry", spec={"rules": [{"http": {"paths": [path]}}]})
    return Case(
        [*healthy("web"), entry], "ingress/entry", "ingress",
        lambda w: read(w["shop/ingress/entry"], ("spec", "rules", 0, "http", "paths", 0, "backend", "service", "name"))
        == "web", [finding("Ingress", "entry", "RequestsFail", 5.0)],
    )  # fmt: skip


def ingress_astray() -> Case:
    path = {"path": "/api", "backend": {"service": {"name": "geo", "port": {"number": 8080}}}}
    entry = obj("Ingress", "entry", spec={"rules": [{"http": {"paths": [path]}}]})
    answers = tuple(
        Answered("shop", name, 8080, "/api", status) for name, status in (("geo", 404), ("front", 200), ("rate", 404))
    )
    return Case(
        [*healthy("geo"), *healthy("rate"), *healthy("front"), entry], "ingress/entry", "ingress",
        lambda w: read(w["shop/ingress/entry"], ("spec", "rules", 0, "http", "paths", 0, "backend", "service"))
        == {"name": "front", "port": {"number": 8080}}, [finding("Service", "edge", "AlertCritical")],
        more={"answers": answers},
    )  # fmt: skip


def sidecar() -> Case:
    pods = {"spec": {"containers": [container("work"), container("ship")], "restartPolicy": "OnFailure"}}
    cron = obj("CronJob", "archive", spec={"jobTemplate": {"spec": {"template": pods}}})
    job = obj("Job", "archive-1", metadata={"ownerReferences": [own(cron)]}, status={"active": 1})
    states = [
        {"name": "work", "ready": False, "state": {"terminated": {"exitCode": 0}}},
        {"name": "ship", "ready": True, "state": {"running": {}}},
    ]
    worker = obj("Pod", "archive-1-x", metadata={"ownerReferences": [own(job)]}, spec=pods["spec"],
                 status={"phase": "Running", "containerStatuses": states})  # fmt: skip
    return Case(
        [cron, job, worker], "cronjob/archive", "jobs",
        lambda w: "shop/job/archive-1" not in w and [
            c["name"] for c in w["shop/cronjob/archive"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"]
        ] == ["ship"], [finding("CronJob", "archive", "JobsPilingUp", 1.0)],
    )  # fmt: skip


def wrong_port_in_setting() -> Case:
    return Case(
        [*healthy("geo"), *healthy("web", CALLS="geo:8999")], "deployment/web", "config",
        lambda w: read(w["shop/deployment/web"], (*C, "env", At("name", "CALLS"), "value")) == "geo:8080",
        [finding("Service", "web", "RequestsFail", 5.0)],
    )  # fmt: skip


def wrong_host_in_setting() -> Case:
    return Case(
        [*healthy("recommendation"), *healthy("web", CALLS="recomendation:8080")], "deployment/web", "config",
        lambda w: read(w["shop/deployment/web"], (*C, "env", At("name", "CALLS"), "value")) == "recommendation:8080",
        [finding("Service", "web", "RequestsFail", 5.0)],
    )  # fmt: skip


def listens_elsewhere() -> Case:
    odd = container("geo", env=[{"name": "PORT", "value": "9999"}])
    owner = deployment("geo", odd)
    sick = pod(owner, {"ready": False})
    objects = [owner, sick, service("geo"), event(sick, "Unhealthy", "Readiness probe failed: connection refused")]
    return Case(
        objects, "deployment/geo", "config",
        lambda w: read(w["shop/deployment/geo"], (*C, "env", At("name", "PORT"), "value")) == "8080", down("geo"),
        {"geo-1": "INFO geo listening on :9999, calls []"},
    )  # fmt: skip


def service_account() -> Case:
    owner = deployment("geo", serviceAccountName="nobody")
    rs = replica_set(owner, 1)
    words = 'error looking up service account shop/nobody: serviceaccount "nobody" not found'
    return Case(
        [owner, rs, service("geo"), event(rs, "FailedCreate", words)], "deployment/geo", "auth-config",
        lambda w: "serviceAccountName" not in w["shop/deployment/geo"]["spec"]["template"]["spec"], down("geo"),
    )  # fmt: skip


def drift_from_applied() -> Case:
    owner, ready, front = healthy("geo")
    meta = {"name": "geo", "namespace": NS}
    asked = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": copy.deepcopy(front["spec"])}
    front["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(asked)}
    front["spec"]["ports"][0]["port"] = 8888
    return Case(
        [owner, ready, front, *healthy("web", CALLS="geo:8080")], "service/geo", "service-networking",
        lambda w: w["shop/service/geo"]["spec"]["ports"][0]["port"] == 8080,
        [finding("Service", "web", "RequestsFail", 5.0)],
    )  # fmt: skip


def odd_change() -> Case:
    objects = changed("geo", lambda s: first(s)["env"].append({"name": "MODE", "value": "strict"}))
    return Case(
        objects, "deployment/geo", "config",
        lambda w: read(w["shop/deployment/geo"], (*C, "env", At("name", "MODE"))) is MISSING,
        [finding("Service", "geo", "RequestsFail", 5.0)],
    )  # fmt: skip


def gone_since_healthy() -> Case:
    config = obj("ConfigMap", "settings", data={"mode": "fast"})
    owner, ready, front = healthy("geo")
    return Case(
        [owner, ready, front], "configmap/settings", "config",
        lambda w: w["shop/configmap/settings"]["data"] == {"mode": "fast"},
        [finding("Service", "geo", "RequestsFail", 5.0)], {}, {"baseline": [owner, front, config]},
    )  # fmt: skip


CASES = [
    bad_image, bad_image_without_history, scaled_to_zero, absent_node, missing_variable, missing_variable_without_history,
    wrong_target_port, wrong_selector, selector_of_another, missing_service, wrong_command, another_ones_program,
    readiness_probe, liveness_probe, out_of_memory, leaking_version, request_too_large, wrong_claim, stale_volume,
    missing_config_map, missing_key, quota_without_declaration, quota_too_small, webhook_outage, tainted_nodes, host_port,
    hanging_init, network_policy, stale_secret, corefile, feature_flag, feature_flag_that_leaks, autoscaler,
    ingress_to_nowhere, ingress_astray, sidecar,
    wrong_port_in_setting, wrong_host_in_setting, listens_elsewhere, service_account, drift_from_applied, odd_change,
    gone_since_healthy,
]  # fmt: skip


def thought(case: Case) -> tuple[Evidence, list[Hypothesis], list[tuple[Candidate, Hypothesis]]]:
    """What the playbook makes of a case."""
    seen = evidence(*case.objects, findings=case.findings, logs=case.logs, **case.more)
    mind = PlaybookMind()
    diagnosis = asyncio.run(mind.diagnose(seen, ()))
    return seen, list(diagnosis), list(asyncio.run(mind.plan(diagnosis, seen, ())))


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_component_is_blamed_for_the_right_class(make: Callable[[], Case]) -> None:
    case = make()
    _, diagnosis, _ = thought(case)
    best = diagnosis[0]
    assert (str(best.component), best.fault_class) == (case.component, case.fault_class)
    assert best.evidence, "a diagnosis says why"


@pytest.mark.parametrize("statuses", [(404, 404), (200, 200), (404, 0)])
def test_a_path_is_led_astray_only_if_its_backend_does_not_know_it_and_another_one_does(
    statuses: tuple[int, int],
) -> None:
    case = ingress_astray()
    case.more["answers"] = tuple(
        Answered("shop", name, 8080, "/api", status) for name, status in zip(("geo", "front"), statuses, strict=True)
    )
    _, diagnosis, _ = thought(case)
    assert not [h for h in diagnosis if h.component.kind == "Ingress"]


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_first_change_repairs(make: Callable[[], Case]) -> None:
    case = make()
    _, _, plan = thought(case)
    after = applied(case.objects, plan[0][0].proposal.steps)
    assert case.cured({path_of(o): o for o in after}), plan[0][0].proposal.command


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_every_hypothesis_is_in_the_vocabulary_and_every_proposal_says_what_a_person_would_type(
    make: Callable[[], Case],
) -> None:
    _, diagnosis, plan = thought(make())
    assert {h.fault_class for h in diagnosis} <= set(FAULT_CLASSES)
    assert all(0 < h.confidence < 1 for h in diagnosis)
    assert all(c.proposal.command.startswith("kubectl") and c.proposal.reason for c, _ in plan)
    assert len({c.fingerprint for c, _ in plan}) == len(plan), "the same change is offered once"


def path_of(each: JsonObject) -> str:
    meta = each["metadata"]
    name = f"{each['kind'].lower()}/{meta['name']}"
    return f"{meta['namespace']}/{name}" if meta.get("namespace") else name
