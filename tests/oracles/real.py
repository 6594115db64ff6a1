"""A small application on a real cluster: a front end that calls a store, watched by a panel."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from typing import Any

from stratus.clock import SystemClock
from stratus.cluster.reader import Reader
from stratus.cluster.transport import ApiTransport
from stratus.cluster.writer import Writer
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ObjectRef
from stratus.domain.severity import Observation
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep
from stratus.oracles import OracleSettings, Panel
from stratus.ports import Precondition

IMAGE = "localhost:5000/service:1.0"
PATIENCE = 120.0
"""Seconds in which the cluster must show what a test waits for."""


class Room:
    """The namespace, its reader and writer, and a panel that looks at nothing else."""

    def __init__(self, transport: ApiTransport) -> None:
        self.namespace = f"room-oracles-{uuid.uuid4().hex[:6]}"
        self.reader = Reader(transport)
        self.writer = Writer(transport, self.reader.discovery)
        self.panel = Panel(self.reader, SystemClock(), OracleSettings(namespaces=(self.namespace,)))

    async def build(self) -> None:
        """Deploy it, and wait until it is healthy."""
        await self.create("v1", "Namespace", self.namespace, {}, clustered=True)
        for name, port, env in (("front", 8080, {"CALLS": "store:8081"}), ("store", 8081, {})):
            await self.create("apps/v1", "Deployment", name, {"spec": deployment(name, port, env)})
            ports = [{"port": port, "targetPort": port}]
            await self.create("v1", "Service", name, {"spec": {"selector": {"app": name}, "ports": ports}})
        await self.until(lambda seen: seen.severity == 0 and not seen.moving and len(self.panel.rows()) == 2)

    async def leave(self) -> None:
        """Delete the namespace."""
        try:
            await self.writer.send(DeleteStep(target=self.ref("v1", "Namespace", self.namespace, True)), Precondition())
        except Absent:
            return

    def ref(self, api_version: str, kind: str, name: str, clustered: bool = False) -> ObjectRef:
        """An object of the namespace."""
        return ObjectRef(api_version=api_version, kind=kind, name=name, namespace="" if clustered else self.namespace)

    async def create(
        self, api_version: str, kind: str, name: str, parts: JsonObject, *, clustered: bool = False
    ) -> None:
        """Create an object."""
        ref = self.ref(api_version, kind, name, clustered)
        meta = {"name": name} | ({} if clustered else {"namespace": self.namespace})
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": meta, **parts}
        await self.writer.send(CreateStep(target=ref, manifest=manifest), Precondition())

    async def patch(self, api_version: str, kind: str, name: str, patch: Any) -> None:
        """Patch an object strategically."""
        step = PatchStep(target=self.ref(api_version, kind, name), patch_type="strategic", patch=patch)
        await self.writer.send(step, Precondition())

    async def change_pods(self, name: str, spec: JsonObject) -> None:
        """Patch the pod template of a Deployment."""
        await self.patch("apps/v1", "Deployment", name, {"spec": {"template": {"spec": spec}}})

    async def change_container(self, name: str, **fields: Any) -> None:
        """Patch the container of a Deployment."""
        await self.change_pods(name, {"containers": [{"name": name, **fields}]})

    async def until(self, holds: Callable[[Observation], bool]) -> Observation:
        """Look until it holds; fails with the last observation after PATIENCE."""
        end = time.monotonic() + PATIENCE
        while True:
            seen = await self.panel.observe()
            if holds(seen):
                return seen
            assert time.monotonic() < end, f"never seen: {seen}"
            await asyncio.sleep(0.5)


def deployment(name: str, port: int, env: dict[str, str]) -> JsonObject:
    """The spec of one service, old pods leaving first so that a broken template is felt at once."""
    variables = {"NAME": name, "PORT": str(port), **env}
    container = {
        "name": name,
        "image": IMAGE,
        "ports": [{"containerPort": port}],
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "96Mi"}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1, "failureThreshold": 2},
    }
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": {"app": name}},
        "template": template,
    }
