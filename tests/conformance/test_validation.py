"""What is refused, and the causes that are named, for mistakes of which one server could easily know more than the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.clients import APPLY, MERGE, STRATEGIC, Client
from tests.conformance.objects import deployment, pod, pod_spec

PORTS = ["", "a--b", "averyveryverylongname", "123", "-a", "A", "A--averyveryverylong-", "web", 0, 70000, None]
HANDLERS: list[dict[str, Any]] = [
    *({"httpGet": {"path": "/", "port": port}} for port in PORTS),
    {"httpGet": {"path": "/"}}, {"tcpSocket": {}}, {"exec": {}}, {"exec": {"command": []}}, {},
    {"exec": {"command": ["true"]}, "tcpSocket": {"port": 80}},
]  # fmt: skip


def both_say(both: tuple[Client, Client], resource: str, obj: dict[str, Any]) -> None:
    answers = [client.create(resource, obj, dryRun="All") for client in both]
    said = [(answer.code, answer.reason, sorted(answer.causes)) for answer in answers]
    assert said[0] == said[1]


@pytest.mark.realcluster
@pytest.mark.parametrize("handler", HANDLERS, ids=str)
def test_a_probe(both: tuple[Client, Client], handler: dict[str, Any]) -> None:
    spec = pod_spec()
    spec["containers"][0]["livenessProbe"] = handler
    both_say(both, "pods", pod("a", spec))


@pytest.mark.realcluster
@pytest.mark.parametrize("name", PORTS, ids=str)
def test_the_name_of_a_port(both: tuple[Client, Client], name: Any) -> None:
    if not isinstance(name, int):
        spec = pod_spec()
        spec["containers"][0]["ports"] = [{"name": name, "containerPort": 80}]
        both_say(both, "pods", pod("a", spec))
    both_say(both, "services", {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "targetPort": name}]}})


WRONG: list[dict[str, Any]] = [
    {"spec": {"replicas": "two"}},
    {"spec": {"template": 7}},
    {"metadata": {"labels": {"a": 1}}},
]


@pytest.mark.realcluster
@pytest.mark.parametrize("how", [STRATEGIC, MERGE, APPLY])
@pytest.mark.parametrize("change", WRONG, ids=str)
def test_a_change_to_another_type(both: tuple[Client, Client], change: dict[str, Any], how: str) -> None:
    said = []
    for client in both:
        client.create("deployments", deployment("a", replicas=0))
        applied = {"apiVersion": "apps/v1", "kind": "Deployment", **change} if how == APPLY else change
        manager = {"fieldManager": "m"} if how == APPLY else {}
        answer = client.patch("deployments", "a", applied, how, **manager)
        said.append((answer.code, answer.reason, answer.causes))
    assert said[0] == said[1]
