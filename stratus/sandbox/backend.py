"""What the API server asks of the nodes, the cluster network and the monitoring: the seam to the other rooms.

Logs, exec, the service proxy and resource usage come from running processes, which the API room does not know. The
assembly hands it a `Backend`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stratus.sandbox.store import Object


@dataclass(frozen=True, slots=True)
class LogOptions:
    """The query parameters of a pod's log; None means without that limit."""

    container: str
    previous: bool = False
    tail_lines: int | None = None
    since_seconds: float | None = None
    limit_bytes: int | None = None
    timestamps: bool = False


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What a command in a container left: its exit code and its output."""

    code: int
    out: str = ""
    err: str = ""


@dataclass(frozen=True, slots=True)
class ProxyAnswer:
    """An HTTP answer that came through the API server's proxy; `seconds` is how long it took in cluster time."""

    status: int
    body: bytes
    seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container, or a node, uses now: CPU in cores, memory in bytes."""

    cpu: float
    memory: int


class BackendError(Exception):
    """The node or the network could not serve the request; the API server answers with this as a Status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class Backend(Protocol):
    """Running containers and the network between them, as the API's subresources need them."""

    def logs(self, namespace: str, pod: str, options: LogOptions) -> str:
        """The container's log text; raises BackendError as the kubelet answers (400 while it waits to start)."""

    def log_since(self, namespace: str, pod: str, container: str, position: int) -> tuple[str, int, bool]:
        """For `logs -f`: text after `position` (start with 0), the new position, and whether the container has ended.

        The position counts lines of the present container instance.
        """

    def exec(self, namespace: str, pod: str, container: str, argv: tuple[str, ...], stdin: str) -> ExecResult:
        """Run a command in a container; raises BackendError when it does not run."""

    def proxy(
        self, kind: str, namespace: str, name: str, port: str, method: str, path: str, headers: Mapping[str, str]
    ) -> ProxyAnswer:
        """A request to a Service, Pod or Node (`kind` is the plural), as the API server's proxy makes it.

        `port` is a name, a number or empty for the only one. Raises BackendError: 404 when the object is absent, 503
        "no endpoints available for service …" when none is ready, 502 when nothing answers.
        """

    def usage(self, pod: Object) -> Mapping[str, Usage]:
        """What each running container of the pod uses now, by container name; empty when none runs."""


class Monitoring(Protocol):
    """Prometheus and Alertmanager, as far as their HTTP APIs are asked."""

    def http(self, method: str, path: str, query: Mapping[str, list[str]], body: bytes) -> ProxyAnswer:
        """Answer a request whose path starts with /prometheus/ or /alertmanager/."""
