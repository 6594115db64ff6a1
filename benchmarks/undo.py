"""Safety is not paid for in time: a transaction's step and its undo beside the kubectl commands that they replace.

One run measures both in turn on the same cluster, so that a noisy machine slows both. Waiting for rollouts is left out on
both sides: a step is proposed → written (snapshot, dry run, permission of the undo, durable intent, write), an undo is
started → proven by re-reading.

    python benchmarks/undo.py [--kubeconfig FILE] [--rounds 20]

Without a kubeconfig an embedded cluster is served for the occasion.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from stratus.cli.assembly import running_engine
from stratus.cli.settings import Settings
from stratus.cluster.kubectl import compile_command
from stratus.domain.events import StepExecuted, StepUndone, TxProposed, UndoStarted
from stratus.domain.policy import Mode
from stratus.engine.engine import Engine

NAMESPACE = "bench-undo"
GOOD, OTHER = "localhost:5000/service:1.0", "localhost:5000/service:1.0-other"
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {
        "replicas": 0,  # no pods: what is measured is the writing, not the rollout
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": GOOD}]},
        },
    },
}


def timed(*command: str) -> float:
    """Seconds that a command takes as a whole process."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


async def transaction(engine: Engine, words: list[str]) -> tuple[float, float, int, int]:
    """(seconds of the step, seconds of the undo, API calls of each)."""
    proposal = await compile_command(words, reader=engine.reader, namespace=NAMESPACE)
    calls = Calls(engine)
    marks: dict[type, tuple[float, int]] = {}
    mark = lambda recorded: marks.__setitem__(type(recorded.event), (time.perf_counter(), calls.count))  # noqa: E731
    engine.ledger.subscribers.append(mark)
    result = await engine.do(proposal, settle=30.0)  # the verdict may take its time, it is not measured
    await engine.undo(result.tx, by="benchmark", reason="measured")
    engine.ledger.subscribers.remove(mark)
    calls.stop()
    step = marks[StepExecuted][0] - marks[TxProposed][0]
    undo = marks[StepUndone][0] - marks[UndoStarted][0]
    return step, undo, marks[StepExecuted][1] - marks[TxProposed][1], marks[StepUndone][1] - marks[UndoStarted][1]


class Calls:
    """Counts the requests of an engine's transport, oracles left out by counting between two events only."""

    def __init__(self, engine: Engine) -> None:
        self._transport = engine.reader._transport  # type: ignore[attr-defined]
        self._request = self._transport.request
        self.count = 0
        self._transport.request = self._counted

    async def _counted(self, *args: object, **more: object) -> object:
        self.count += 1
        return await self._request(*args, **more)

    def stop(self) -> None:
        """Count no more."""
        self._transport.request = self._request


def kubectl(kubeconfig: str, *words: str) -> list[str]:
    """The command line."""
    return ["kubectl", "--kubeconfig", kubeconfig, "-n", NAMESPACE, *words]


async def measure(kubeconfig: str, rounds: int, journal: Path) -> None:
    """Print both sides, median and range."""
    setup(kubeconfig)
    rows: dict[str, list[float]] = {name: [] for name in ("kubectl set image", "kubectl rollout undo", "step", "undo")}
    counted = (0, 0)
    settings = Settings(kubeconfig=kubeconfig, namespaces=(NAMESPACE,), journal=str(journal), mode=Mode.AUTO)
    async with running_engine(settings, people=False) as running:
        for _ in range(rounds + 1):
            rows["kubectl set image"].append(timed(*kubectl(kubeconfig, "set", "image", "deploy/web", f"web={OTHER}")))
            observed(kubeconfig)
            rows["kubectl rollout undo"].append(timed(*kubectl(kubeconfig, "rollout", "undo", "deploy/web")))
            observed(kubeconfig)
            step, undo, *calls = await transaction(running.engine, ["set", "image", "deploy/web", f"web={OTHER}"])
            rows["step"].append(step)
            rows["undo"].append(undo)
            counted = (calls[0], calls[1])
    for name, values in rows.items():
        values = values[1:]  # the first round warms both sides up
        print(
            f"{name:<22} median {statistics.median(values):.3f} s   {min(values):.3f} … {max(values):.3f}   n={len(values)}"
        )
    for ours, theirs in (("step", "kubectl set image"), ("undo", "kubectl rollout undo")):
        ratios = [a / b for a, b in zip(rows[ours][1:], rows[theirs][1:], strict=True)]
        print(f"{ours} / {theirs}: median {statistics.median(ratios):.2f}")
    print(f"API calls: step {counted[0]}, undo {counted[1]} (oracles' reads included where they overlap)")


def setup(kubeconfig: str) -> None:
    """A fresh namespace with one Deployment of two revisions."""
    import json

    subprocess.run(["kubectl", "--kubeconfig", kubeconfig, "create", "ns", NAMESPACE], capture_output=True, check=False)
    body = json.dumps(DEPLOYMENT).encode()
    command = kubectl(kubeconfig, "apply", "--validate=false", "-f", "-")
    subprocess.run(command, input=body, check=True, capture_output=True)


def observed(kubeconfig: str) -> None:
    """Until the controller has made the new revision, without which rollout undo has nothing to go back to."""
    path = "jsonpath={.metadata.generation} {.status.observedGeneration}"
    while True:
        done = subprocess.run(
            kubectl(kubeconfig, "get", "deploy", "web", "-o", path), capture_output=True, text=True, check=True
        )
        wanted, _, seen = done.stdout.partition(" ")
        if wanted == seen:
            return
        time.sleep(0.05)


def main() -> None:
    """Parse, provide a cluster, measure, clean up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    if shutil.which("kubectl") is None:
        raise SystemExit("kubectl is what is compared with, and it is not installed")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kubeconfig = arguments.kubeconfig
        if not kubeconfig:
            kubeconfig = str(folder / "kubeconfig")
            server = subprocess.Popen(["stratus", "sandbox", "up", "--kubeconfig-out", kubeconfig])
            stack.callback(server.terminate)
            while not Path(kubeconfig).exists():
                time.sleep(0.05)
        print(f"cluster: {arguments.kubeconfig or 'embedded'}")
        try:
            asyncio.run(measure(kubeconfig, arguments.rounds, folder / "journal.db"))
        finally:
            delete = ["kubectl", "--kubeconfig", kubeconfig, "delete", "ns", NAMESPACE, "--wait=false"]
            subprocess.run(delete, capture_output=True, check=False)


if __name__ == "__main__":
    main()
