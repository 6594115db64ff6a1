"""A node's own objects: the Node with its capacity and conditions, its images, and the Lease that says it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus.sandbox import events
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.kernel import Timer, rfc3339_micro
from stratus.sandbox.objects import Object, condition, is_true, spec_of, status_of, with_condition
from stratus.sandbox.quantities import parse, text

if TYPE_CHECKING:
    from stratus.sandbox.node.kubelet import Kubelet

HEARTBEAT = 10.0
"""Seconds between two renewals of the node's lease."""
STATUS = 300.0
"""Seconds between two reports of an unchanged node status."""
LEASES = "kube-node-lease"
CAPACITY = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
RESERVED = {"memory": "100Mi"}
VERSION = "v1.31.0"
CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


class Registration:
    """Keeps the Node object of one kubelet."""

    def __init__(self, kubelet: Kubelet, number: int, capacity: Object) -> None:
        self._kubelet = kubelet
        self._number = number
        self._capacity = {**CAPACITY, **capacity}
        self._timer: Timer | None = None
        self._reported = 0.0
        self._images: dict[str, int] = {}
        self._cordoned = False

    def start(self) -> None:
        api, name = self._kubelet.api, self._kubelet.name
        if api.store.get("nodes", "", name) is None:
            api.create("nodes", "", self._node(), manager="kubelet")
        self._say("Starting", "Starting kubelet.")
        self._report()
        self._beat()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        kernel = self._kubelet.kernel
        self._renew()
        self._watch_cordon()
        if kernel.now() - self._reported >= STATUS or self._kubelet.images.sizes() != self._images or self._wrong():
            self._report()
        self._timer = kernel.call_later(HEARTBEAT, self._beat)

    def _watch_cordon(self) -> None:
        node = self._kubelet.store.get("nodes", "", self._kubelet.name)
        cordoned = bool(node and spec_of(node).get("unschedulable"))
        if cordoned != self._cordoned:
            self._cordoned = cordoned
            reason = "NodeNotSchedulable" if cordoned else "NodeSchedulable"
            self._say(reason, f"Node {self._kubelet.name} status is now: {reason}")

    def _say(self, reason: str, message: str) -> None:
        name = self._kubelet.name
        node = {"kind": "Node", "name": name, "uid": name}
        events.record(self._kubelet.api, node, "Normal", reason, message, "kubelet", host=name)

    def _wrong(self) -> bool:
        """Somebody else has changed what this kubelet reports."""
        node = self._kubelet.store.get("nodes", "", self._kubelet.name)
        if node is None:
            return False
        return any((condition(node, kind) or {}).get("status") != status for kind, status, _, _ in CONDITIONS)

    def _renew(self) -> None:
        api, name = self._kubelet.api, self._kubelet.name
        now = rfc3339_micro(self._kubelet.kernel.now())
        lease = api.store.get("leases.coordination.k8s.io", LEASES, name)
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
        try:
            if lease is None:
                metadata = {"name": name, "namespace": LEASES}
                new = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
                api.create("leases.coordination.k8s.io", LEASES, new, manager="kubelet")
            else:
                api.replace_internal("leases.coordination.k8s.io", {**lease, "spec": spec})
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _report(self) -> None:
        kernel = self._kubelet.kernel
        node = self._kubelet.store.get("nodes", "", self._kubelet.name)
        if node is None:
            return
        self._reported, self._images = kernel.now(), self._kubelet.images.sizes()
        now = kernel.timestamp()
        status = {**status_of(node), **self._status()}
        conditions = status_of(node).get("conditions") or []
        for kind, value, reason, message in CONDITIONS:
            new = {"type": kind, "status": value, "lastHeartbeatTime": now, "lastTransitionTime": now}
            conditions = with_condition(conditions, {**new, "reason": reason, "message": message})
        self._kubelet.api.set_status("nodes", "", self._kubelet.name, {**status, "conditions": conditions})
        if not is_true(node, "Ready"):
            self._say("NodeReady", f"Node {self._kubelet.name} status is now: NodeReady")

    def _node(self) -> Object:
        name = self._kubelet.name
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "beta.kubernetes.io/arch": "amd64",
        }
        spec = {"podCIDR": self._kubelet.addresses.range, "podCIDRs": [self._kubelet.addresses.range]}
        return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}, "spec": spec}

    def _status(self) -> Object:
        allocatable = dict(self._capacity)
        allocatable["memory"] = text(parse(self._capacity["memory"]) - parse(RESERVED["memory"]), "binary")
        name, identity = self._kubelet.name, f"{self._number:032x}"
        return {
            "capacity": self._capacity,
            "allocatable": allocatable,
            "addresses": [
                {"type": "InternalIP", "address": self._kubelet.ip},
                {"type": "Hostname", "address": name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [{"names": [image], "sizeBytes": size} for image, size in sorted(self._images.items())],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": identity,
                "containerRuntimeVersion": "containerd://1.7.20",
                "kernelVersion": "6.1.0",
                "kubeProxyVersion": VERSION,
                "kubeletVersion": VERSION,
                "machineID": identity,
                "operatingSystem": "linux",
                "osImage": "STRATUS embedded node",
                "systemUUID": identity,
            },
        }
