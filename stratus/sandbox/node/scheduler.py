"""The scheduler: finds a node for each pod without one, or says in Kubernetes' words why there is none.

A pod that fits nowhere waits until something changes that could help it (a node, a freed resource, a volume), and is
looked at again every minute in any case; the back-off between two tries grows from 1 s to 10 s.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

from stratus.sandbox import events
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.kernel import Kernel, Timer
from stratus.sandbox.node import preemption
from stratus.sandbox.node.filters import SELECTED_NODE, claims, fits, unbound, waits_for_consumer
from stratus.sandbox.node.nodeinfo import NodeInfo, Snapshot
from stratus.sandbox.node.scoring import best
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    condition,
    is_deleting,
    is_pod_finished,
    labels_of,
    meta,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    with_condition,
)
from stratus.sandbox.store import Change, Store

NAME = "default-scheduler"
FLUSH = 60.0
BACKOFF = (1.0, 10.0)
HELPERS = ("persistentvolumes", "persistentvolumeclaims", "storageclasses.storage.k8s.io", "services")

Item = tuple[str, str]


class Scheduler:
    """Pods without a node, by priority and then age."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.store: Store = api.store
        self.kernel: Kernel = api.kernel
        self.snapshot = Snapshot()
        self._queue: dict[Item, int] = {}
        self._waiting: dict[Item, float] = {}
        self._tries: dict[Item, int] = {}
        self._timers: dict[Item, Timer] = {}
        self._working = False
        self._flush: Timer | None = None

    def start(self) -> None:
        for node in self.store.list("nodes"):
            self.snapshot.set_node(node)
        for pod in self.store.list("pods"):
            self._take(pod)
        self.store.subscribe(self._node_changed, "nodes")
        self.store.subscribe(self._pod_changed, "pods")
        self.store.subscribe(lambda _change: self._wake(), *HELPERS)

    # Keeping the queue

    def _take(self, pod: Object) -> None:
        if spec_of(pod).get("nodeName"):
            self.snapshot.place(pod)
        elif _is_ours(pod):
            self._enqueue((namespace_of(pod), name_of(pod)))

    def _enqueue(self, item: Item) -> None:
        self._waiting.pop(item, None)
        self._queue[item] = preemption.priority(self.store.get("pods", *item) or {})
        if not self._working:
            self._working = True
            self.kernel.call_soon(self._work)

    def _pod_changed(self, change: Change) -> None:
        pod, item = change.object, (change.key.namespace, change.key.name)
        if change.type == "DELETED":
            self._drop(item)
            if spec_of(pod).get("nodeName"):
                self.snapshot.forget(pod)
                self._wake()
        elif spec_of(pod).get("nodeName"):
            self._drop(item)
            freed = is_pod_finished(pod) and not is_pod_finished(change.previous or {})
            self.snapshot.place(pod)
            if freed or labels_of(change.previous or {}) != labels_of(pod):
                self._wake()
        elif not _is_ours(pod):
            self._drop(item)
        elif change.previous is None or spec_of(change.previous) != spec_of(pod):
            self._tries.pop(item, None)
            self._enqueue(item)

    def _node_changed(self, change: Change) -> None:
        if change.type == "DELETED":
            self.snapshot.drop_node(change.object)
            return
        self.snapshot.set_node(change.object)
        if change.previous is None or _offers(change.previous) != _offers(change.object):
            self._wake()

    def _drop(self, item: Item) -> None:
        self._queue.pop(item, None)
        self._waiting.pop(item, None)
        self._tries.pop(item, None)
        timer = self._timers.pop(item, None)
        if timer is not None:
            timer.cancel()

    def _wake(self) -> None:
        """Something changed that may help: waiting pods are tried again after their back-off."""
        now = self.kernel.now()
        for item, ready in list(self._waiting.items()):
            if ready <= now:
                self._enqueue(item)
            elif item not in self._timers:
                self._timers[item] = self.kernel.call_later(ready - now, partial(self._backed_off, item))

    def _backed_off(self, item: Item) -> None:
        self._timers.pop(item, None)
        if item in self._waiting:
            self._enqueue(item)

    def _flush_waiting(self) -> None:
        self._flush = None
        for item in list(self._waiting):
            self._enqueue(item)

    # Placing

    def _work(self) -> None:
        """One pod at a time, the most important first."""
        if not self._queue:
            self._working = False
            return
        item = self._next()
        del self._queue[item]
        self.kernel.call_soon(self._work)
        pod = self.store.get("pods", *item)
        if pod is not None and _is_ours(pod):
            self._schedule(item, pod)

    def _next(self) -> Item:
        return max(self._queue, key=self._queue.__getitem__)

    def _schedule(self, item: Item, pod: Object) -> None:
        nodes = self.snapshot.available()
        reasons: Counter[str] = Counter()
        fitting: list[NodeInfo] = []
        blocked = unbound(pod, self.store)
        for info in nodes:
            found = [blocked] if blocked else fits(pod, info, self.snapshot, self.store)
            reasons.update(found)
            if not found:
                fitting.append(info)
        if fitting:
            nominated = [info for info in fitting if info.name == status_of(pod).get("nominatedNodeName")]
            self._bind(item, pod, best(pod, nominated or fitting, self.snapshot))
        else:
            self._refuse(item, pod, _explain(len(nodes), reasons))

    def _bind(self, item: Item, pod: Object, info: NodeInfo) -> None:
        if self._wait_for_volumes(item, pod, info.name):
            return
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        scheduled["lastTransitionTime"] = self.kernel.timestamp()
        status = {key: value for key, value in status_of(pod).items() if key != "nominatedNodeName"}
        status["conditions"] = with_condition(status.get("conditions") or [], scheduled)
        bound = {**pod, "spec": {**spec_of(pod), "nodeName": info.name}, "status": status}
        self._drop(item)
        message = f"Successfully assigned {item[0]}/{item[1]} to {info.name}"
        events.record(self.api, pod, "Normal", "Scheduled", message, NAME)
        self.api.replace_internal("pods", bound)

    def _wait_for_volumes(self, item: Item, pod: Object, node: str) -> bool:
        """Names the node to claims that wait for their first pod; True while they are not bound yet."""
        waiting = [name for name in claims(pod) if self._is_pending(pod, name)]
        for name in waiting:
            claim = self.api.get("persistentvolumeclaims", item[0], name)
            if annotations_of(claim).get(SELECTED_NODE) != node:
                annotations = {**annotations_of(claim), SELECTED_NODE: node}
                changed = {**claim, "metadata": {**meta(claim), "annotations": annotations}}
                self.api.update("persistentvolumeclaims", item[0], name, changed, manager="kube-scheduler")
        if waiting:
            self._waiting[item] = self.kernel.now()
            self._plan_flush()
        return bool(waiting)

    def _is_pending(self, pod: Object, name: str) -> bool:
        claim = self.store.get("persistentvolumeclaims", namespace_of(pod), name) or {}
        return status_of(claim).get("phase") != "Bound" and waits_for_consumer(pod, name, self.store)

    def _refuse(self, item: Item, pod: Object, message: str) -> None:
        self._tries[item] = tries = self._tries.get(item, 0) + 1
        self._waiting[item] = self.kernel.now() + min(BACKOFF[0] * 2 ** (tries - 1), BACKOFF[1])
        self._plan_flush()
        events.record(self.api, pod, "Warning", "FailedScheduling", message, NAME)
        self._show(pod, message, self._preempt(pod))

    def _plan_flush(self) -> None:
        if self._flush is None:
            self._flush = self.kernel.call_later(FLUSH, self._flush_waiting)

    def _preempt(self, pod: Object) -> str:
        """Removes pods of lower priority where that makes room; the node's name, or nothing."""
        nominated = str(status_of(pod).get("nominatedNodeName", ""))
        if nominated and self._is_emptying(nominated, preemption.priority(pod)):
            return nominated
        found = preemption.find(pod, self.snapshot, self.store)
        if found is None:
            return ""
        for victim in found.victims:
            message = f"Preempted by {namespace_of(pod)}/{name_of(pod)} on node {found.node}"
            events.record(self.api, victim, "Normal", "Preempted", message, NAME)
            try:
                self.api.delete("pods", namespace_of(victim), name_of(victim))
            except ApiError as error:
                if error.code != 404:
                    raise
        return found.node

    def _is_emptying(self, node: str, priority: int) -> bool:
        """Whether pods of lower priority are still on their way out of a node."""
        leaving = (pod for pod in self.snapshot.info(node).pods.values() if is_deleting(pod))
        return any(preemption.priority(pod) < priority for pod in leaving)

    def _show(self, pod: Object, message: str, nominated: str) -> None:
        current = self.store.get("pods", namespace_of(pod), name_of(pod))
        if current is None:
            return
        new = {"type": "PodScheduled", "status": "False", "lastProbeTime": None}
        new |= {"lastTransitionTime": self.kernel.timestamp(), "reason": "Unschedulable", "message": message}
        if condition(current, "PodScheduled") == new and status_of(current).get("nominatedNodeName", "") == nominated:
            return
        status = {**status_of(current), "conditions": with_condition(status_of(current).get("conditions") or [], new)}
        if nominated:
            status["nominatedNodeName"] = nominated
        self.api.set_status("pods", namespace_of(pod), name_of(pod), status)


def _is_ours(pod: Object) -> bool:
    spec = spec_of(pod)
    if spec.get("nodeName") or is_deleting(pod) or is_pod_finished(pod) or spec.get("schedulingGates"):
        return False
    return bool(spec.get("schedulerName", NAME) == NAME)


def _offers(node: Object) -> tuple[object, ...]:
    """What of a node decides whether pods fit."""
    spec = spec_of(node)
    return status_of(node).get("allocatable"), labels_of(node), spec.get("taints"), spec.get("unschedulable")


def _explain(count: int, reasons: Counter[str]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    listed = sorted(f"{number} {reason}" for reason, number in reasons.items())
    return f"0/{count} nodes are available: {', '.join(listed)}."
