"""Faults of the hotel application as it also runs on the real test cluster, and the demonstration's bad deploys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import DEPLOYMENTS, Create, Delete, DeletePods, Merge, Operation, Restart, Undo
from stratus.sandbox.faults.steps import (
    CONTAINER,
    add,
    container,
    crashing,
    deployment,
    hanging_init,
    image,
    probe,
    recreate,
    remove,
    replaced,
    scale,
    service,
    without_env,
)

HOTEL = "hotel"
GOOD = "localhost:5000/service:1.0"
SELECTOR = "/spec/template/spec/nodeSelector"
ERRORS = "alert:RequestErrorRate"
TOKEN = {"name": "SEND_TOKEN", "valueFrom": {"secretKeyRef": {"name": "store-credentials", "key": "token"}}}
RECREATE = Merge(
    DEPLOYMENTS, HOTEL, "recommendation", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
)


def again(name: str, replicas: int = 2) -> Sequence[Operation]:
    """What people try first: delete the pods, add replicas."""
    return (DeletePods(HOTEL, name), scale(HOTEL, name, replicas))


def fault(id_: str, summary: str, inject: Sequence[Operation], heal: Sequence[Operation], **more: Any) -> Fault:
    return Fault(f"hotel/{id_}", HOTEL, HOTEL, summary, inject, heal, **more)


def bad_image(id_: str, name: str, reference: str, summary: str, *shows: str, **more: Any) -> Fault:
    """A deploy of a bad image, healed by the good image or by a rollback."""
    return fault(
        id_,
        summary,
        [image(HOTEL, name, name, reference)],
        [image(HOTEL, name, name, GOOD)],
        shows=shows,
        wrong=[Restart(HOTEL, name), scale(HOTEL, name, 3)],
        alternatives=[[Undo(HOTEL, name)]],
        **more,
    )


DENY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all-recommendation", "namespace": HOTEL},
    "spec": {"podSelector": {"matchLabels": {"app": "recommendation"}}, "policyTypes": ["Ingress", "Egress"]},
}

HOTEL_FAULTS: Sequence[Fault] = (
    fault(
        "wrong-image",
        "geo is deployed with an image tag that no registry has; its old pod is gone",
        replaced(HOTEL, "geo", image(HOTEL, "geo", "geo", "localhost:5000/service:9.9")),
        [image(HOTEL, "geo", "geo", GOOD)],
        shows=[ERRORS, "event:Failed to pull image", "down:geo"],
        wrong=again("geo"),
        alternatives=[[Undo(HOTEL, "geo")]],
        aliases=["wrong-image"],
    ),
    fault(
        "wrong-target-port",
        "Service geo points at a port on which nothing listens",
        [service(HOTEL, "geo", add("/spec/ports/0/targetPort", 9999))],
        [service(HOTEL, "geo", add("/spec/ports/0/targetPort", 8082))],
        shows=[ERRORS, "log:search:Connection refused"],
        wrong=again("geo"),
        aliases=["wrong-target-port"],
    ),
    fault(
        "scaled-to-zero",
        "Deployment user is scaled to zero",
        [scale(HOTEL, "user", 0)],
        [scale(HOTEL, "user", 1)],
        shows=[ERRORS, "log:frontend:user"],
        wrong=[Restart(HOTEL, "user"), scale(HOTEL, "frontend", 4)],
        alternatives=[[scale(HOTEL, "user", 2)]],
        aliases=["scaled-to-zero"],
    ),
    fault(
        "bad-node-selector",
        "Deployment profile selects a node that does not exist; its old pod is gone",
        replaced(
            HOTEL, "profile", deployment(HOTEL, "profile", add(SELECTOR, {"kubernetes.io/hostname": "extra-node"}))
        ),
        [deployment(HOTEL, "profile", remove(SELECTOR))],
        shows=[ERRORS, "event:nodes are available", "down:profile"],
        wrong=again("profile"),
        alternatives=[[Undo(HOTEL, "profile")]],
        aliases=["bad-node-selector"],
    ),
    fault(
        "missing-env",
        "geo is deployed without the variable that carries its store's token",
        [without_env(HOTEL, "geo", "geo", "SEND_TOKEN")],
        [container(HOTEL, "geo", "geo", env=[TOKEN])],
        shows=[ERRORS, "log:mongodb-geo:authentication failed"],
        wrong=again("geo"),
        alternatives=[[Undo(HOTEL, "geo")]],
        aliases=["missing-env"],
    ),
    fault(
        "missing-required-env",
        "rate is deployed with a required setting that nobody set, and exits at start",
        replaced(
            HOTEL,
            "rate",
            deployment(HOTEL, "rate", add(f"{CONTAINER}/env/0", {"name": "REQUIRE_ENV", "value": "RATE_CURRENCY"})),
        ),
        [deployment(HOTEL, "rate", remove(f"{CONTAINER}/env/0"))],
        shows=[ERRORS, "alert:KubePodCrashLooping", "log:rate:missing required setting RATE_CURRENCY"],
        wrong=again("rate"),
        alternatives=[
            [Undo(HOTEL, "rate")],
            [deployment(HOTEL, "rate", add(f"{CONTAINER}/env/0", {"name": "RATE_CURRENCY", "value": "EUR"}))],
        ],
        aliases=["missing-required-env"],
    ),
    fault(
        "wrong-selector",
        "Service frontend selects a label that no pod carries",
        [service(HOTEL, "frontend", add("/spec/selector/tier", "web"))],
        [service(HOTEL, "frontend", remove("/spec/selector/tier"))],
        shows=[ERRORS],
        wrong=[Restart(HOTEL, "frontend"), scale(HOTEL, "frontend", 4)],
        aliases=["wrong-selector"],
    ),
    fault(
        "missing-service",
        "Service mongodb-rate is deleted",
        [Delete("services", HOTEL, "mongodb-rate")],
        [recreate(HOTEL, "Service", "mongodb-rate")],
        shows=[ERRORS, "log:rate:Name or service not known"],
        wrong=[Restart(HOTEL, "rate"), DeletePods(HOTEL, "mongodb-rate")],
        aliases=["missing-service"],
    ),
    fault(
        "network-policy",
        "a NetworkPolicy isolates recommendation",
        [Create(DENY)],
        [Delete("networkpolicies.networking.k8s.io", HOTEL, "deny-all-recommendation")],
        shows=[ERRORS, "log:frontend:timed out"],
        wrong=again("recommendation"),
        aliases=["network-policy"],
    ),
    fault(
        "readiness-probe",
        "user's readiness probe asks a port that nothing serves; the old pod is gone",
        replaced(HOTEL, "user", probe(HOTEL, "user", "user", "readinessProbe")),
        [deployment(HOTEL, "user", add(f"{CONTAINER}/readinessProbe/httpGet/port", 8087))],
        shows=[ERRORS, "event:Readiness probe failed", "down:user"],
        wrong=again("user"),
        alternatives=[[Undo(HOTEL, "user")], [deployment(HOTEL, "user", remove(f"{CONTAINER}/readinessProbe"))]],
        aliases=["readiness-probe"],
    ),
    fault(
        "liveness-probe",
        "recommendation gets a liveness probe that always fails",
        [probe(HOTEL, "recommendation", "recommendation", "livenessProbe")],
        [deployment(HOTEL, "recommendation", remove(f"{CONTAINER}/livenessProbe"))],
        shows=["alert:KubePodCrashLooping", "event:Liveness probe failed"],
        wrong=[DeletePods(HOTEL, "recommendation"), scale(HOTEL, "recommendation", 2)],
        alternatives=[[Undo(HOTEL, "recommendation")]],
        aliases=["liveness-probe"],
    ),
    fault(
        "out-of-memory",
        "reservation's memory limit is below what its process needs",
        replaced(
            HOTEL,
            "reservation",
            container(
                HOTEL,
                "reservation",
                "reservation",
                resources={"requests": {"memory": "8Mi"}, "limits": {"memory": "8Mi"}},
            ),
        ),
        [
            container(
                HOTEL,
                "reservation",
                "reservation",
                resources={"requests": {"memory": "24Mi"}, "limits": {"memory": "96Mi"}},
            )
        ],
        shows=[ERRORS, "alert:KubePodCrashLooping", "down:reservation"],
        wrong=again("reservation"),
        alternatives=[[Undo(HOTEL, "reservation")]],
        aliases=["out-of-memory"],
    ),
    fault(
        "hanging-init",
        "profile gets an init container that waits for a Service which does not exist; its old pod is gone",
        replaced(HOTEL, "profile", hanging_init(HOTEL, "profile", "wait-for-legacy-config", "legacy-config-service")),
        [deployment(HOTEL, "profile", remove("/spec/template/spec/initContainers"))],
        shows=[ERRORS, "down:profile"],
        wrong=again("profile"),
        alternatives=[[Undo(HOTEL, "profile")]],
        aliases=["hanging-init"],
    ),
    bad_image(
        "crashing-deploy",
        "geo",
        "localhost:5000/service:1.1",
        "geo is deployed with a version that exits at start; its rollout hangs",
        "alert:KubePodCrashLooping",
        "log:geo:KeyError",
        aliases=["crashing-deploy"],
    ),
    bad_image(
        "failing-deploy",
        "search",
        "localhost:5000/service:1.2",
        "search is deployed with a version that fails 40 % of its requests",
        ERRORS,
        "log:search:request failed",
        aliases=["failing-deploy"],
    ),
    bad_image(
        "leaking-deploy",
        "user",
        "localhost:5000/service:1.3",
        "user is deployed with a version that leaks memory until it is killed",
        "alert:KubePodCrashLooping",
        aliases=["leaking-deploy"],
    ),
    bad_image(
        "slow-deploy",
        "rate",
        "localhost:5000/service:1.4",
        "rate is deployed with a version that answers after 2.5 s, later than its callers wait",
        ERRORS,
        "log:search:timed out",
        aliases=["slow-deploy"],
    ),
    fault(
        "two-bad-deploys",
        "recommendation (strategy Recreate) is deployed badly twice: revision 2 exits at start, "
        "revision 3 fails 40 % of its requests",
        [
            RECREATE,
            image(HOTEL, "recommendation", "recommendation", "localhost:5000/service:1.1"),
            crashing(HOTEL, "recommendation"),
            image(HOTEL, "recommendation", "recommendation", "localhost:5000/service:1.2"),
        ],
        [Undo(HOTEL, "recommendation", 1)],
        shows=[ERRORS, "log:recommendation:request failed"],
        wrong=[Undo(HOTEL, "recommendation"), Restart(HOTEL, "recommendation")],
        alternatives=[[image(HOTEL, "recommendation", "recommendation", GOOD)]],
        aliases=["two-bad-deploys", "demo"],
    ),
)
