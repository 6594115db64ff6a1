"""The cluster network: name → Service → ready endpoint → NetworkPolicy → the process that listens.

Nothing is decided by labels or flags here; each hop asks the objects and processes that are there. What does not change
between two writes (Service and pod by address) is kept in indices that follow the store's changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from stratus.sandbox.apps.infrastructure import CoreDns
from stratus.sandbox.apps.process import Batch, Clock, NetworkError, Process, Reply
from stratus.sandbox.objects import name_of, namespace_of
from stratus.sandbox.store import Change, Store
from stratus.sandbox.traffic.dns import ClusterDns, is_address
from stratus.sandbox.traffic.ingress import route
from stratus.sandbox.traffic.policy import POLICIES, Policies

Object = dict[str, Any]
REFUSED = "<urlopen error [Errno 111] Connection refused>"
TIMED_OUT = "<urlopen error timed out>"
MAX_HOPS = 24  # a call cycle ends in time-outs once the callers' patience is spent
WIRE_SECONDS = 0.0005  # one hop inside the cluster


class Processes(Protocol):
    """The nodes, as the network needs them."""

    def running(self, namespace: str, pod: str, container: str) -> Process | None:
        """The process of a running container."""


class NoProcesses:
    """Nothing runs; stands in until the nodes are attached."""

    def running(self, namespace: str, pod: str, container: str) -> Process | None:
        return None


class ClusterNetwork:
    """All pods' network."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.policies = Policies(store)
        self.dns = ClusterDns(store, self._dns_servers)
        self._processes: Processes = NoProcesses()
        self._services: dict[str, Object] = {}
        self._pods: dict[str, Object] = {}
        self._turns: dict[tuple[str, int], int] = {}
        self._hops = 0
        self._names: dict[tuple[str, str], tuple[tuple[str, ...], list[CoreDns]]] = {}
        self._routes: dict[tuple[str, int], list[tuple[str, int]]] = {}
        self._paths: dict[tuple[str, str, int], Process] = {}
        for resource in ("services", "pods"):
            for obj in store.list(resource):
                self._learn(resource, obj)
        store.subscribe(self._on_change, "services", "pods")
        store.subscribe(self._forget_paths, "services", "pods", "endpoints", POLICIES, "namespaces")

    def attach(self, processes: Processes) -> None:
        """Connects the nodes' processes."""
        self._processes = processes

    def view(self, pod: Object) -> View:
        """The network as one pod sees it."""
        return View(self, pod)

    def current(self, pod: Object) -> Object:
        """The pod as it is stored now (labels and address may have changed), or as given when it is gone."""
        return self.store.get("pods", namespace_of(pod), name_of(pod)) or pod

    def send(self, source: Object | None, host: str, port: int, batch: Batch) -> Sequence[Reply]:
        """Sends a batch by name or address; failures are replies with `error`."""
        if self._hops >= MAX_HOPS:
            return [Reply(batch.count, 0, "", batch.timeout, "timed out")]
        self._hops += 1
        try:
            addresses = self.resolve(host, source) if source is not None else (host,)
            replies: list[Reply] = []
            for (address, target_port), count in self._spread(addresses, port, batch.count):
                part = batch if count == batch.count else Batch(batch.path, batch.headers, count, batch.timeout)
                replies += self._deliver(source, address, target_port, part)
            return replies
        except NetworkError as error:
            return [Reply(batch.count, 0, "", error.seconds, str(error))]
        finally:
            self._hops -= 1

    def resolve(self, host: str, source: Object) -> tuple[str, ...]:
        """The addresses of a name as a pod sees it. Raises NetworkError.

        An answer is kept until an object changes, as long as the DNS server that gave it still answers.
        """
        key = (source["metadata"]["uid"], host)
        known = self._names.get(key)
        if known is not None and all(53 in server.listening(0.0) for server in known[1]):
            return known[0]
        addresses = self.dns.resolve(host, source)
        self._names[key] = (addresses, [] if is_address(host) else self._dns_servers(source)[:1])
        return addresses

    def connect(self, source: Object, host: str, port: int) -> None:
        """Opens a TCP connection. Raises NetworkError."""
        addresses = self.resolve(host, source)
        for (address, target_port), _ in self._spread(addresses, port, 1):
            self._reach(source, address, target_port, 2.0)

    def endpoints(self, service: Object, port: Object) -> list[tuple[str, int]]:
        """Ready (address, port) pairs behind one port of a Service, as its Endpoints object lists them."""
        found = self.store.get("endpoints", namespace_of(service), name_of(service)) or {}
        return [
            (address["ip"], int(entry["port"]))
            for subset in found.get("subsets") or ()
            for entry in subset.get("ports") or ()
            if entry.get("name", "") == port.get("name", "")
            for address in subset.get("addresses") or ()
        ]

    def pod_at(self, address: str) -> Object | None:
        """The running pod that has an address."""
        return self._pods.get(address)

    def listener(self, pod: Object, port: int) -> Process | None:
        """The process of the pod that listens on a port."""
        now = self.clock.now()
        return next((process for process in self.processes_of(pod) if port in process.listening(now)), None)

    def processes_of(self, pod: Object) -> Iterator[Process]:
        """The running processes of a pod, sidecars included."""
        spec = pod["spec"]
        for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
            process = self._processes.running(namespace_of(pod), name_of(pod), container["name"])
            if process is not None:
                yield process

    def _spread(self, addresses: Sequence[str], port: int, count: int) -> list[tuple[tuple[str, int], int]]:
        """Which backends get how many of the requests. Raises NetworkError when there is none."""
        backends = self._routes.get((addresses[0], port))
        if backends is None:
            service = self._services.get(addresses[0])
            if service is None:
                backends = [(address, port) for address in addresses]
            else:
                backends = self._routes[(addresses[0], port)] = self._backends(service, port)
        if len(backends) == 1:
            return [(backends[0], count)]
        share, rest = divmod(count, len(backends))
        turn = self._turns.get((addresses[0], port), 0)
        self._turns[(addresses[0], port)] = turn + rest
        counts = [share] * len(backends)
        for index in range(rest):
            counts[(turn + index) % len(backends)] += 1
        return [(backend, number) for backend, number in zip(backends, counts, strict=True) if number]

    def _backends(self, service: Object, port: int) -> list[tuple[str, int]]:
        entry = next((p for p in service["spec"].get("ports") or () if p["port"] == port), None)
        if entry is None:
            raise NetworkError(TIMED_OUT, 2.0)  # kube-proxy has no rule for that port: the packets go nowhere
        backends = self.endpoints(service, entry)
        if not backends:
            raise NetworkError(REFUSED, 0.001)  # kube-proxy rejects a Service without endpoints
        return backends

    def _deliver(self, source: Object | None, address: str, port: int, batch: Batch) -> Sequence[Reply]:
        try:
            process = self._reach(source, address, port, batch.timeout)
        except NetworkError as error:
            return [Reply(batch.count, 0, "", error.seconds, str(error))]
        replies = process.serve(port, batch, self.clock.now())
        return [Reply(r.count, r.status, r.body, r.seconds + WIRE_SECONDS, r.error) for r in replies]

    def _reach(self, source: Object | None, address: str, port: int, patience: float) -> Process:
        """The process behind an address and port. Raises NetworkError as a TCP connect fails."""
        key = ("" if source is None else source["metadata"]["uid"], address, port)
        known = self._paths.get(key)
        if known is not None and port in known.listening(self.clock.now()):
            return known
        process = self._paths[key] = self._connect(source, address, port, patience)
        return process

    def _connect(self, source: Object | None, address: str, port: int, patience: float) -> Process:
        pod = self._pods.get(address)
        if pod is None:
            raise NetworkError(TIMED_OUT, patience)
        if not self.policies.allows(source, pod, port):
            raise NetworkError(TIMED_OUT, patience)
        process = self.listener(pod, port)
        if process is None:
            raise NetworkError(REFUSED, 0.001)
        return process

    def _dns_servers(self, source: Object) -> list[CoreDns]:
        """CoreDNS processes behind kube-dns that the pod may ask."""
        service = self.store.get("services", "kube-system", "kube-dns")
        if service is None:
            return []
        found = []
        for address, port in self.endpoints(service, {"name": "dns"}):
            pod = self._pods.get(address)
            if pod is None or not self.policies.allows(source, pod, port, "UDP"):
                continue
            found += [process for process in self.processes_of(pod) if isinstance(process, CoreDns)]
        return found

    def _forget_paths(self, change: Change) -> None:
        """Something that decides over paths has changed: look at everything anew."""
        self._names.clear()
        self._routes.clear()
        self._paths.clear()

    def _on_change(self, change: Change) -> None:
        if change.previous is not None:
            self._forget(change.resource, change.previous)
        if change.type != "DELETED":
            self._learn(change.resource, change.object)

    def _learn(self, resource: str, obj: Object) -> None:
        if resource == "services":
            address = obj["spec"].get("clusterIP")
            if address and address != "None":
                self._services[address] = obj
            return
        status = obj.get("status") or {}
        if status.get("podIP") and status.get("phase") in ("Running", "Pending"):
            if not obj["spec"].get("hostNetwork"):
                self._pods[status["podIP"]] = obj

    def _forget(self, resource: str, obj: Object) -> None:
        index = self._services if resource == "services" else self._pods
        address = obj["spec"].get("clusterIP") if resource == "services" else (obj.get("status") or {}).get("podIP")
        known = index.get(address or "")
        if known is not None and known["metadata"]["uid"] == obj["metadata"]["uid"]:
            del index[str(address)]


class View:
    """The network as one pod sees it."""

    def __init__(self, network: ClusterNetwork, pod: Object) -> None:
        self._network = network
        self._pod = pod

    def resolve(self, host: str) -> tuple[str, ...]:
        return self._network.resolve(host, self._network.current(self._pod))

    def send(self, host: str, port: int, batch: Batch) -> Sequence[Reply]:
        return self._network.send(self._network.current(self._pod), host, port, batch)

    def connect(self, host: str, port: int) -> None:
        self._network.connect(self._network.current(self._pod), host, port)

    def route(self, host: str, path: str) -> tuple[str, int]:
        return route(self._network.store, host, path)
