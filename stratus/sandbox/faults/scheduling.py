"""Faults that keep pods from a node: selectors, taints, ports, requests, quota, admission, replicas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import DEPLOYMENTS, Create, Delete, DeletePods, Edit, Merge, Restart, Taint, Undo
from stratus.sandbox.faults.steps import CONTAINER, add, container, deployment, recreate, remove, replaced, scale

SOCIAL, HOTEL, SHOP = "social-network", "hotel-reservation", "astronomy-shop"
ERRORS = "alert:RequestErrorRate"
WEBHOOKS = "validatingwebhookconfigurations.admissionregistration.k8s.io"
NODE_SELECTOR = "/spec/template/spec/nodeSelector"
TOLERATIONS = "/spec/template/spec/tolerations"


def scaled_to_zero(id_: str) -> Fault:
    """user-service has no replicas."""
    return Fault(
        id_,
        SOCIAL,
        SOCIAL,
        "Deployment user-service is scaled to zero",
        [scale(SOCIAL, "user-service", 0)],
        [scale(SOCIAL, "user-service", 1)],
        shows=[ERRORS, "log:compose-post-service:Connection refused"],
        wrong=[Restart(SOCIAL, "user-service"), scale(SOCIAL, "compose-post-service", 3)],
    )


def no_such_node(id_: str) -> Fault:
    """user-service is pinned to a node that does not exist; the Deployment is deleted and created anew, as upstream."""
    made = recreate(SOCIAL, "Deployment", "user-service").obj
    spec = {**made["spec"]["template"]["spec"], "nodeSelector": {"kubernetes.io/hostname": "extra-node"}}
    pinned = {**made, "spec": {**made["spec"], "template": {**made["spec"]["template"], "spec": spec}}}
    return Fault(
        id_,
        SOCIAL,
        SOCIAL,
        "Deployment user-service is re-created with a nodeSelector for a node that does not exist",
        [Delete(DEPLOYMENTS, SOCIAL, "user-service"), Create(pinned)],
        [deployment(SOCIAL, "user-service", remove(NODE_SELECTOR))],
        shows=[ERRORS, "event:nodes are available", "down:user-service"],
        wrong=[DeletePods(SOCIAL, "user-service"), scale(SOCIAL, "user-service", 2)],
    )


def port_conflict(app: str, name: str, *shows: str) -> Fault:
    """A hostPort that the node exporter holds on every node."""
    path = f"{CONTAINER}/ports/0/hostPort"
    return Fault(
        f"sregym/service_port_conflict_{app.replace('-', '_')}",
        app,
        app,
        f"{name} asks for host port 9100, which the node exporter holds; its old pod is gone",
        replaced(app, name, deployment(app, name, add(path, 9100))),
        [deployment(app, name, remove(path))],
        shows=["event:have free ports", f"down:{name}", *shows],
        wrong=[DeletePods(app, name), scale(app, name, 2)],
        alternatives=[[Undo(app, name)]],
    )


QUOTA: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "memory-limit-quota", "namespace": HOTEL},
    "spec": {"hard": {"memory": "1Gi"}},
}
WEBHOOK: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "pod-policy.validation.k8s.io"},
    "webhooks": [
        {
            "name": "pod-policy.validation.k8s.io",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 5,
            "clientConfig": {"service": {"namespace": HOTEL, "name": "pod-policy-webhook", "path": "/validate"}},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": HOTEL}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        }
    ],
}
NO_MEMORY = {"requests": {"memory": None}, "limits": {"memory": None}}
HUGE = "131072Mi"

SCHEDULING_FAULTS: Sequence[Fault] = (
    scaled_to_zero("aiopslab/scale_pod_zero_social_net-mitigation-1"),
    scaled_to_zero("sregym/scale_pod_zero_social_net"),
    no_such_node("aiopslab/assign_to_non_existent_node_social_net-mitigation-1"),
    no_such_node("sregym/assign_to_non_existent_node"),
    Fault(
        "sregym/taint_no_toleration_social_network",
        SOCIAL,
        SOCIAL,
        "all nodes are tainted sre-fault=blocked:NoSchedule, user-service tolerates something else; its pods are deleted",
        [
            deployment(
                SOCIAL,
                "user-service",
                add(TOLERATIONS, [{"key": "dummy-key", "operator": "Exists", "effect": "NoSchedule"}]),
            ),
            Taint("sre-fault", "blocked", "NoSchedule"),
            DeletePods(SOCIAL, "user-service"),
        ],
        [Taint("sre-fault")],
        shows=[ERRORS, "event:taint", "down:user-service"],
        wrong=[DeletePods(SOCIAL, "user-service"), scale(SOCIAL, "user-service", 2)],
        alternatives=[
            [deployment(SOCIAL, "user-service", add(TOLERATIONS, [{"key": "sre-fault", "operator": "Exists"}]))]
        ],
    ),
    port_conflict(SHOP, "ad", "log:frontend:Connection refused"),
    port_conflict(HOTEL, "recommendation", ERRORS),
    port_conflict(SOCIAL, "media-service", ERRORS),
    Fault(
        "sregym/resource_request_too_large",
        HOTEL,
        HOTEL,
        "mongodb-rate requests more memory than any node has; its old pod is gone",
        replaced(
            HOTEL,
            "mongodb-rate",
            container(
                HOTEL,
                "mongodb-rate",
                "hotel-reserv-rate-mongo",
                resources={"requests": {"memory": HUGE}, "limits": {"memory": HUGE}},
            ),
        ),
        [
            container(
                HOTEL,
                "mongodb-rate",
                "hotel-reserv-rate-mongo",
                resources={"requests": {"memory": "24Mi"}, "limits": {"memory": "256Mi"}},
            )
        ],
        shows=[ERRORS, "event:Insufficient memory", "down:mongodb-rate"],
        wrong=[DeletePods(HOTEL, "mongodb-rate"), Restart(HOTEL, "rate")],
        alternatives=[[Undo(HOTEL, "mongodb-rate")]],
    ),
    Fault(
        "sregym/namespace_memory_limit",
        HOTEL,
        HOTEL,
        "a memory quota is set while search declares no memory; its ReplicaSet's pods are refused",
        replaced(
            HOTEL, "search", container(HOTEL, "search", "hotel-reserv-search", resources=NO_MEMORY), Create(QUOTA)
        ),
        [Delete("resourcequotas", HOTEL, "memory-limit-quota"), Restart(HOTEL, "search")],
        shows=[ERRORS, "event:must specify memory", "down:search"],
        wrong=[Restart(HOTEL, "search"), scale(HOTEL, "search", 3)],
        alternatives=[
            [
                Edit("resourcequotas", HOTEL, "memory-limit-quota", [remove("/spec/hard/memory")]),
                Restart(HOTEL, "search"),
            ]
        ],
    ),
    Fault(
        "sregym/admission_webhook_outage_hotel_reservation",
        HOTEL,
        HOTEL,
        "a validating webhook with failurePolicy Fail has no Service behind it; a recommendation pod is deleted",
        [Create(WEBHOOK), DeletePods(HOTEL, "recommendation")],
        [Delete(WEBHOOKS, "", "pod-policy.validation.k8s.io"), Restart(HOTEL, "recommendation")],
        shows=[ERRORS, "event:failed calling webhook", "down:recommendation"],
        wrong=[Restart(HOTEL, "recommendation"), scale(HOTEL, "recommendation", 2)],
        alternatives=[
            [
                Edit(WEBHOOKS, "", "pod-policy.validation.k8s.io", [add("/webhooks/0/failurePolicy", "Ignore")]),
                Restart(HOTEL, "recommendation"),
            ]
        ],
    ),
    Fault(
        "sregym/hpa_missing_effective_cpu_request_hotel_reservation",
        HOTEL,
        HOTEL,
        "frontend loses its CPU request while an HPA targets CPU utilisation",
        [
            Create(
                {
                    "apiVersion": "autoscaling/v2",
                    "kind": "HorizontalPodAutoscaler",
                    "metadata": {"name": "frontend-capacity", "namespace": HOTEL},
                    "spec": {
                        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "frontend"},
                        "minReplicas": 1,
                        "maxReplicas": 4,
                        "metrics": [
                            {
                                "type": "Resource",
                                "resource": {
                                    "name": "cpu",
                                    "target": {"type": "Utilization", "averageUtilization": 60},
                                },
                            }
                        ],
                    },
                }
            ),
            container(
                HOTEL,
                "frontend",
                "hotel-reserv-frontend",
                resources={"requests": {"cpu": None}, "limits": {"cpu": None}},
            ),
        ],
        [container(HOTEL, "frontend", "hotel-reserv-frontend", resources={"requests": {"cpu": "100m"}})],
        shows=["alert:KubeHpaMetricsUnavailable"],
        wrong=[
            Restart(HOTEL, "frontend"),
            Merge("horizontalpodautoscalers.autoscaling", HOTEL, "frontend-capacity", {"spec": {"maxReplicas": 8}}),
        ],
        alternatives=[[container(HOTEL, "frontend", "hotel-reserv-frontend", resources={"limits": {"cpu": "500m"}})]],
    ),
)
