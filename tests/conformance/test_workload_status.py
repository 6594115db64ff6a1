"""Workloads side by side: the same statuses, owned objects and events on both clusters once they have settled."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import pytest

from tests.conformance.clients import PAUSE, Client
from tests.conformance.objects import pod_spec, service
from tests.conformance.test_pod_life import SERVICE, same_words

Object = dict[str, Any]

COMPARED = ("deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "poddisruptionbudgets", "endpoints")
# Fields that came after 1.20, by resource; on the embedded cluster they are there.
NEWER = {"statefulsets": ("availableReplicas",), "jobs": ("ready",), "poddisruptionbudgets": ("conditions",)}
NAMES = (
    (r'"(pod-template-hash|controller-revision-hash)": "[0-9a-z]+"', r'"\1": "HASH"'),
    (r"\b(web|late|refused|daemon|ordered|good|bad)-[0-9a-z]{6,10}\b(-[0-9a-z]{5})?", r"\1-HASH"),
    (r"\b(daemon|good|bad)-[0-9a-z]{5}\b", r"\1-RANDOM"),
    (r'refused-HASH-(?=\\?")', "refused-HASH"),
    (r"\(combined from similar events\): ", ""),
)


def workload(kind: str, name: str, spec: Object, **more: Any) -> Object:
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    body = {"selector": {"matchLabels": {"app": name}}, "template": template, **more}
    return {"kind": kind, "metadata": {"name": name}, "spec": body}


def job(name: str, command: str, **more: Any) -> Object:
    containers = [{"name": "c", "image": PAUSE, "command": [command]}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    return {"kind": "Job", "metadata": {"name": name}, "spec": {"template": template, **more}}


def serving(**more: Any) -> Object:
    return pod_spec(containers=[{"name": "c", "image": SERVICE}], **more)


OBJECTS: list[tuple[str, Object]] = [
    ("deployments", workload("Deployment", "web", serving(), replicas=2)),
    ("deployments", workload("Deployment", "late", serving(), replicas=1, minReadySeconds=3)),
    ("deployments", workload("Deployment", "refused", serving(serviceAccountName="absent"), replicas=1)),
    ("statefulsets", workload("StatefulSet", "ordered", serving(), replicas=2, serviceName="ordered")),
    ("daemonsets", workload("DaemonSet", "daemon", serving(nodeSelector={"kubernetes.io/hostname": "node-1"}))),
    ("jobs", job("good", "true", completions=2, parallelism=2)),
    ("jobs", job("bad", "false", backoffLimit=1)),
    ("services", service("web", selector={"app": "web"})),
    ("services", service("ordered", selector={"app": "ordered"}, clusterIP="None")),
    (
        "poddisruptionbudgets",
        {
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "web"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        },
    ),
]


def normal(obj: Any) -> Any:
    text = same_words(json.dumps(obj, sort_keys=True))
    for pattern, stand_in in NAMES:
        text = re.sub(pattern, stand_in, text)
    return json.loads(text)


def statuses(client: Client) -> dict[str, Any]:
    found = {}
    for resource in COMPARED:
        for obj in client.list(resource)["items"]:
            own = obj.get("status", {})
            if resource == "endpoints":
                own = [
                    {"count": len(subset.get("addresses") or ()), "ports": subset.get("ports")}
                    for subset in obj.get("subsets") or ()
                ]
            else:
                own = {key: value for key, value in own.items() if key not in NEWER.get(resource, ())}
            found[f"{resource}/{normal(obj['metadata']['name'])}"] = normal(own)
    return found


def events(client: Client) -> set[tuple[str, str, str]]:
    """Kind of object, reason and message of what controllers said."""
    return {
        (each["involvedObject"]["kind"], each["reason"], normal(each["message"]))
        for each in client.list("events")["items"]
        if each["involvedObject"]["kind"] != "Pod"
    }


def is_settled(client: Client) -> bool:
    """Whether all workloads but the refused one have come to rest."""
    ready = [
        client.get("deployments", "web")["status"].get("availableReplicas") == 2,
        client.get("deployments", "late")["status"].get("availableReplicas") == 1,
        client.get("statefulsets", "ordered")["status"].get("readyReplicas") == 2,
        client.get("daemonsets", "daemon")["status"].get("numberReady") == 1,
        client.get("poddisruptionbudgets", "web")["status"].get("currentHealthy") == 2,
        bool(client.get("deployments", "refused")["status"].get("conditions")),
    ]
    return all(ready) and all(client.get("jobs", name)["status"].get("conditions") for name in ("good", "bad"))


@pytest.mark.realcluster
@pytest.mark.slow
def test_workloads_settle_alike(both: tuple[Client, Client]) -> None:
    for client in both:
        for resource, obj in OBJECTS:
            assert client.create(resource, obj).code == 201
    for client in both:
        client.eventually(partial(is_settled, client), 90)
    ours, theirs = (statuses(client) for client in both)
    assert ours.keys() == theirs.keys()
    assert {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]} == {}
    ours_said, theirs_said = (events(client) for client in both)
    assert ours_said == theirs_said
