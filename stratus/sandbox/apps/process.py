"""The seam between the node (which runs containers) and the images (which say what a container's process does).

The kubelet pulls an `Image` from the `ImageCatalogue`, starts it with a `ContainerContext` and owns the `Process` that
comes back: it watches `exits`, `memory` and the probes' answers, and stops it. Nothing here looks at faults: a process
sees only what a real one sees, which is its arguments, environment, files, limits and the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Headers = Mapping[str, str]
NO_HEADERS: Headers = {}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP reply; `seconds` is how long the caller waited for it."""

    status: int
    body: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of a process: at cluster time `at` (seconds since the epoch) with exit status `code`."""

    at: float
    code: int


class NetworkError(Exception):
    """A call that got no HTTP answer; `str()` is the text that Python's urllib gives, `seconds` the time lost."""

    def __init__(self, message: str, seconds: float = 0.0) -> None:
        super().__init__(message)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer that `count` of the requests of one batch got; `error` stands for no HTTP answer at all."""

    count: int
    status: int
    body: str
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One Prometheus series' value; `labels` in the order in which they are printed."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Batch:
    """`count` equal requests arriving together: load is simulated in batches, a single request is a batch of one."""

    path: str = "/request"
    headers: Headers = field(default_factory=dict)
    count: int = 1
    timeout: float = 2.0


class PodNetwork(Protocol):
    """The network as one pod sees it: its DNS policy, and the NetworkPolicies that select it."""

    def resolve(self, host: str) -> tuple[str, ...]:
        """The addresses of a DNS name. Raises NetworkError as the resolver fails."""
        ...

    def send(self, host: str, port: int, batch: Batch) -> Sequence[Reply]:
        """Sends the batch; the replies' counts add up to the batch's. Never raises: failures are replies with `error`."""
        ...

    def connect(self, host: str, port: int) -> None:
        """Opens and closes a TCP connection. Raises NetworkError."""
        ...

    def route(self, host: str, path: str) -> tuple[str, int]:
        """The Service (DNS name, port) that the cluster's Ingress objects give a URL. Raises NetworkError: no rule."""
        ...


class Network(Protocol):
    """The cluster's network; the kubelet takes each container's view of it."""

    def view(self, pod: dict[str, Any]) -> PodNetwork:
        """The network as this pod sees it."""
        ...


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The part of the kernel that a process may use (stratus.sandbox.kernel.Kernel satisfies it)."""

    def now(self) -> float: ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer: ...


@dataclass(frozen=True)
class ContainerContext:
    """What a container is started with.

    `env` is as resolved at start and never changes; `files` is a live mapping from absolute path to text, which the
    kubelet keeps in step with mounted ConfigMaps and Secrets (subPath mounts stay as they were). `changed` is to be
    called by the process when `exits`, `memory`, `listening` or an answer to a probe has become different for another
    reason than the passage of time; the kubelet then looks again.
    """

    namespace: str
    pod: dict[str, Any]
    container: dict[str, Any]
    env: Mapping[str, str]
    files: Mapping[str, str]
    argv: tuple[str, ...]  # command + args of the container; empty: the image's own entry point
    started: float
    network: PodNetwork
    clock: Clock
    changed: Callable[[], None] = lambda: None
    seed: int = 0  # for the process's own random numbers, different for every container


class Process(Protocol):
    """A running container."""

    @property
    def exits(self) -> Exit | None:
        """When and how it ends by itself; None as far as known: it runs until stopped. May appear later (`changed`)."""
        ...

    def settled(self, now: float) -> bool:
        """True: with time alone neither listeners nor probe answers nor memory change; changes come by `changed`."""
        ...

    def memory(self, now: float) -> int:
        """Bytes in use. Above limits.memory the kubelet kills the container (137, OOMKilled)."""
        ...

    def cpu(self, now: float) -> float:
        """Cores in use, averaged over the last seconds."""
        ...

    def listening(self, now: float) -> frozenset[int]:
        """TCP ports with a listener."""
        ...

    def http(self, port: int, path: str, headers: Headers, now: float) -> HttpAnswer:
        """One GET on a listening port, for probes and the service proxy. Raises NetworkError (connection refused)."""
        ...

    def samples(self, now: float) -> Sequence[Sample]:
        """What GET /metrics shows, for the scraper; empty when the image exports nothing."""
        ...

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        """A batch of requests on a port. Never raises."""
        ...

    def logs(self) -> Sequence[tuple[float, str]]:
        """(cluster time, line), oldest first; stays readable after the end (previous logs)."""
        ...

    def exec(self, argv: Sequence[str], now: float, stdin: str = "") -> tuple[int, str, str]:
        """Runs a command inside: (exit status, stdout, stderr); 126/127 as a container runtime reports them."""
        ...

    def stop(self) -> None:
        """SIGTERM/SIGKILL: cancels its timers; afterwards it listens on nothing and sends nothing."""
        ...


@dataclass(frozen=True, slots=True)
class PullFailure:
    """Why an image cannot be had. `reason` is InvalidImageName or ErrImagePull, `message` the runtime's own words."""

    reason: str
    message: str
    seconds: float = 0.3


@dataclass(frozen=True, slots=True)
class StartFailure:
    """The runtime could not start the process: waiting reason RunContainerError, or terminated StartError with `code`."""

    reason: str
    message: str
    code: int = 128


class Image(Protocol):
    @property
    def size(self) -> int:
        """Bytes, for pull events and node status."""
        ...

    @property
    def pull_seconds(self) -> float:
        """How long the first pull on a node takes; 0 when the image is present on every node."""
        ...

    @property
    def user(self) -> int:
        """Numeric user of the image; 0 is root (runAsNonRoot: CreateContainerConfigError)."""
        ...

    def start(self, context: ContainerContext) -> Process | StartFailure: ...


class ImageCatalogue(Protocol):
    def pull(self, image: str) -> Image | PullFailure:
        """The image of a reference as written in a pod spec."""
        ...
