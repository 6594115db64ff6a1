"""The assembly: an embedded cluster with its API, controllers, nodes, applications, monitoring and faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stratus.sandbox.api import Api
from stratus.sandbox.api.options import User
from stratus.sandbox.api.plugins import install
from stratus.sandbox.api.resources import CustomResources
from stratus.sandbox.apps.applications import application, furniture, resource_of
from stratus.sandbox.apps.images import Catalogue
from stratus.sandbox.backend import ExecResult, LogOptions, ProxyAnswer, Usage
from stratus.sandbox.bootstrap import bootstrap
from stratus.sandbox.controllers.assembly import Controllers
from stratus.sandbox.faults.injector import Faults
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.node.fleet import Nodes
from stratus.sandbox.node.scheduler import Scheduler
from stratus.sandbox.objects import is_pod_ready, spec_of, status_of
from stratus.sandbox.server.app import ApiServer
from stratus.sandbox.server.control import Control
from stratus.sandbox.server.http import Request, Response, parse_query
from stratus.sandbox.store import Object, Store
from stratus.sandbox.traffic.monitoring import Monitoring
from stratus.sandbox.traffic.network import ClusterNetwork
from stratus.sandbox.traffic.proxy import Proxy

if TYPE_CHECKING:
    from stratus.sandbox.api.plugins import Transport

SETTLE_STEP = 0.5  # seconds of virtual time between two looks at a condition


class NotReached(AssertionError):
    """A condition that was waited for did not come about in the given virtual time."""


class EmbeddedCluster:
    """A Kubernetes cluster in this process.

    Everything runs on one `Kernel`: with `virtual=True` time passes only in `advance`, otherwise run `kernel.run()` as
    a task of the event loop that serves `app`. `past` seconds of that real time are lived through in `start`, at once.
    `tokens` maps bearer tokens to users; without any, every request is the administrator's.
    """

    def __init__(
        self, *, seed: int = 0, virtual: bool = False, nodes: int = 2, applications: Sequence[str] = ("hotel",),
        past: float = 0.0, tokens: Mapping[str, User] | None = None, root_ca: str = "",
        webhook_transport: Transport | None = None,
    ) -> None:  # fmt: skip
        start = time.time() - past if past else None
        self.kernel = Kernel(seed=seed, start=start, virtual=virtual or past > 0)
        self._past = past
        self.store = Store()
        self.api = Api(self.store, self.kernel)
        install(self.api, transport=webhook_transport)
        self._node_count = nodes
        self._applications = tuple(applications)
        self.network = ClusterNetwork(self.store, self.kernel)
        self.nodes = Nodes(self.api, Catalogue(), self.network)
        self.network.attach(self.nodes)
        self.backend = _Backend(self.nodes, self.network)
        self.monitoring = Monitoring(self.kernel, self.store, self.network)
        self.faults = Faults(self.api)
        self.on_stop: Callable[[], None] = lambda: None
        """Set by whoever serves the cluster: what happens when somebody asks for its end."""
        control = Control(self.faults, lambda: self.on_stop())
        settle = self._settle if self.kernel.virtual else None
        self.server = ApiServer(self.api, self.backend, self.monitoring, tokens=tokens, settle=settle, control=control)
        self.app = self.server
        self._custom = CustomResources(self.api, self.server.custom_schemas)
        self._controllers = Controllers(self.api, self.backend.usage, root_ca)
        self.scheduler = Scheduler(self.api)
        self.started = False

    def start(self) -> None:
        """Bring the cluster to life and create its applications; they become healthy as time passes."""
        if self.started:
            return
        self.started = True
        self._controllers.start()
        self.nodes.start()
        self.scheduler.start()
        bootstrap(self.api)
        for number in range(self._node_count):
            self.nodes.add(f"node-{number + 1}")
        self.kernel.settle()
        self.create(furniture())
        for name in self._applications:
            self.create(application(name))
        self.monitoring.start()
        self.kernel.settle()
        if self._past:
            self.kernel.advance(self._past)
            self.kernel.go_live()

    def _settle(self) -> None:
        if self.kernel.virtual:
            self.kernel.settle()

    def create(self, objects: Sequence[Object]) -> None:
        """Create objects in order; raises ApiError."""
        for obj in objects:
            self.api.create(resource_of(obj), obj["metadata"].get("namespace", ""), obj, manager="kubectl-create")
            if obj["kind"] == "Namespace":
                self.kernel.settle()

    def request(
        self, method: str, path: str, query: str = "", body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        """One request to the server, in process and without sockets (no watches, no exec)."""
        lowered = {key.lower(): value for key, value in (headers or {}).items()}
        return self.server.handle(Request(method, path, parse_query(query), lowered, body))

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.kernel.advance(seconds)

    def until(self, condition: Callable[[], Any], seconds: float = 120.0) -> float:
        """Let virtual time pass until `condition()` is true; returns the seconds taken. Raises NotReached."""
        start = self.kernel.now()
        self.kernel.settle()
        while not condition():
            if self.kernel.now() - start >= seconds:
                raise NotReached(f"not within {seconds} s of virtual time")
            self.kernel.advance(SETTLE_STEP)
        return self.kernel.now() - start

    def settle(self, seconds: float = 120.0) -> float:
        """Let virtual time pass until every workload is as desired; returns the seconds taken."""
        return self.until(self.healthy, seconds)

    def healthy(self, namespace: str = "") -> bool:
        """Whether every Deployment and StatefulSet is observed and fully ready, and every active pod too."""
        for resource in ("deployments.apps", "statefulsets.apps"):
            if not all(_is_settled(obj) for obj in self.store.list(resource, namespace)):
                return False
        pods = [pod for pod in self.store.list("pods", namespace) if status_of(pod).get("phase") != "Succeeded"]
        return all(is_pod_ready(pod) for pod in pods)


def _is_settled(workload: Object) -> bool:
    status, wanted = status_of(workload), spec_of(workload).get("replicas", 1)
    if status.get("observedGeneration", 0) < workload["metadata"]["generation"]:
        return False
    updated = status.get("updatedReplicas", 0)
    return bool(wanted == status.get("readyReplicas", 0) == status.get("replicas", 0) == updated)


class _Backend:
    """The nodes and the network as the API server sees them."""

    def __init__(self, nodes: Nodes, network: ClusterNetwork) -> None:
        self._nodes = nodes
        self._proxy = Proxy(network)

    def logs(self, namespace: str, pod: str, options: LogOptions) -> str:
        return self._nodes.logs(namespace, pod, options)

    def log_since(self, namespace: str, pod: str, container: str, position: int) -> tuple[str, int, bool]:
        return self._nodes.log_since(namespace, pod, container, position)

    def exec(self, namespace: str, pod: str, container: str, argv: tuple[str, ...], stdin: str) -> ExecResult:
        return self._nodes.exec(namespace, pod, container, argv, stdin)

    def usage(self, pod: Object) -> Mapping[str, Usage]:
        return self._nodes.usage(pod)

    def proxy(
        self, kind: str, namespace: str, name: str, port: str, method: str, path: str, headers: Mapping[str, str]
    ) -> ProxyAnswer:
        return self._proxy.request(kind, namespace, name, port, path, headers)
