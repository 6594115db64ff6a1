"""A container's surroundings without a node: a kernel in virtual time and a network that a test scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stratus.sandbox.apps.images import Catalogue
from stratus.sandbox.apps.process import Batch, ContainerContext, NetworkError, Process, Reply, StartFailure
from stratus.sandbox.kernel import Kernel

Handler = Callable[[Batch], Sequence[Reply]]
UNKNOWN = "<urlopen error [Errno -2] Name or service not known>"


class ScriptedNetwork:
    """Hosts by name; what is not listed does not resolve."""

    def __init__(self, hosts: Mapping[str, Handler] | None = None) -> None:
        self.hosts: dict[str, Handler] = dict(hosts or {})
        self.sent: list[tuple[str, int, Batch]] = []

    def resolve(self, host: str) -> tuple[str, ...]:
        if host not in self.hosts:
            raise NetworkError(UNKNOWN)
        return ("10.96.0.1",)

    def send(self, host: str, port: int, batch: Batch) -> Sequence[Reply]:
        self.sent.append((host, port, batch))
        if host not in self.hosts:
            return [Reply(batch.count, 0, "", 0.0, UNKNOWN)]
        return self.hosts[host](batch)

    def connect(self, host: str, port: int) -> None:
        self.resolve(host)

    def route(self, host: str, path: str) -> tuple[str, int]:
        raise NetworkError("404 page not found")


def ok(batch: Batch) -> Sequence[Reply]:
    return [Reply(batch.count, 200, "ok\n", 0.001)]


class Box:
    """One container, started from the catalogue."""

    def __init__(
        self,
        image: str = "localhost:5000/service:1.0",
        env: Mapping[str, str] | None = None,
        *,
        files: dict[str, str] | None = None,
        command: Sequence[str] | None = None,
        args: Sequence[str] = (),
        resources: dict[str, Any] | None = None,
        network: ScriptedNetwork | None = None,
    ) -> None:
        self.kernel = Kernel(virtual=True)
        self.network = network or ScriptedNetwork()
        self.files = files if files is not None else {}
        self.changes = 0
        container: dict[str, Any] = {"name": "main", "image": image, "resources": resources or {}}
        if command is not None:
            container["command"] = list(command)
        context = ContainerContext(
            namespace="test",
            pod={"metadata": {"name": "pod-1", "namespace": "test", "labels": {}}, "spec": {"containers": [container]}},
            container=container,
            env=dict(env or {}),
            files=self.files,
            argv=(*(command or ()), *args),
            started=self.kernel.now(),
            network=self.network,
            clock=self.kernel,
            changed=self._changed,
            seed=7,
        )
        pulled = Catalogue().pull(image)
        self.started: Process | StartFailure = pulled.start(context)  # type: ignore[union-attr]

    def _changed(self) -> None:
        self.changes += 1

    @property
    def process(self) -> Process:
        assert not isinstance(self.started, StartFailure)
        return self.started

    def run(self, seconds: float = 1.0) -> Process:
        self.kernel.advance(seconds)
        return self.process

    def get(self, path: str = "/request", port: int = 8080, headers: Mapping[str, str] | None = None) -> Any:
        return self.process.http(port, path, headers or {}, self.kernel.now())

    def log(self) -> str:
        return "\n".join(text for _, text in self.process.logs())
