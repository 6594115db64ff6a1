"""One pod on its node: volumes, network, init containers in order, containers, and its end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stratus.sandbox import events
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.apps.process import Process
from stratus.sandbox.kernel import Kernel, Timer
from stratus.sandbox.node import status
from stratus.sandbox.node.container import Container
from stratus.sandbox.node.volumes import MountError, container_files
from stratus.sandbox.objects import Object, is_deleting, is_pod_finished, meta, name_of, namespace_of, spec_of

if TYPE_CHECKING:
    from stratus.sandbox.node.kubelet import Kubelet

MOUNT_RETRY = (0.5, 122.0)  # seconds: first and longest wait between two tries to set up a volume
TIMED_OUT = 123.0  # seconds after which unmounted volumes are reported once more, as timed out


class PodWorker:
    """Level-based: `sync` looks at the pod and moves it one step; timers and processes call it again."""

    def __init__(self, node: Kubelet, pod: Object) -> None:
        self.node = node
        self.pod = pod
        self.kernel: Kernel = node.kernel
        self.namespace, self.name = namespace_of(pod), name_of(pod)
        self.init = [
            Container(self, spec, "sidecar" if spec.get("restartPolicy") == "Always" else "init")
            for spec in spec_of(pod).get("initContainers") or ()
        ]
        self.main = [Container(self, spec, "main") for spec in spec_of(pod)["containers"]]
        self.start_time = self.kernel.timestamp()
        self.pod_ip = ""
        self.gone = False
        self.final_phase = self.final_reason = self.final_message = ""
        self.volumes: dict[str, dict[str, str]] | None = None
        self._mount_wait = MOUNT_RETRY[0]
        self._timer: Timer | None = None
        self._mount_timer: Timer | None = None
        self._stopping = False
        self._status_asked = False

    @property
    def containers(self) -> list[Container]:
        return [*self.init, *self.main]

    @property
    def initialized(self) -> bool:
        return all(self.passed(each) for each in self.init)

    @staticmethod
    def passed(container: Container) -> bool:
        """Whether an init container lets the next one start."""
        return container.started if container.role == "sidecar" else container.succeeded

    @property
    def waiting_reason(self) -> str:
        """Why a container waits that nothing else keeps from starting."""
        return "PodInitializing" if self.init else "ContainerCreating"

    def listener(self, port: int) -> Process | None:
        """The process of this pod that listens on a port now."""
        now = self.kernel.now()
        for container in self.containers:
            if container.running and container.process and port in container.process.listening(now):
                return container.process
        return None

    def start(self) -> None:
        """Takes the pod up; one that has already ended stays as it is."""
        if is_pod_finished(self.pod):
            self.final_phase = self.pod["status"]["phase"]
        elif not is_deleting(self.pod):
            self._set_up()
            deadline = spec_of(self.pod).get("activeDeadlineSeconds")
            if deadline:
                self.kernel.call_later(float(deadline), self._deadline)
        if is_deleting(self.pod):
            self.sync()

    def update(self, pod: Object) -> None:
        """The object has changed: deletion, labels, a new image, readiness gates."""
        self.pod = pod
        for container, spec in zip(self.main, spec_of(pod)["containers"], strict=True):
            if container.spec["image"] != spec["image"]:
                container.spec = spec
                if container.running:
                    container.kill(f"Container {container.name} definition changed, will be restarted", None)
                else:
                    container.sync()
        if is_deleting(pod):
            self.sync()
        elif spec_of(pod).get("readinessGates"):
            self.request_status()

    # Bringing it up

    def _set_up(self) -> None:
        """Mounts the volumes; tries again with a growing delay while one cannot be set up."""
        if self.gone or self._stopping:
            return
        try:
            self.volumes = self.node.mounter.volumes(self.pod)
        except MountError as error:
            self.event("Warning", "FailedMount", str(error))
            if self._mount_timer is None:
                self._mount_timer = self.kernel.call_later(TIMED_OUT, partial(self._timed_out, error.volume))
            self._timer = self.kernel.call_later(self._mount_wait, self._set_up)
            self._mount_wait = min(self._mount_wait * 2, MOUNT_RETRY[1])
        else:
            self._timer = self.kernel.call_later(self.kernel.rng.uniform(0.1, 0.3), self._sandbox_ready)
        self.request_status()

    def _timed_out(self, volume: str) -> None:
        self._mount_timer = None
        if self.gone or self._stopping or self.volumes is not None:
            return
        every = " ".join(each["name"] for each in spec_of(self.pod).get("volumes") or ())
        what = f"unmounted volumes=[{volume}], unattached volumes=[{every}]"
        message = f"Unable to attach or mount volumes: {what}: timed out waiting for the condition"
        self.event("Warning", "FailedMount", message)

    def _sandbox_ready(self) -> None:
        if self.gone or self._stopping:
            return
        host = bool(spec_of(self.pod).get("hostNetwork"))
        self.pod_ip = self.node.ip if host else self.node.addresses.allocate()
        self.sync()

    def sync(self) -> None:
        """One step: end it if it is being deleted or done, else start what should run."""
        if self.gone:
            return
        if is_deleting(self.pod):
            self._terminate(float(meta(self.pod).get("deletionGracePeriodSeconds") or 0))
        elif self.pod_ip and not self.final_phase and not self._stopping:
            self._start_containers()
            self._conclude()
        self.request_status()

    def _start_containers(self) -> None:
        for container in self.init:
            if container.role == "sidecar" or not container.succeeded:
                container.sync()
            if not self.passed(container):
                return
        for container in self.main:
            container.sync()

    def _conclude(self) -> None:
        """A pod whose containers are all done is over: sidecars stop, and its phase is final."""
        found = status.phase(self)
        if found not in ("Succeeded", "Failed"):
            return
        self.final_phase = found
        grace = float(spec_of(self.pod).get("terminationGracePeriodSeconds", 30))
        for container in self.containers:
            if container.running:
                container.stop(grace, self.request_status)

    def _deadline(self) -> None:
        if self.gone or self.final_phase or is_deleting(self.pod):
            return
        self.fail("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

    def fail(self, reason: str, message: str) -> None:
        """Ends the pod as Failed."""
        self.event("Normal" if reason == "DeadlineExceeded" else "Warning", reason, message)
        self.final_phase, self.final_reason, self.final_message = "Failed", reason, message
        grace = float(spec_of(self.pod).get("terminationGracePeriodSeconds", 30))
        for container in self.containers:
            container.stop(grace, self.request_status)
        self.request_status()

    # Ending it

    def _terminate(self, grace: float) -> None:
        if self._stopping:
            return
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        waiting = [each for each in self.containers if each.running]
        for container in self.containers:
            if not container.running:
                container.stop(0, lambda: None)
        if not waiting:
            self.kernel.call_soon(self._finish)
        for container in waiting:
            list_name = "containers" if container.role == "main" else "initContainers"
            self.event(
                "Normal", "Killing", f"Stopping container {container.name}", f"spec.{list_name}{{{container.name}}}"
            )
            container.stop(grace, self._stopped_one)

    def _stopped_one(self) -> None:
        if not any(each.running for each in self.containers):
            self.kernel.call_soon(self._finish)

    def _finish(self) -> None:
        """All processes are gone: the last status, and then the object itself."""
        if self.gone:
            return
        self.write_status()
        try:
            uid = {"uid": meta(self.pod)["uid"]}
            self.node.api.delete("pods", self.namespace, self.name, grace=0, preconditions=uid)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def forget(self) -> None:
        """The object is gone: nothing of the pod may run on."""
        self.gone = True
        for timer in (self._timer, self._mount_timer):
            if timer is not None:
                timer.cancel()
        for container in self.containers:
            container.kill_now()
        if self.pod_ip and self.pod_ip != self.node.ip:
            self.node.addresses.release(self.pod_ip)

    # Files, events, status

    def files_of(self, container: Container, kept: dict[str, str]) -> dict[str, str]:
        return container_files(container.spec, self.volumes or {}, kept)

    def refresh_files(self) -> None:
        """Brings mounted ConfigMaps and Secrets up to date, as the kubelet does with its next pod sync."""
        if self.gone or self.volumes is None:
            return
        try:
            self.volumes = self.node.mounter.volumes(self.pod)
        except MountError:
            return
        for container in self.containers:
            container.files.replace(self.files_of(container, dict(container.files)))

    def event(self, type_: str, reason: str, message: str, field_path: str = "") -> None:
        events.record(
            self.node.api, self.pod, type_, reason, message, "kubelet", host=self.node.name, field_path=field_path
        )

    def request_status(self) -> None:
        """Writes the status once the present callback has ended, however often it is asked for."""
        if not self._status_asked and not self.gone:
            self._status_asked = True
            self.kernel.call_soon(self._write_asked)

    def _write_asked(self) -> None:
        self._status_asked = False
        self.write_status()

    def write_status(self) -> None:
        if self.gone or self.node.stopped:
            return
        current = self.node.api.store.get("pods", self.namespace, self.name)
        if current is None or meta(current)["uid"] != meta(self.pod)["uid"]:
            return
        self.pod = current
        new = status.compute(self, self.kernel.timestamp())
        self.node.api.set_status("pods", self.namespace, self.name, new)
