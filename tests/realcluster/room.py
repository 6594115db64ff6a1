"""What a person has at hand beside STRATUS: a namespace, kubectl, and the objects as they are."""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stratus.cli.assembly import Running, running_engine
from stratus.cli.settings import Settings
from stratus.cluster.kubectl import compile_command, local_files
from stratus.domain.steps import Proposal
from stratus.domain.transactions import TxView
from stratus.engine.context import EngineSettings
from stratus.ports import TxResult

SHARED = Path(__file__).parents[3] / "shared" / "realcluster" / "cluster"
KINDS = "deploy,sts,ds,svc,cm,secret,quota,hpa,sa,role,pdb"
"""Kinds that people write; what controllers make from them comes back by itself."""
SERVER_FIELDS = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
CONTROLLER_ANNOTATIONS = (
    "deployment.kubernetes.io/revision",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
)
FAST = EngineSettings(look_every=0.2, settle_least=0.2, grace=1.0, undo_settle=5.0, undo_patience=90.0)


def kubeconfig() -> str:
    """STRATUS_TEST_KUBECONFIG, or the shared cluster's; "" where neither is there."""
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([SHARED, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    return path if path and Path(path).exists() else ""


def desired_state(obj: Any) -> Any:
    """Without what only the server and its controllers write; spelled out here, so that the product's own table is tested."""
    result = copy.deepcopy(obj)
    result.pop("status", None)
    meta = result["metadata"]
    for name in SERVER_FIELDS:
        meta.pop(name, None)
    for name in CONTROLLER_ANNOTATIONS:
        meta.get("annotations", {}).pop(name, None)
    for name in ("labels", "annotations"):
        if not meta.get(name):
            meta.pop(name, None)
    return result


@dataclass(frozen=True)
class Room:
    """A namespace and kubectl in it."""

    config: str
    namespace: str

    def kubectl(self, *words: str, stdin: str = "", check: bool = True) -> str:
        """kubectl's standard output; fails with its standard error."""
        command = ["kubectl", f"--kubeconfig={self.config}", f"--namespace={self.namespace}", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
        return done.stdout

    def apply(self, manifest: str, *words: str) -> None:
        """kubectl apply."""
        self.kubectl("apply", "--validate=false", *words, "-f", "-", stdin=manifest)

    def get(self, *words: str) -> Any:
        """Objects as JSON."""
        return json.loads(self.kubectl("get", *words, "-o", "json", "--show-managed-fields"))

    def objects(self, *more: str) -> dict[str, Any]:
        """The desired state of everything in the namespace that somebody wrote, and of ``more`` (KIND/NAME, any scope)."""
        found = self.get(KINDS)["items"] + [self.get(name) for name in more]
        return {
            f"{obj['kind']}/{obj['metadata']['name']}": desired_state(obj)
            for obj in found
            if obj.get("type") != "kubernetes.io/service-account-token"
        }

    def arguments(self, journal: Path) -> list[str]:
        """Flags of the command line for this namespace."""
        return ["--kubeconfig", self.config, "-n", self.namespace, "--journal", str(journal)]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """The command line in a process of its own."""
        command = [sys.executable, "-m", "stratus.cli.main", *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@dataclass
class Doing:
    """A person's commands through a running engine."""

    room: Room
    running: Running

    async def do(self, line: str, stdin: str = "") -> TxResult:
        """``stratus do -- kubectl LINE``."""
        return await self.running.engine.do(await self.compiled(line, stdin), settle=60.0)

    async def transact(self, line: str, initial: float = 100.0) -> TxResult:
        """The same as the proposal of an agent in an incident of that severity."""
        return await self.running.engine.transact(await self.compiled(line), incident="", initial=initial)

    async def compiled(self, line: str, stdin: str = "") -> Proposal:
        """A kubectl command as steps."""
        return await compile_command(
            shlex.split(line),
            reader=self.running.reader,
            namespace=self.room.namespace,
            stdin=stdin,
            read_file=local_files,
        )

    async def undo(self, tx: str) -> TxResult:
        """``stratus tx undo TX``."""
        return await self.running.engine.undo(tx, by="ana", reason="asked for by ana")

    def view(self, tx: str) -> TxView:
        """The transaction in the log."""
        return self.running.engine.ledger.transaction(tx)


def settings(room: Room, journal: Path, **more: Any) -> Settings:
    """Settings for this namespace alone."""
    return Settings(kubeconfig=room.config, namespaces=(room.namespace,), journal=str(journal), **more)


@asynccontextmanager
async def running(room: Room, journal: Path, *, people: bool = True, **more: Any) -> AsyncIterator[Doing]:
    """An engine in this process, with short waits; ``more`` are settings."""
    async with running_engine(settings(room, journal, **more), people=people) as found:
        found.engine.context.settings = FAST
        yield Doing(room, found)
