"""Faults between pods: Services, DNS, policies and routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import Create, Delete, DeletePods, Edit, EditText, Operation, Restart
from stratus.sandbox.faults.steps import add, recreate, remove, scale, service

SOCIAL, HOTEL, SHOP = "social-network", "hotel-reservation", "astronomy-shop"
ERRORS = "alert:RequestErrorRate"
INGRESSES = "ingresses.networking.k8s.io"


def target_port(id_: str, name: str) -> Fault:
    """A Service that points at a port on which nothing listens."""
    return Fault(
        id_,
        SOCIAL,
        SOCIAL,
        f"Service {name}: targetPort 9090 → 9999",
        [service(SOCIAL, name, add("/spec/ports/0/targetPort", 9999))],
        [service(SOCIAL, name, add("/spec/ports/0/targetPort", 9090))],
        shows=[ERRORS, "log:compose-post-service:Connection refused"],
        wrong=[DeletePods(SOCIAL, name), scale(SOCIAL, name, 3)],
    )


def wrong_selector(app: str, name: str) -> Fault:
    """A Service that selects a label which no pod carries."""
    return Fault(
        f"sregym/wrong_service_selector_{app.replace('-', '_')}",
        app,
        app,
        f"Service {name} selects a label that no pod carries",
        [service(app, name, add("/spec/selector/current_service_name", name))],
        [service(app, name, remove("/spec/selector/current_service_name"))],
        shows=[ERRORS],
        wrong=[Restart(app, name), scale(app, name, 3)],
    )


def missing_service(app: str, name: str, *shows: str) -> Fault:
    """A Service is deleted, and all pods, so that clients look it up again."""
    return Fault(
        f"sregym/missing_service_{app.replace('-', '_')}",
        app,
        app,
        f"Service {name} is deleted, then all pods",
        [Delete("services", app, name), DeletePods(app)],
        [recreate(app, "Service", name)],
        shows=shows,
        wrong=[DeletePods(app, name), scale(app, name, 2)],
    )


def _block_name(host: str, namespace: str) -> str:
    name = f"{host}.{namespace}.svc.cluster.local"
    pattern = "^" + name.replace(".", r"\.") + r"\.$"
    return f"    template ANY ANY {name} {{\n        match {pattern}\n        rcode NXDOMAIN\n    }}\n"


def without_templates(corefile: str) -> str:
    """A Corefile without its template blocks."""
    return re.sub(r"\n *template [^{]*\{[^}]*\}", "", corefile)


def dns_failure(app: str, host: str) -> Fault:
    """CoreDNS answers NXDOMAIN for one name."""
    block = _block_name(host, app)

    def insert(corefile: str) -> str:
        return corefile.replace(".:53 {\n", ".:53 {\n" + block, 1)

    restart = Restart("kube-system", "coredns")
    return Fault(
        f"sregym/service_dns_resolution_failure_{app.replace('-', '_')}",
        app,
        app,
        f"CoreDNS answers NXDOMAIN for {host}",
        [EditText("kube-system", "coredns", "Corefile", insert, f"template block for {host}"), restart],
        [EditText("kube-system", "coredns", "Corefile", without_templates, "no template block"), restart],
        shows=[ERRORS],
        wrong=[restart, Restart(app, host)],
    )


DENY: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny-all-recommendation", "namespace": HOTEL},
    "spec": {
        "podSelector": {"matchLabels": {"io.kompose.service": "recommendation"}},
        "policyTypes": ["Ingress", "Egress"],
    },
}


def _backend(name: str) -> Operation:
    path = "/spec/rules/0/http/paths/0/backend/service"
    port = 5000 if name == "frontend-service" else 8085
    return Edit(INGRESSES, HOTEL, "hotel-reservation-ingress", [add(path, {"name": name, "port": {"number": port}})])


NETWORK_FAULTS: Sequence[Fault] = (
    target_port("aiopslab/k8s_target_port-misconfig-mitigation-1", "user-service"),
    target_port("aiopslab/k8s_target_port-misconfig-mitigation-2", "text-service"),
    target_port("aiopslab/k8s_target_port-misconfig-mitigation-3", "post-storage-service"),
    target_port("sregym/k8s_target_port-misconfig", "user-service"),
    wrong_selector(SHOP, "frontend"),
    wrong_selector(HOTEL, "frontend"),
    wrong_selector(SOCIAL, "user-service"),
    missing_service(SHOP, "ad", "log:frontend:Name or service not known"),
    missing_service(HOTEL, "mongodb-rate", ERRORS, "alert:KubePodCrashLooping"),
    missing_service(SOCIAL, "user-service", ERRORS, "log:compose-post-service:Name or service not known"),
    Fault(
        "sregym/network_policy_block",
        HOTEL,
        HOTEL,
        "a NetworkPolicy isolates recommendation",
        [Create(DENY)],
        [Delete("networkpolicies.networking.k8s.io", HOTEL, "deny-all-recommendation")],
        shows=[ERRORS, "log:frontend:timed out"],
        wrong=[DeletePods(HOTEL, "recommendation"), scale(HOTEL, "recommendation", 2)],
    ),
    Fault(
        "sregym/ingress_misroute",
        HOTEL,
        HOTEL,
        "the Ingress sends /api to recommendation-service instead of frontend-service",
        [_backend("recommendation-service")],
        [_backend("frontend-service")],
        shows=[ERRORS],
        wrong=[Restart(HOTEL, "frontend"), scale(HOTEL, "recommendation", 2)],
    ),
    dns_failure(SHOP, "frontend"),
    dns_failure(SOCIAL, "user-service"),
)
