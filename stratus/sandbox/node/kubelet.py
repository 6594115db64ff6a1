"""The kubelet of one node: registers it, keeps its status and lease, and runs a worker for each pod bound to it."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.apps.process import ImageCatalogue, Network
from stratus.sandbox.kernel import Kernel, Timer
from stratus.sandbox.node.addresses import Addresses
from stratus.sandbox.node.backoff import Backoff
from stratus.sandbox.node.container import Container
from stratus.sandbox.node.environment import Resolver
from stratus.sandbox.node.images import NodeImages
from stratus.sandbox.node.pod import PodWorker
from stratus.sandbox.node.registration import Registration
from stratus.sandbox.node.volumes import Mounter
from stratus.sandbox.objects import Object, name_of, namespace_of, spec_of, uid_of
from stratus.sandbox.store import Change, Store

LOOK = 1.0  # seconds between two looks at processes that change with time (memory, late exits)
REFRESH = (5.0, 60.0)  # seconds until a changed ConfigMap or Secret reaches mounted files


class Kubelet:
    """One node's agent. It reacts only to its own pods, whatever the size of the cluster."""

    def __init__(
        self,
        api: Api,
        name: str,
        number: int,
        catalogue: ImageCatalogue,
        network: Network,
        capacity: Object | None = None,
    ) -> None:
        self.api = api
        self.store: Store = api.store
        self.kernel: Kernel = api.kernel
        self.name = name
        self.network = network
        self.ip = f"10.10.0.{number + 10}"
        self.addresses = Addresses(number)
        self.images = NodeImages(self.kernel, catalogue)
        self.restarts = Backoff()
        self.resolver = Resolver(self.store, lambda: self.store.get("nodes", "", name))
        self.mounter = Mounter(self.store, self.resolver)
        self.registration = Registration(self, number, capacity or {})
        self.workers: dict[tuple[str, str], PodWorker] = {}
        self.unsettled: dict[Container, None] = {}
        self.stopped = False
        self._look_timer: Timer | None = None

    def start(self) -> None:
        """Registers the node and begins to work."""
        self.registration.start()
        self._look()

    def stop(self) -> None:
        """The kubelet dies: its containers run on, but nobody reports on them. `resume` brings it back."""
        self.stopped = True
        self.registration.stop()

    def resume(self) -> None:
        self.stopped = False
        self.registration.start()
        for pod in self.store.list("pods"):
            if spec_of(pod).get("nodeName") == self.name:
                self.pod_changed(pod)
        for worker in list(self.workers.values()):
            current = self.store.get("pods", worker.namespace, worker.name)
            if current is None or uid_of(current) != uid_of(worker.pod):
                self._forget(worker)
            worker.request_status()

    def pod_changed(self, pod: Object) -> None:
        """A pod bound to this node is there or has changed."""
        if self.stopped:
            return
        key = (namespace_of(pod), name_of(pod))
        worker = self.workers.get(key)
        if worker is not None and uid_of(worker.pod) != uid_of(pod):
            self._forget(worker)
            worker = None
        if worker is None:
            worker = self.workers[key] = PodWorker(self, pod)
            worker.start()
        else:
            worker.update(pod)

    def pod_gone(self, pod: Object) -> None:
        if self.stopped:
            return
        worker = self.workers.get((namespace_of(pod), name_of(pod)))
        if worker is not None and uid_of(worker.pod) == uid_of(pod):
            self._forget(worker)

    def config_changed(self, change: Change) -> None:
        """A ConfigMap or Secret changed: pods that mount it see it with their next sync."""
        wanted = (change.resource, name_of(change.object))
        for worker in self.workers.values():
            if worker.namespace == namespace_of(change.object) and wanted in self.mounter.references(worker.pod):
                self.kernel.call_later(self.kernel.rng.uniform(*REFRESH), worker.refresh_files)

    def _forget(self, worker: PodWorker) -> None:
        worker.forget()
        self.workers.pop((worker.namespace, worker.name), None)

    def _look(self) -> None:
        for container in list(self.unsettled):
            if not container.check():
                self.unsettled.pop(container, None)
        self._look_timer = self.kernel.call_later(LOOK, self._look)
