"""The clusters of these tests: the embedded one and a real one, each test in a namespace of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from stratus.cluster.kubeconfig import connect
from stratus.cluster.reader import Reader
from stratus.cluster.transport import InProcessTransport, Transport
from stratus.cluster.writer import DryRunWriter, Writer
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import ApplyStep, CreateStep, DeleteStep
from stratus.ports import Precondition
from stratus.sandbox.cluster import EmbeddedCluster

SHARED = Path(__file__).parents[3] / "shared" / "realcluster" / "cluster"


def kubeconfig() -> str:
    """STRATUS_TEST_KUBECONFIG, or the shared cluster's; skips the test where neither is there."""
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([SHARED, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    if not path or not Path(path).exists():
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")
    return path


class Cluster:
    """Reader and writers on one transport, and a namespace to break things in."""

    def __init__(self, transport: Transport, namespace: str, wait: Callable[[float], Awaitable[None]]) -> None:
        self.transport = transport
        self.wait = wait
        """Let so many seconds pass, real or virtual."""
        self.namespace = namespace
        self.reader = Reader(transport)
        self.writer = Writer(transport, self.reader.discovery)
        self.dry = DryRunWriter(transport, self.reader.discovery)

    def ref(self, kind: str, name: str, api_version: str = "v1") -> ObjectRef:
        """An object of the test's namespace."""
        return ObjectRef(api_version=api_version, kind=kind, namespace=self.namespace, name=name)

    async def create(self, manifest: JsonObject) -> JsonObject:
        """Create it in the test's namespace."""
        meta = {**manifest["metadata"], "namespace": self.namespace}
        obj = {**manifest, "metadata": meta}
        return await self.writer.send(CreateStep(target=ObjectRef.of(obj), manifest=obj), Precondition())

    async def apply(self, manifest: JsonObject, manager: str, *, force: bool = False) -> JsonObject:
        """Server-side apply in the test's namespace."""
        obj = {**manifest, "metadata": {**manifest["metadata"], "namespace": self.namespace}}
        step = ApplyStep(target=ObjectRef.of(obj), manifest=obj, field_manager=manager, force=force)
        return await self.writer.send(step, Precondition())


@pytest.fixture(scope="session")
def embedded() -> EmbeddedCluster:
    """An embedded cluster on virtual time, without applications."""
    made = EmbeddedCluster(virtual=True, nodes=1, applications=())
    made.start()
    return made


def in_process(made: EmbeddedCluster, namespace: str) -> Cluster:
    """The embedded cluster without sockets; waiting lets its own time pass."""

    async def advance(seconds: float) -> None:
        made.advance(max(seconds, 0.01))

    return Cluster(InProcessTransport(made.request, context="embedded"), namespace, advance)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.realcluster)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    """Each of the two clusters with a namespace that is deleted afterwards."""
    name = f"room-cluster-{uuid.uuid4().hex[:8]}"
    if request.param == "real":
        cluster = Cluster(connect(kubeconfig()), name, asyncio.sleep)
    else:
        cluster = in_process(request.getfixturevalue("embedded"), name)
    ref = ObjectRef(api_version="v1", kind="Namespace", name=name)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.writer.send(CreateStep(target=ref, manifest=manifest), Precondition())
    await cluster.wait(0)
    try:
        yield cluster
    finally:
        try:
            await cluster.writer.send(DeleteStep(target=ref), Precondition())
        except Absent:
            pass
        await cluster.transport.close()


def deployment(name: str = "web", **spec: Any) -> JsonObject:
    """A small Deployment that runs nothing unless told (replicas 0), so that tests do not load the node."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "main", "image": "localhost:5000/pause:3.2"}],
            "terminationGracePeriodSeconds": 0,
        },
    }
    body = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


@pytest.fixture
def web() -> Callable[..., JsonObject]:
    """Makes Deployment manifests."""
    return deployment
