"""kube-state-metrics: series derived from objects. Only objects that changed since the last scrape are looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stratus.sandbox.objects import name_of, namespace_of
from stratus.sandbox.store import Change, Key, Store
from stratus.sandbox.traffic.series import Database, Series

Object = dict[str, Any]
Row = tuple[str, dict[str, str], float]
TARGET = {"instance": "127.0.0.1:39180", "job": "objects"}


def _workload(kind: str, wanted: str, ready: str, metric: str) -> Callable[[Object], Iterator[Row]]:
    def rows(obj: Object) -> Iterator[Row]:
        labels = {"namespace": namespace_of(obj), kind: name_of(obj)}
        status = obj.get("status") or {}
        yield f"kube_{kind}_spec_replicas", labels, float(obj["spec"].get(wanted, 1))
        yield f"kube_{kind}_status_replicas_{metric}", labels, float(status.get(ready, 0))

    return rows


def _daemonset(obj: Object) -> Iterator[Row]:
    labels = {"namespace": namespace_of(obj), "daemonset": name_of(obj)}
    status = obj.get("status") or {}
    yield "kube_daemonset_status_desired_number_scheduled", labels, float(status.get("desiredNumberScheduled", 0))
    yield "kube_daemonset_status_number_ready", labels, float(status.get("numberReady", 0))


def _pod(obj: Object) -> Iterator[Row]:
    labels = {"namespace": namespace_of(obj), "pod": name_of(obj)}
    status = obj.get("status") or {}
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ())
    yield "kube_pod_status_ready", {**labels, "condition": "true"}, float(ready)
    yield "kube_pod_status_phase", {**labels, "phase": status.get("phase", "Pending")}, 1.0
    for container in status.get("containerStatuses") or ():
        own = {**labels, "container": container["name"]}
        yield "kube_pod_container_status_restarts_total", own, float(container["restartCount"])
        reason = ((container.get("state") or {}).get("waiting") or {}).get("reason")
        if reason:
            yield "kube_pod_container_status_waiting_reason", {**own, "reason": reason}, 1.0
        ended = ((container.get("lastState") or {}).get("terminated") or {}).get("reason")
        if ended:
            yield "kube_pod_container_status_last_terminated_reason", {**own, "reason": ended}, 1.0


def _node(obj: Object) -> Iterator[Row]:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        labels = {"node": name_of(obj), "condition": condition["type"], "status": "true"}
        yield "kube_node_status_condition", labels, float(condition["status"] == "True")


def _claim(obj: Object) -> Iterator[Row]:
    labels = {"namespace": namespace_of(obj), "persistentvolumeclaim": name_of(obj)}
    phase = (obj.get("status") or {}).get("phase", "Pending")
    yield "kube_persistentvolumeclaim_status_phase", {**labels, "phase": phase}, 1.0


def _job(obj: Object) -> Iterator[Row]:
    labels = {"namespace": namespace_of(obj), "job_name": name_of(obj)}
    status = obj.get("status") or {}
    for field in ("active", "failed", "succeeded"):
        yield f"kube_job_status_{field}", labels, float(status.get(field, 0))


def _autoscaler(obj: Object) -> Iterator[Row]:
    labels = {"namespace": namespace_of(obj), "horizontalpodautoscaler": name_of(obj)}
    for condition in (obj.get("status") or {}).get("conditions") or ():
        own = {**labels, "condition": condition["type"], "status": condition["status"].lower()}
        yield "kube_horizontalpodautoscaler_status_condition", own, 1.0


EXPORTS: dict[str, Callable[[Object], Iterator[Row]]] = {
    "deployments.apps": _workload("deployment", "replicas", "availableReplicas", "available"),
    "statefulsets.apps": _workload("statefulset", "replicas", "readyReplicas", "ready"),
    "daemonsets.apps": _daemonset,
    "pods": _pod,
    "nodes": _node,
    "persistentvolumeclaims": _claim,
    "jobs.batch": _job,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
}


class ObjectExporter:
    """Keeps the object series in step with the store."""

    def __init__(self, store: Store, database: Database) -> None:
        self._store = store
        self._database = database
        self._exported: dict[Key, dict[tuple[str, tuple[tuple[str, str], ...]], Series]] = {}
        self._dirty: dict[Key, None] = {}
        for resource in EXPORTS:
            for obj in store.list(resource):
                self._dirty[Key(resource, namespace_of(obj), name_of(obj))] = None
        store.subscribe(self._on_change, *EXPORTS)

    def _on_change(self, change: Change) -> None:
        self._dirty[change.key] = None

    def scrape(self, at: float) -> None:
        """Brings the series of all changed objects up to date."""
        dirty, self._dirty = self._dirty, {}
        for key in dirty:
            obj = self._store.get(key.resource, key.namespace, key.name)
            before = self._exported.pop(key, {})
            now = dict(self._rows(at, key.resource, obj)) if obj is not None else {}
            for identity, series in before.items():
                if identity not in now:
                    self._database.vanish(at, series)
            if now:
                self._exported[key] = now

    def _rows(self, at: float, resource: str, obj: Object) -> Iterator[tuple[tuple[str, Any], Series]]:
        for name, labels, value in EXPORTS[resource](obj):
            series = self._database.record(at, name, {**labels, **TARGET}, value)
            yield (name, series.labels), series
