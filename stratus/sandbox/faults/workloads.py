"""Faults of the pod template: images, commands, probes, resources, init containers, rollouts, Jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus.sandbox.apps.hotel_reservation import BINARIES, IMAGE
from stratus.sandbox.apps.shop_manifests import image as shop_image
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import (
    DEPLOYMENTS,
    Create,
    Delete,
    DeleteJobs,
    DeletePods,
    Edit,
    Merge,
    Restart,
    Undo,
)
from stratus.sandbox.faults.steps import (
    CONTAINER,
    add,
    container,
    deployment,
    hanging_init,
    image,
    original,
    probe,
    recreate,
    remove,
    replaced,
    scale,
)

SOCIAL, HOTEL, SHOP = "social-network", "hotel-reservation", "astronomy-shop"
ERRORS = "alert:RequestErrorRate"
CRASHES = "alert:KubePodCrashLooping"
INIT = "/spec/template/spec/initContainers"
GEO = "hotel-reserv-geo"


def again(app: str, name: str) -> Sequence[Any]:
    """What people try first: delete the pods, add a replica."""
    return (DeletePods(app, name), scale(app, name, 2))


def buggy_build(id_: str) -> Fault:
    """geo runs a build that panics at start."""
    return Fault(
        id_,
        HOTEL,
        HOTEL,
        "geo is deployed with a buggy build (yinfangchen/geo:app3) that panics at start",
        replaced(HOTEL, "geo", image(HOTEL, "geo", GEO, "yinfangchen/geo:app3")),
        [image(HOTEL, "geo", GEO, IMAGE)],
        shows=[ERRORS, CRASHES, "log:geo:panic"],
        wrong=again(HOTEL, "geo"),
        alternatives=[[Undo(HOTEL, "geo")]],
    )


def wrong_binary(id_: str) -> Fault:
    """profile runs geo's program; the Deployment is deleted and created anew, as upstream."""
    made = recreate(HOTEL, "Deployment", "profile").obj
    template = made["spec"]["template"]
    changed = {**template["spec"]["containers"][0], "command": ["geo"]}
    wrong = {
        **made,
        "spec": {**made["spec"], "template": {**template, "spec": {**template["spec"], "containers": [changed]}}},
    }
    return Fault(
        id_,
        HOTEL,
        HOTEL,
        "Deployment profile is re-created with command [geo]",
        [Delete(DEPLOYMENTS, HOTEL, "profile"), Create(wrong)],
        [deployment(HOTEL, "profile", add(f"{CONTAINER}/command", ["profile"]))],
        shows=[ERRORS, "log:frontend:profile"],
        wrong=again(HOTEL, "profile"),
    )


def init_hang(app: str, name: str, *shows: str) -> Fault:
    """An init container waits for a Service that does not exist."""
    return Fault(
        f"sregym/init_container_dependency_hang_{app.replace('-', '_')}",
        app,
        app,
        f"{name} gets an init container that waits for legacy-config-service; its old pods are gone",
        replaced(app, name, hanging_init(app, name, "wait-for-legacy-config", "legacy-config-service")),
        [deployment(app, name, remove(INIT))],
        shows=[f"down:{name}", *shows],
        wrong=again(app, name),
        alternatives=[[Undo(app, name)]],
    )


def unsafe_rollout(app: str) -> Fault:
    """All replicas are replaced at once by pods that never start."""
    unsafe = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%", "maxSurge": "0%"}}}
    safe = {"strategy": {"rollingUpdate": {"maxUnavailable": "25%", "maxSurge": 1}}}
    name = "custom-service"
    return Fault(
        f"sregym/rolling_update_misconfigured_{app.replace('-', '_')}",
        app,
        app,
        "custom-service may lose all replicas at once (maxUnavailable 100 %), then gets a hanging init container",
        [Merge(DEPLOYMENTS, app, name, {"spec": unsafe}), hanging_init(app, name, "hang-init", "never-there")],
        [Merge(DEPLOYMENTS, app, name, {"spec": safe}), deployment(app, name, remove(INIT))],
        shows=[f"down:{name}", "alert:KubeDeploymentReplicasMismatch"],
        wrong=[DeletePods(app, name), scale(app, name, 5)],
        alternatives=[[Undo(app, name)]],
    )


def liveness(app: str, name: str, container_name: str) -> Fault:
    """A liveness probe that always fails."""
    return Fault(
        f"sregym/liveness_probe_misconfiguration_{app.replace('-', '_')}",
        app,
        app,
        f"{name} gets a liveness probe for /healthz:8080, which it does not serve",
        [probe(app, name, container_name, "livenessProbe")],
        [deployment(app, name, remove(f"{CONTAINER}/livenessProbe"))],
        shows=[CRASHES, "event:Liveness probe failed"],
        wrong=again(app, name),
        alternatives=[[Undo(app, name)]],
    )


def readiness(app: str, name: str, container_name: str) -> Fault:
    """A readiness probe that always fails; the old pods are gone."""
    path = f"{CONTAINER}/readinessProbe"
    keys = ("spec", "template", "spec", "containers", 0, "readinessProbe")
    return Fault(
        f"sregym/readiness_probe_misconfiguration_{app.replace('-', '_')}",
        app,
        app,
        f"{name} gets a readiness probe for /healthz:8080, which it does not serve; its old pods are gone",
        replaced(app, name, probe(app, name, container_name, "readinessProbe")),
        [deployment(app, name, *original(app, "Deployment", name, {path: keys}))],
        shows=[ERRORS, "event:Readiness probe failed", f"down:{name}"],
        wrong=again(app, name),
        alternatives=[[deployment(app, name, remove(path))], [Undo(app, name)]],
    )


SIDECAR = {"name": "log-shipper", "image": "busybox:1.36", "command": ["sh", "-c", "tail -f /dev/null"]}
ARCHIVER = {"name": "archiver", "image": "busybox:1.36", "command": ["sh", "-c", "echo archiving audit log; sleep 5"]}


def _cronjob() -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never", "containers": [ARCHIVER, SIDECAR]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "audit-log-archiver", "namespace": HOTEL},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Allow",
            "jobTemplate": {"spec": {"backoffLimit": 1, "template": template}},
        },
    }


JOB_POD = "/spec/jobTemplate/spec/template/spec"
THROTTLED = {"requests": {"cpu": "20m", "memory": "24Mi"}, "limits": {"cpu": "20m", "memory": "128Mi"}}
CURED = {"requests": {"cpu": "10m"}, "limits": {"cpu": "500m"}}

WORKLOAD_FAULTS: Sequence[Fault] = (
    buggy_build("aiopslab/misconfig_app_hotel_res-mitigation-1"),
    buggy_build("sregym/misconfig_app_hotel_res"),
    wrong_binary("aiopslab/wrong_bin_usage-mitigation-1"),
    wrong_binary("sregym/wrong_bin_usage"),
    Fault(
        "sregym/incorrect_image",
        SHOP,
        SHOP,
        "product-catalog is deployed with an image that does not exist; its old pod is gone",
        replaced(SHOP, "product-catalog", image(SHOP, "product-catalog", "product-catalog", "app-image:latest")),
        [image(SHOP, "product-catalog", "product-catalog", shop_image("product-catalog"))],
        shows=[ERRORS, "event:Failed to pull image", "down:product-catalog"],
        wrong=again(SHOP, "product-catalog"),
        alternatives=[[Undo(SHOP, "product-catalog")]],
    ),
    Fault(
        "sregym/faulty_image_correlated",
        HOTEL,
        HOTEL,
        "eight Deployments are deployed with the same broken image",
        [
            step
            for name in BINARIES
            for step in replaced(
                HOTEL, name, image(HOTEL, name, f"hotel-reserv-{name}", "jackcuii/hotel-reservation:latest")
            )
        ],
        [image(HOTEL, name, f"hotel-reserv-{name}", IMAGE) for name in BINARIES],
        shows=[ERRORS, CRASHES, "down:frontend", "down:user"],
        wrong=[DeletePods(HOTEL), image(HOTEL, "frontend", "hotel-reserv-frontend", IMAGE)],
        alternatives=[[Undo(HOTEL, name) for name in BINARIES]],
    ),
    init_hang(HOTEL, "frontend", ERRORS),
    init_hang(SOCIAL, "user-service", ERRORS),
    init_hang(SHOP, "frontend", ERRORS),
    unsafe_rollout(HOTEL),
    unsafe_rollout(SOCIAL),
    liveness(SHOP, "frontend", "frontend"),
    liveness(HOTEL, "recommendation", "hotel-reserv-recommendation"),
    liveness(SOCIAL, "user-service", "user-service"),
    readiness(SHOP, "frontend", "frontend"),
    readiness(HOTEL, "frontend", "hotel-reserv-frontend"),
    readiness(SOCIAL, "user-service", "user-service"),
    Fault(
        "sregym/resource_request_too_small",
        HOTEL,
        HOTEL,
        "mongodb-rate may use 10Mi of memory and is killed at start",
        replaced(
            HOTEL,
            "mongodb-rate",
            container(
                HOTEL,
                "mongodb-rate",
                "hotel-reserv-rate-mongo",
                resources={"requests": {"memory": "10Mi"}, "limits": {"memory": "10Mi"}},
            ),
        ),
        [container(HOTEL, "mongodb-rate", "hotel-reserv-rate-mongo", resources={"limits": {"memory": "256Mi"}})],
        shows=[ERRORS, CRASHES, "down:mongodb-rate"],
        wrong=[DeletePods(HOTEL, "mongodb-rate"), Restart(HOTEL, "rate")],
        alternatives=[[Undo(HOTEL, "mongodb-rate")]],
    ),
    Fault(
        "sregym/cfs_cpu_throttling_hotel_reservation",
        HOTEL,
        HOTEL,
        "geo's CPU limit is below what one request needs in a scheduling period",
        [container(HOTEL, "geo", GEO, resources=THROTTLED)],
        [container(HOTEL, "geo", GEO, resources=CURED)],
        shows=["alert:CPUThrottlingHigh"],
        wrong=[Restart(HOTEL, "geo"), scale(HOTEL, "search", 3)],
        alternatives=[[Undo(HOTEL, "geo")], [deployment(HOTEL, "geo", remove(f"{CONTAINER}/resources/limits/cpu"))]],
    ),
    Fault(
        "sregym/cronjob_sidecar_blocks_completion_hotel_reservation",
        HOTEL,
        HOTEL,
        "CronJob audit-log-archiver runs a sidecar that never ends as an ordinary container, so its Jobs never complete",
        [Create(_cronjob())],
        [
            Edit(
                "cronjobs.batch",
                HOTEL,
                "audit-log-archiver",
                [
                    add(f"{JOB_POD}/initContainers", [{**SIDECAR, "restartPolicy": "Always"}]),
                    add(f"{JOB_POD}/containers", [ARCHIVER]),
                ],
            ),
            DeleteJobs(HOTEL),
        ],
        shows=["alert:KubeJobsPilingUp"],
        wrong=[
            DeleteJobs(HOTEL),
            Merge(
                "cronjobs.batch", HOTEL, "audit-log-archiver", {"spec": {"jobTemplate": {"spec": {"backoffLimit": 6}}}}
            ),
        ],
    ),
)
