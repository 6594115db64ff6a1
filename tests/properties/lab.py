"""Where sequences run: the embedded cluster on virtual time, or a real one; each sequence in a namespace of its own."""

from __future__ import annotations

import json

from stratus.clock import SystemClock
from stratus.cluster.answers import checked
from stratus.cluster.discovery import Discovery, path_of
from stratus.cluster.reader import Reader
from stratus.cluster.transport import InProcessTransport, Transport
from stratus.cluster.writer import Writer
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep
from stratus.ports import Clock, Precondition
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.testing.clock import KernelClock
from tests.properties.application import KINDS, application

SETTLES_WITHIN = 120.0
"""Seconds in which the application becomes ready."""
Objects = dict[ObjectRef, JsonObject]


class Lab:
    """A cluster, seen without any fault."""

    def __init__(self, transport: Transport, clock: Clock) -> None:
        self.transport, self.clock = transport, clock
        self.discovery = Discovery(transport)
        self.reader = Reader(transport, self.discovery)
        self._writer = Writer(transport, self.discovery)

    async def open(self, namespace: str) -> None:
        """A namespace with the healthy application in it."""
        home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        for obj in (home, *application(namespace)):
            await self._create(obj)
            await self.clock.sleep(0)
        if not await self.ready(namespace):
            raise AssertionError(f"the application did not become ready within {SETTLES_WITHIN} s")

    async def _create(self, obj: JsonObject) -> None:
        """As kubectl does it, so that the engine is not taken for the owner."""
        target = ObjectRef.of(obj)
        path = path_of(await self.discovery.of(target), target.namespace)
        query = {"fieldManager": "kubectl-create"}
        answer = await self.transport.request("POST", path, query=query, body=json.dumps(obj).encode())
        checked(answer, f"create {target}", writes=True)

    async def close(self, namespace: str) -> None:
        """Remove the namespace; it goes in its own time."""
        home = ObjectRef(api_version="v1", kind="Namespace", name=namespace)
        try:
            await self._writer.send(DeleteStep(target=home), Precondition())
        except Absent:
            return
        await self.clock.sleep(0)

    async def ready(self, namespace: str) -> bool:
        """Wait until every Deployment is as its spec says; False when that does not come about."""
        end = self.clock.monotonic() + SETTLES_WITHIN
        while self.clock.monotonic() < end:
            if all(_settled(each) for each in await self.reader.list("Deployment", namespace, api_version="apps/v1")):
                return True
            await self.clock.sleep(0.5)
        return False

    async def objects(self, namespace: str) -> Objects:
        """Everything that somebody declared, and the pods' names aside."""
        found: Objects = {}
        for kind, version in KINDS.items():
            for obj in await self.reader.list(kind, namespace, api_version=version):
                if obj.get("type") != "kubernetes.io/service-account-token" and obj["metadata"]["name"] != ROOT_CA:
                    found[ObjectRef.of(obj)] = obj
        return found

    async def pods(self, namespace: str) -> list[str]:
        """Names of the running pods."""
        pods = await self.reader.list("Pod", namespace)
        return sorted(pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp"))


ROOT_CA = "kube-root-ca.crt"
"""A ConfigMap that the server puts into every namespace."""


def _settled(deployment: JsonObject) -> bool:
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return False
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    return all(count == wanted for count in counts)


def embedded_lab() -> Lab:
    """A new embedded cluster without applications."""
    cluster = EmbeddedCluster(virtual=True, nodes=1, applications=())
    cluster.start()
    return Lab(InProcessTransport(cluster.request, context="embedded"), KernelClock(cluster.kernel))


def real_lab(kubeconfig: str) -> Lab:
    """The cluster of a kubeconfig, in real time."""
    from stratus.cluster.kubeconfig import connect

    return Lab(connect(kubeconfig), SystemClock())
