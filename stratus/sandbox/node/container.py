"""The life of one container: image, configuration, start, probes, end, and the back-off before it starts again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from stratus.sandbox.apps.process import ContainerContext, Image, Process, StartFailure
from stratus.sandbox.kernel import Timer, rfc3339
from stratus.sandbox.node import hooks
from stratus.sandbox.node.endings import duration, last_words, terminated
from stratus.sandbox.node.environment import ConfigError, expand
from stratus.sandbox.node.health import Health
from stratus.sandbox.node.images import Waiting, image_id
from stratus.sandbox.node.probes import Kind
from stratus.sandbox.node.volumes import LiveFiles
from stratus.sandbox.objects import Object, spec_of, uid_of
from stratus.sandbox.quantities import value

if TYPE_CHECKING:
    from stratus.sandbox.node.pod import PodWorker

Role = Literal["init", "sidecar", "main"]
CONFIG_RETRY = 10.0  # the kubelet's back-off period after a failed pod sync
BACKOFF_EVENT = 12.0  # seconds between "Back-off restarting" events: the kubelet's sync period, observed
STOP_SECONDS = 0.5  # how long a process takes to end after SIGTERM
EPOCH = "1970-01-01T00:00:00Z"


class Container:
    """A container of a pod on its node. Only its worker calls it."""

    def __init__(self, worker: PodWorker, spec: Object, role: Role) -> None:
        self.worker = worker
        self.spec = spec
        self.role = role
        self.name = str(spec["name"])
        self.phase: Literal["waiting", "starting", "running", "terminated"] = "waiting"
        self.waiting: Waiting | None = None
        self.terminated: Object | None = None
        self.last: Object | None = None
        self.restarts = 0
        self.process: Process | None = None
        self.previous: Process | None = None
        self.container_id = ""
        self.image_id = ""
        self.started_at = 0.0
        self.files = LiveFiles({})
        self.health = Health(self._event, self._probe_failed, worker.sync)
        self._finished_at = 0.0
        self._timer: Timer | None = None
        self._exit_timer: Timer | None = None
        self._looking = False
        self._stop_waits: list[Callable[[], None]] = []

    # What others ask

    @property
    def running(self) -> bool:
        return self.phase == "running"

    @property
    def started(self) -> bool:
        """Running, and past its startup probe if it has one."""
        return self.running and self.health.started

    @property
    def ready(self) -> bool:
        if self.role == "init":
            return self.succeeded
        return self.running and self.health.ready

    @property
    def succeeded(self) -> bool:
        return self.phase == "terminated" and self.terminated is not None and self.terminated["exitCode"] == 0

    @property
    def failed(self) -> bool:
        return self.phase == "terminated" and self.terminated is not None and self.terminated["exitCode"] != 0

    def will_restart(self) -> bool:
        """Whether a terminated container is started again."""
        policy = spec_of(self.worker.pod).get("restartPolicy", "Always")
        if self.role == "sidecar":
            return True
        if policy == "Never":
            return False
        return self.failed or (policy == "Always" and self.role == "main")

    # Starting

    def sync(self) -> None:
        """Brings a container that should run one step further."""
        if self.phase in ("starting", "running") or self._timer_waits():
            return
        if self.phase == "terminated":
            if not self.will_restart() or self._backs_off():
                return
        self._begin()

    def _timer_waits(self) -> bool:
        return self._timer is not None and self._timer.callback is not None

    def _retry(self, seconds: float) -> None:
        self._timer = self.worker.kernel.call_later(seconds, self.worker.sync)

    def _backs_off(self) -> bool:
        worker, now = self.worker, self.worker.kernel.now()
        key = (uid_of(worker.pod), self.name, self.spec["image"])
        left = worker.node.restarts.remaining(key, self._finished_at, now)
        if left <= 0:
            worker.node.restarts.next(key, self._finished_at, now)
            return False
        delay = int(worker.node.restarts.delay(key))
        identity = f"{worker.name}_{worker.namespace}({uid_of(worker.pod)})"
        message = f"back-off {duration(delay)} restarting failed container={self.name} pod={identity}"
        self.waiting = Waiting("CrashLoopBackOff", message)
        self._event("Warning", "BackOff", "Back-off restarting failed container")
        self._retry(min(left, BACKOFF_EVENT))
        return True

    def _begin(self) -> None:
        self._timer = None
        self.phase = "starting"
        self.worker.node.images.ensure(uid_of(self.worker.pod), self.spec, self._event, self._have_image)

    def _have_image(self, outcome: Image | Waiting) -> None:
        if self.worker.gone or self.phase != "starting":
            return
        if isinstance(outcome, Waiting):
            return self._wait(outcome)
        worker = self.worker
        try:
            self._check_user(outcome)
            env = worker.node.resolver.environment(worker.pod, self.spec)
        except ConfigError as error:
            self._event("Warning", "Failed", f"Error: {error}")
            return self._wait(Waiting("CreateContainerConfigError", str(error), CONFIG_RETRY))
        self._create(outcome, env)

    def _wait(self, waiting: Waiting) -> None:
        self.phase = "waiting" if self.terminated is None else "terminated"
        self.waiting = waiting
        self._retry(waiting.retry)
        self.worker.request_status()

    def _check_user(self, image: Image) -> None:
        own, pod = self.spec.get("securityContext") or {}, spec_of(self.worker.pod).get("securityContext") or {}
        user = own.get("runAsUser", pod.get("runAsUser", image.user))
        if own.get("runAsNonRoot", pod.get("runAsNonRoot")) and user == 0:
            where = f'(pod: "{self.worker.name}_{self.worker.namespace}({uid_of(self.worker.pod)})", container: {self.name})'
            if "runAsUser" in own or "runAsUser" in pod:
                raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
            raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")

    def _create(self, image: Image, env: dict[str, str]) -> None:
        if self.terminated is not None:
            self.last, self.previous = self.terminated, self.process
            self.restarts += 1
            self.terminated = None
        self.container_id = f"containerd://{self.worker.kernel.rng.getrandbits(256):064x}"
        self.image_id = image_id(str(self.spec["image"]))
        self._event("Normal", "Created", f"Created container {self.name}")
        delay = self.worker.kernel.rng.uniform(0.05, 0.2)
        self._timer = self.worker.kernel.call_later(delay, lambda: self._start(image, env))

    def _start(self, image: Image, env: dict[str, str]) -> None:
        worker = self.worker
        if worker.gone or self.phase != "starting":
            return
        now = worker.kernel.now()
        self.files = LiveFiles(worker.files_of(self, {}))
        context = ContainerContext(
            namespace=worker.namespace,
            pod=worker.pod,
            container=self.spec,
            env=env,
            files=self.files,
            argv=tuple(expand(each, env) for field in ("command", "args") for each in self.spec.get(field) or ()),
            started=now,
            network=worker.node.network.view(worker.pod),
            clock=worker.kernel,
            changed=self._changed,
            seed=worker.kernel.rng.getrandbits(32),
        )
        started = image.start(context)
        if isinstance(started, StartFailure):
            return self._start_failed(started)
        self.process, self.phase, self.waiting, self.started_at = started, "running", None, now
        self._event("Normal", "Started", f"Started container {self.name}")
        if self.role != "init":
            self.health.start(self.spec, started, worker, worker.kernel)
        if not hooks.post_start(self.spec, started, now, self._event):
            self.kill("FailedPostStartHook", None)
        self._look()
        worker.sync()

    def _start_failed(self, failure: StartFailure) -> None:
        self._event("Warning", "Failed", f"Error: {failure.message}")
        if failure.reason == "CreateContainerError":
            return self._wait(Waiting(failure.reason, failure.message, CONFIG_RETRY))
        self._tell(failure.code, "StartError", failure.message, EPOCH)
        self.process = None
        self.waiting = Waiting("RunContainerError", failure.message)
        self._retry(1.0)
        self.worker.request_status()

    def _probe_failed(self, kind: Kind, probe: Object) -> None:
        self.kill(f"Container {self.name} failed {kind.lower()} probe, will be restarted", probe)

    # Ending

    def _changed(self) -> None:
        """The process says that it is different now: look again, once for any number of calls."""
        if not self._looking:
            self._looking = True
            self.worker.kernel.call_soon(self._look_again)

    def _look_again(self) -> None:
        self._looking = False
        self.health.changed()
        self._look()

    def _look(self) -> None:
        """Has the process ended, or does it use more memory than it may?"""
        process, now = self.process, self.worker.kernel.now()
        if not self.running or process is None:
            return
        ends = process.exits
        limit = self.memory_limit
        if ends is not None and ends.at <= now:
            self._finish(ends.code, "Completed" if ends.code == 0 else "Error")
        elif limit and process.memory(now) > limit:
            process.stop()
            self._finish(137, "OOMKilled")
        elif ends is not None:
            if self._exit_timer is not None:
                self._exit_timer.cancel()
            self._exit_timer = self.worker.kernel.call_later(ends.at - now, self._look)
        if self.running and not process.settled(now):
            self.worker.node.unsettled[self] = None

    def check(self) -> bool:
        """Looks at an unsettled process; False once it needs no more looking."""
        self._look()
        return self.running and self.process is not None and not self.process.settled(self.worker.kernel.now())

    @property
    def memory_limit(self) -> int:
        limit = ((self.spec.get("resources") or {}).get("limits") or {}).get("memory")
        return value(limit) if limit else 0

    def kill(self, message: str, probe: Object | None) -> None:
        """Stops a running container that is to be started again."""
        if self._stop_waits or not self.running:
            return
        self._event("Normal", "Killing", message)
        pod_grace = spec_of(self.worker.pod).get("terminationGracePeriodSeconds", 30)
        grace = (probe or {}).get("terminationGracePeriodSeconds")
        self.stop(float(pod_grace if grace is None else grace), self.worker.sync)

    def stop(self, grace: float, done: Callable[[], None]) -> None:
        """SIGTERM, and SIGKILL after `grace` seconds; `done` is called when the process is gone."""
        self.health.stop()
        self._cancel()
        if not self.running or self.process is None:
            self.phase = "terminated" if self.terminated else "waiting"
            return done()
        self._stop_waits.append(done)
        if len(self._stop_waits) > 1:
            return
        process, code = self.process, 143 if grace >= STOP_SECONDS else 137
        hook = hooks.pre_stop(self.spec, process, self.worker.kernel.now(), self._event)

        def end() -> None:
            if self.process is process and self.running:
                self._finish(code, "Error")

        self.worker.kernel.call_later(min(grace, STOP_SECONDS + hook), end)

    def kill_now(self) -> None:
        """SIGKILL without a word: the pod's object is gone."""
        self.health.stop()
        self._cancel()
        if self.running and self.process is not None:
            self.process.stop()
        self.phase = "terminated"

    def _cancel(self) -> None:
        for timer in (self._timer, self._exit_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._exit_timer = None

    def _finish(self, code: int, reason: str) -> None:
        self.health.stop()
        self._cancel()
        self._tell(code, reason, last_words(self.spec, self.process, code), rfc3339(self.started_at))
        self.waiting = None
        if self.process is not None:
            self.process.stop()
        waiting, self._stop_waits = self._stop_waits, []
        self.worker.sync()
        for done in waiting:
            done()

    def _tell(self, code: int, reason: str, message: str, started: str) -> None:
        self._finished_at = self.worker.kernel.now()
        self.terminated = terminated(code, reason, message, started, self._finished_at, self.container_id)
        self.phase = "terminated"

    def _event(self, type_: str, reason: str, message: str) -> None:
        list_name = "containers" if self.role == "main" else "initContainers"
        self.worker.event(type_, reason, message, f"spec.{list_name}{{{self.name}}}")
