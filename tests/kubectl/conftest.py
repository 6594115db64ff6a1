"""kubectl itself as the judge: the same command through it and through the compiler, on one real cluster."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stratus.cluster.kubeconfig import connect
from stratus.cluster.kubectl import compile_command, local_files
from stratus.cluster.reader import Reader
from stratus.cluster.writer import DryRunWriter, Writer
from stratus.domain.steps import Step
from stratus.ports import Precondition

SHARED = Path(__file__).parents[3] / "shared" / "realcluster" / "cluster"
MANIFESTS = Path(__file__).parent / "manifests"


@dataclass(frozen=True)
class Kubectl:
    """The real one, in a namespace of its own."""

    config: str
    namespace: str
    group: str
    """The group of a custom resource (widgets), this run's own."""

    def run(self, words: Sequence[str], stdin: str = "", *, check: bool = True) -> str:
        """Its standard output; fails the test with its standard error."""
        command = ["kubectl", f"--kubeconfig={self.config}", f"--namespace={self.namespace}", *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
        return done.stdout

    def accepts(self, words: Sequence[str]) -> bool:
        """Whether it exits with 0."""
        command = ["kubectl", f"--kubeconfig={self.config}", f"--namespace={self.namespace}", *words]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0

    def objects(self, words: Sequence[str], stdin: str = "") -> list[Any]:
        """What it prints with -o json, Lists taken apart."""
        found: list[Any] = []
        decoder, text = json.JSONDecoder(), self.run(_with(words, ["-o", "json"]), stdin).strip()
        while text:
            value, end = decoder.raw_decode(text)
            found += value["items"] if value["kind"] == "List" else [value]
            text = text[end:].strip()
        return found

    def manifest(self, name: str) -> str:
        """A file of ``manifests`` for this run."""
        return (MANIFESTS / name).read_text().replace("GROUP", self.group)


def _with(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Flags must stand before a ``--``."""
    place = words.index("--") if "--" in words else len(words)
    return [*words[:place], *flags, *words[place:]]


with_flags = _with


@dataclass(frozen=True)
class Ours:
    """The compiler and the dry-run writer on the same cluster."""

    kubectl: Kubectl
    reader: Reader
    dry: DryRunWriter
    writer: Writer

    async def steps(self, words: Sequence[str], stdin: str = "") -> tuple[Step, ...]:
        """What the command compiles to."""
        proposal = await compile_command(
            words,
            reader=self.reader,
            namespace=self.kubectl.namespace,
            stdin=stdin,
            read_file=local_files,
            now=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            suffix=lambda: "abcde",
        )
        return proposal.steps

    async def rehearsed(self, words: Sequence[str], stdin: str = "") -> list[Any]:
        """What the server would store."""
        return [await self.dry.send(step, Precondition()) for step in await self.steps(words, stdin)]

    async def done(self, words: Sequence[str], stdin: str = "") -> list[Any]:
        """Executed for real."""
        return [await self.writer.send(step, Precondition()) for step in await self.steps(words, stdin)]


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace with one of each kind of object that the commands change; it is deleted afterwards."""
    config = _kubeconfig()
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    run = uuid.uuid4().hex[:6]
    found = Kubectl(config, f"room-kubectl-{run}", f"k{run}.example.com")
    found.run(["create", "namespace", found.namespace])
    try:
        found.run(["apply", "--validate=false", "-f", "-"], found.manifest("definition.yaml"))
        found.run(["wait", "--for=condition=Established", f"crd/widgets.{found.group}", "--timeout=30s"])
        found.run(["apply", "--validate=false", "-f", "-"], found.manifest("objects.yaml"))
        for image in ("localhost:5000/pause:2", "localhost:5000/pause:3"):
            found.run(["set", "image", "deploy/web,sts/db,ds/agent".split(",")[0], f"main={image}"])
            found.run(["set", "image", "sts/db", f"main={image}"])
            found.run(["rollout", "status", "deploy/web", "--timeout=30s"])
            found.run(["rollout", "status", "sts/db", "--timeout=30s"])
        yield found
    finally:
        found.run(["delete", "namespace", found.namespace, "--wait=false"], check=False)
        found.run(["delete", "crd", f"widgets.{found.group}", "--wait=false"], check=False)


def _kubeconfig() -> str:
    path = os.environ.get("STRATUS_TEST_KUBECONFIG", "")
    if not path and SHARED.exists():
        path = subprocess.run([SHARED, "kubeconfig"], capture_output=True, text=True, check=False).stdout.strip()
    if not path or not Path(path).exists():
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")
    return path


@pytest.fixture
async def ours(kubectl: Kubectl) -> AsyncIterator[Ours]:
    """The compiler on the same cluster."""
    transport = connect(kubectl.config)
    reader = Reader(transport)
    yield Ours(kubectl, reader, DryRunWriter(transport, reader.discovery), Writer(transport, reader.discovery))
    await transport.close()


@pytest.fixture
def files(tmp_path: Path) -> Any:
    """Replaces FILE, ENV, CERT and KEY in a word by a path."""
    (tmp_path / "file.txt").write_text("some\ntext\n")
    (tmp_path / "env").write_text("# comment\nA=1\n\nB=two words\n")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x"]
    names = {"FILE": "file.txt", "ENV": "env", "CERT": "tls.crt", "KEY": "tls.key"}

    def replaced(word: str) -> str:
        flag, equals, value = word.rpartition("=")
        if value not in names:
            return word
        path = tmp_path / names[value]
        if not path.exists():
            keys = ["-keyout", str(tmp_path / "tls.key"), "-out", str(tmp_path / "tls.crt")]
            subprocess.run([*command, *keys], check=True, capture_output=True)
        return f"{flag}{equals}{path}"

    return replaced
