"""All nodes of the cluster: hands each pod to its node's kubelet, and answers what the API and the network ask of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratus.sandbox.api.core import Api
from stratus.sandbox.apps.process import ImageCatalogue, Network, Process
from stratus.sandbox.apps.shell import NOT_STARTED
from stratus.sandbox.backend import BackendError, ExecResult, LogOptions, Usage
from stratus.sandbox.node import logs
from stratus.sandbox.node.container import Container
from stratus.sandbox.node.kubelet import Kubelet
from stratus.sandbox.objects import Object, containers_of, name_of, namespace_of, spec_of
from stratus.sandbox.store import Change


class Nodes:
    """The kubelets by node name. A node without one (created by a client) stays without life, as in reality."""

    def __init__(self, api: Api, catalogue: ImageCatalogue, network: Network) -> None:
        self.api = api
        self.catalogue = catalogue
        self.network = network
        self.kubelets: dict[str, Kubelet] = {}

    def start(self) -> None:
        self.api.store.subscribe(self._pod_changed, "pods")
        self.api.store.subscribe(self._config_changed, "configmaps", "secrets")

    def add(self, name: str, capacity: Object | None = None) -> Kubelet:
        """Adds a node and starts its kubelet; `capacity` overrides cpu, memory, pods …"""
        kubelet = Kubelet(self.api, name, len(self.kubelets), self.catalogue, self.network, capacity)
        self.kubelets[name] = kubelet
        kubelet.start()
        return kubelet

    def running(self, namespace: str, pod: str, container: str) -> Process | None:
        """The process of a running container."""
        found = self._find(namespace, pod, container)
        return found.process if found is not None and found.running else None

    def logs(self, namespace: str, pod: str, options: LogOptions) -> str:
        """As backend.Backend.logs."""
        container = self._loggable(namespace, pod, options.container)
        return logs.text(container, pod, options, self.api.kernel.now())

    def log_since(self, namespace: str, pod: str, container: str, position: int) -> tuple[str, int, bool]:
        """As backend.Backend.log_since."""
        found = self._loggable(namespace, pod, container)
        return logs.since(found, pod, position)

    def exec(self, namespace: str, pod: str, container: str, argv: Sequence[str], stdin: str) -> ExecResult:
        """As backend.Backend.exec."""
        process = self.running(namespace, pod, container)
        if process is None:
            self._loggable(namespace, pod, container)
            raise BackendError(
                500, "InternalError", f'unable to upgrade connection: container not found ("{container}")'
            )
        result = ExecResult(*process.exec(tuple(argv), self.api.kernel.now(), stdin))
        if result.code == NOT_STARTED and not result.out:
            # only a command that ran has an exit code: this one failed to start
            started = "error executing command in container: failed to exec in container: failed to start exec"
            identity = f"{self.api.kernel.rng.getrandbits(256):064x}"
            text = f'Internal error occurred: {started} "{identity}": {result.err.strip()}'
            raise BackendError(500, "InternalError", text)
        return result

    def usage(self, pod: Object) -> Mapping[str, Usage]:
        """What each running container of the pod uses now, by container name."""
        now, found = self.api.kernel.now(), {}
        for spec in containers_of(spec_of(pod)):
            process = self.running(namespace_of(pod), name_of(pod), spec["name"])
            if process is not None:
                found[str(spec["name"])] = Usage(process.cpu(now), process.memory(now))
        return found

    def _find(self, namespace: str, pod: str, container: str) -> Container | None:
        stored = self.api.store.get("pods", namespace, pod)
        kubelet = self.kubelets.get(spec_of(stored).get("nodeName", "")) if stored else None
        worker = kubelet.workers.get((namespace, pod)) if kubelet else None
        if worker is None:
            return None
        return next((each for each in worker.containers if each.name == container), None)

    def _loggable(self, namespace: str, pod: str, container: str) -> Container:
        stored = self.api.store.get("pods", namespace, pod)
        if stored is None:
            raise BackendError(404, "NotFound", f'pods "{pod}" not found')
        node = spec_of(stored).get("nodeName")
        if not node:
            raise BackendError(400, "BadRequest", f"pod {pod} does not have a host assigned")
        kubelet = self.kubelets.get(node)
        if kubelet is None or kubelet.stopped:
            address = f"{kubelet.ip if kubelet else node}:10250"
            url = f"https://{address}/containerLogs/{namespace}/{pod}/{container}"
            message = f'Get "{url}": dial tcp {address}: connect: connection refused'
            raise BackendError(500, "InternalError", message)
        found = self._find(namespace, pod, container)
        if found is None:
            raise BackendError(400, "BadRequest", f"container {container} is not valid for pod {pod}")
        return found

    def _pod_changed(self, change: Change) -> None:
        kubelet = self.kubelets.get(spec_of(change.object).get("nodeName", ""))
        if kubelet is None:
            return
        if change.type == "DELETED":
            kubelet.pod_gone(change.object)
        else:
            kubelet.pod_changed(change.object)

    def _config_changed(self, change: Change) -> None:
        if change.type == "MODIFIED":
            for kubelet in self.kubelets.values():
                kubelet.config_changed(change)
