"""The same objects, the same request: the embedded and a real cluster give one answer and write one log line.

Three services in a row (front → mid → store, which checks a token) are broken in one way at a time.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus.sandbox.api import PatchKind
from stratus.sandbox.apps.applications import resource_of
from stratus.sandbox.apps.builder import namespace
from stratus.sandbox.cluster import EmbeddedCluster

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]
SHARED = Path(__file__).parents[4] / "shared" / "realcluster" / "cluster"
NAME = "sandbox-traffic"
PATIENCE = 60.0
PROXY = f"/api/v1/namespaces/{NAME}/services/front:8080/proxy/request"
Patch = list[dict[str, Any]]
Seen = tuple[str, str]

BREAKS: dict[str, tuple[str, str, Patch]] = {
    "wrong targetPort": ("service", "mid", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}]),
    "undefined port": ("service", "mid", [{"op": "replace", "path": "/spec/ports/0/port", "value": 8999}]),
    "wrong selector": ("service", "mid", [{"op": "add", "path": "/spec/selector/tier", "value": "none"}]),
    "no replicas": ("deployment", "mid", [{"op": "replace", "path": "/spec/replicas", "value": 0}]),
    "no token": ("deployment", "mid", [{"op": "remove", "path": "/spec/template/spec/containers/0/env/3"}]),
    "wrong token": (
        "deployment", "store", [{"op": "replace", "path": "/spec/template/spec/containers/0/env/2/value", "value": "x"}],
    ),
    "unknown host": (
        "deployment", "front", [{"op": "replace", "path": "/spec/template/spec/containers/0/env/2/value", "value": "nowhere:80"}],
    ),
    "no endpoints": ("service", "front", [{"op": "add", "path": "/spec/selector/tier", "value": "none"}]),
    "nothing listens": ("service", "front", [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}]),
}  # fmt: skip


def workload(name: str, port: int, **env: str) -> list[dict[str, Any]]:
    variables = [{"name": key, "value": value} for key, value in {"NAME": name, "PORT": str(port), **env}.items()]
    container = {
        "name": name,
        "image": "localhost:5000/service:1.0",
        "env": variables,
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1, "failureThreshold": 1},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
    metadata = {"name": name, "namespace": NAME}
    ports = [{"port": port, "targetPort": port}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {"selector": {"app": name}, "ports": ports},
        },
    ]


def objects() -> list[dict[str, Any]]:
    return [
        namespace(NAME),
        *workload("front", 8080, CALLS="mid:8081"),
        *workload("mid", 8081, CALLS="store:8082", SEND_TOKEN="s3cret"),
        *workload("store", 8082, TOKEN="s3cret"),
    ]


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([str(SHARED), "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    if not path or not Path(path).exists():
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")

    def run(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--kubeconfig", path, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    run("delete", "namespace", NAME, "--ignore-not-found", "--wait=true")
    yield run
    run("delete", "namespace", NAME, "--ignore-not-found", "--wait=false")


class Embedded:
    """The objects in the embedded cluster."""

    def __init__(self) -> None:
        self.cluster = EmbeddedCluster(virtual=True, applications=[])
        self.cluster.start()
        self.cluster.create(objects())
        self.cluster.settle()

    def patch(self, kind: str, name: str, patch: Patch) -> None:
        resource = resource_of({"kind": kind.capitalize()})
        self.cluster.api.patch(resource, NAME, name, patch, kind=PatchKind.JSON)
        self.cluster.advance(20)

    def ask(self) -> Seen:
        answer = self.cluster.request("GET", PROXY)
        body = bytes(answer.body).decode()
        message = json.loads(body)["message"] if answer.content_type.startswith("application/json") else body
        (pod,) = self.cluster.api.list("pods", NAME, labels="app=front")
        process = self.cluster.nodes.running(NAME, pod["metadata"]["name"], "front")
        assert process is not None
        return answer_text(message), process.logs()[-1][1].partition(" ")[2]


def answer_text(message: str) -> str:
    """An answer without the pod's address, which differs."""
    words = message.strip().split(" ")
    return " ".join("ADDRESS" if word.count(".") == 3 and word.rstrip(":")[-1:].isdigit() else word for word in words)


def ask_real(kubectl: Callable[..., subprocess.CompletedProcess[str]]) -> Seen:
    answer = kubectl("get", "--raw", PROXY)
    message = answer.stdout if answer.returncode == 0 else answer.stderr.partition("): ")[2] or answer.stderr
    message = message.removeprefix("Error from server: ").strip()
    wrapped = message.removeprefix('an error on the server ("').removesuffix(
        '") has prevented the request from succeeding'
    )
    message = wrapped.replace('\\"', '"')
    log = kubectl("-n", NAME, "logs", "-l", "app=front", "--tail=1").stdout
    return answer_text(message), log.strip().partition(" ")[2]


@pytest.fixture(scope="module")
def real(kubectl: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., subprocess.CompletedProcess[str]]:
    done = kubectl("apply", "--validate=false", "-f", "-", text=yaml.safe_dump_all(objects()))
    assert done.returncode == 0, done.stderr
    for name in ("front", "mid", "store"):
        done = kubectl("-n", NAME, "rollout", "status", f"deployment/{name}", "--timeout=120s")
        assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + PATIENCE
    while kubectl("get", "--raw", PROXY).stdout.strip() != "ok" and time.monotonic() < deadline:
        pass  # kube-proxy takes its time, and whoever calls meanwhile logs an error
    kubectl("-n", NAME, "delete", "pods", "-l", "app=front", "--wait=true")
    kubectl("-n", NAME, "rollout", "status", "deployment/front", "--timeout=120s")
    return kubectl


def test_a_healthy_chain_answers_alike(real: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert ask_real(real) == Embedded().ask()


@pytest.mark.parametrize("name", BREAKS)
def test_each_way_it_breaks_is_the_same(name: str, real: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    kind, target, patch = BREAKS[name]
    embedded = Embedded()
    embedded.patch(kind, target, patch)
    expected = embedded.ask()
    before = real("-n", NAME, "get", kind, target, "-o", "json").stdout
    assert real("-n", NAME, "patch", kind, target, "--type=json", "-p", json.dumps(patch)).returncode == 0
    try:
        deadline = time.monotonic() + PATIENCE
        seen = ask_real(real)
        while seen != expected and time.monotonic() < deadline:
            seen = ask_real(real)
        assert seen == expected
    finally:
        original = json.loads(before)
        for key in ("resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"):
            original["metadata"].pop(key, None)
        original.pop("status", None)
        real("-n", NAME, "replace", "--force", "--validate=false", "-f", "-", text=json.dumps(original))
        real("-n", NAME, "rollout", "status", "deployment/front", "--timeout=120s")
        real("-n", NAME, "rollout", "status", "deployment/mid", "--timeout=120s")
