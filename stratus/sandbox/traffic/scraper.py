"""Prometheus' scraping of pods: the same discovery as on the real cluster, a running pod's first declared port.

Container metrics (CPU, memory, throttling), which the kubelet's cAdvisor exports in reality, are taken on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stratus.sandbox.apps.process import Process, Sample
from stratus.sandbox.apps.service import ServiceProcess
from stratus.sandbox.objects import labels_of, name_of, namespace_of
from stratus.sandbox.store import Change, Store
from stratus.sandbox.traffic.network import ClusterNetwork
from stratus.sandbox.traffic.series import Database, Series

Object = dict[str, Any]
Identity = tuple[str, tuple[tuple[str, str], ...]]


class Target:
    """One scraped pod and the series it has exported."""

    def __init__(self, pod: Object, port: int) -> None:
        self.pod = pod
        self.port = port
        self.labels = {
            "app": labels_of(pod).get("app", ""),
            "instance": f"{pod['status']['podIP']}:{port}",
            "job": "pods",
            "namespace": namespace_of(pod),
            "pod": name_of(pod),
        }
        if not self.labels["app"]:
            del self.labels["app"]
        self.series: dict[Identity, Series] = {}


class PodScraper:
    """Scrapes every running pod that declares a port."""

    def __init__(self, store: Store, network: ClusterNetwork, database: Database) -> None:
        self._network = network
        self._database = database
        self._targets: dict[str, Target] = {}
        self._gone: list[Target] = []
        for pod in store.list("pods"):
            self._update(pod)
        store.subscribe(self._on_change, "pods")

    def scrape(self, at: float) -> None:
        """One round over all targets."""
        for target in self._gone:
            for series in target.series.values():
                self._database.vanish(at, series)
        self._gone.clear()
        for target in self._targets.values():
            self._scrape(at, target)

    def targets(self) -> list[dict[str, str]]:
        """The labels of what is scraped, for /api/v1/targets."""
        return [target.labels for target in self._targets.values()]

    def _scrape(self, at: float, target: Target) -> None:
        process = self._network.listener(target.pod, target.port)
        seen: set[Identity] = set()
        rows = [] if process is None else [*process.samples(at), *_container(target.pod, process, at)]
        for row in [Sample("up", (), float(process is not None)), *rows]:
            identity = (row.name, row.labels)
            seen.add(identity)
            series = target.series.get(identity)
            if series is None:
                labels = {**dict(row.labels), **target.labels}
                target.series[identity] = self._database.record(at, row.name, labels, row.value)
            else:
                self._database.set(at, series, row.value)
        if len(seen) < len(target.series):
            for identity in set(target.series) - seen:
                self._database.vanish(at, target.series[identity])

    def _on_change(self, change: Change) -> None:
        if change.type == "DELETED":
            self._drop(change.object["metadata"]["uid"])
        else:
            self._update(change.object)

    def _update(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        status = pod.get("status") or {}
        port = next(_ports(pod), None)
        if status.get("phase") != "Running" or not status.get("podIP") or port is None:
            return self._drop(uid)
        known = self._targets.get(uid)
        if known is None:
            self._targets[uid] = Target(pod, port)
        else:
            known.pod = pod

    def _drop(self, uid: str) -> None:
        target = self._targets.pop(uid, None)
        if target is not None:
            self._gone.append(target)


def _ports(pod: Object) -> Iterator[int]:
    for container in pod["spec"]["containers"]:
        for port in container.get("ports") or ():
            yield int(port["containerPort"])


def _container(pod: Object, process: Process, at: float) -> Iterator[Sample]:
    if not isinstance(process, ServiceProcess):
        return
    container = (("container", str(process.context.container["name"])),)
    meter = process.meter
    yield Sample("container_cpu_usage_seconds_total", container, round(meter.total, 6))
    yield Sample("container_memory_working_set_bytes", container, float(process.memory(at)))
    if meter.limit:
        yield Sample("container_cpu_cfs_periods_total", container, round(meter.periods, 3))
        yield Sample("container_cpu_cfs_throttled_periods_total", container, round(meter.throttled, 3))
