"""A network over a bare store: objects are put in as controllers would leave them, processes are scripted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus.sandbox.apps.images import Catalogue
from stratus.sandbox.apps.process import Batch, ContainerContext, Process, Reply, StartFailure
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.store import Store
from stratus.sandbox.traffic.network import ClusterNetwork

COREFILE = ".:53 {\n    kubernetes cluster.local {\n    }\n}\n"


class Net:
    """Pods, Services and endpoints in a store, and a process for each pod."""

    def __init__(self, *, dns: bool = True) -> None:
        self.kernel = Kernel(virtual=True)
        self.store = Store()
        self.network = ClusterNetwork(self.store, self.kernel)
        self.network.attach(self)
        self.processes: dict[tuple[str, str], Process] = {}
        self._addresses = 10
        self.namespace("kube-system")
        self.namespace("shop")
        if dns:
            corefile = {"/etc/coredns/Corefile": COREFILE}
            self.pod("coredns", "kube-system", image="registry.k8s.io/coredns/coredns:v1.11.1", files=corefile)
            self.service("kube-dns", "kube-system", 53, 53, ["coredns"], name="dns", protocol="UDP")
            self.kernel.advance(1)

    def running(self, namespace: str, pod: str, container: str) -> Process | None:
        return self.processes.get((namespace, pod))

    def namespace(self, name: str) -> None:
        self.store.put(
            "namespaces", {"metadata": {"name": name, "uid": name, "labels": {"kubernetes.io/metadata.name": name}}}
        )

    def pod(
        self,
        name: str,
        namespace: str = "shop",
        *,
        image: str = "localhost:5000/service:1.0",
        env: dict[str, str] | None = None,
        files: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        **spec: Any,
    ) -> dict[str, Any]:
        self._addresses += 1
        container = {"name": "main", "image": image}
        obj = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"{namespace}/{name}",
                "labels": labels or {"app": name},
            },
            "spec": {"containers": [container], **spec},
            "status": {"phase": "Running", "podIP": f"10.244.0.{self._addresses}"},
        }
        stored = self.store.put("pods", obj)
        context = ContainerContext(
            namespace,
            stored,
            container,
            env or {},
            files or {},
            (),
            self.kernel.now(),
            self.network.view(stored),
            self.kernel,
        )
        started = Catalogue().pull(image).start(context)  # type: ignore[union-attr]
        assert not isinstance(started, StartFailure)
        self.processes[(namespace, name)] = started
        return stored

    def service(
        self,
        service: str,
        namespace: str,
        port: int,
        target: int,
        pods: Sequence[str],
        *,
        name: str = "",
        protocol: str = "TCP",
    ) -> None:
        self._addresses += 1
        spec = {
            "clusterIP": f"10.96.0.{self._addresses}",
            "ports": [{"name": name, "port": port, "targetPort": target, "protocol": protocol}],
        }
        metadata = {"name": service, "namespace": namespace, "uid": f"service/{service}"}
        self.store.put("services", {"metadata": metadata, "spec": spec})
        addresses = [{"ip": self.address(pod, namespace)} for pod in pods]
        ports = [{"name": name, "port": target} if name else {"port": target}]
        subsets = [{"addresses": addresses, "ports": ports}] if addresses else []
        self.store.put("endpoints", {"metadata": {"name": service, "namespace": namespace}, "subsets": subsets})

    def address(self, pod: str, namespace: str = "shop") -> str:
        found = self.store.get("pods", namespace, pod)
        assert found is not None
        return str(found["status"]["podIP"])

    def send(self, source: str, host: str, port: int, count: int = 1) -> Sequence[Reply]:
        pod = self.store.get("pods", "shop", source)
        assert pod is not None
        return self.network.view(pod).send(host, port, Batch(count=count))

    def error(self, source: str, host: str, port: int) -> str:
        """The error of one call, or its status."""
        reply = self.send(source, host, port)[0]
        return reply.error or str(reply.status)
