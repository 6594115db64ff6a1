"""Startup, readiness and liveness probes of one container.

A probe runs every period until its answer is settled (the process says that time alone changes nothing) and good; then
it only looks every `COARSE` seconds, and at once when the process says that something changed. Failing probes keep
their period, because each failure is an event that people see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from stratus.sandbox.apps.process import NetworkError, Process
from stratus.sandbox.kernel import Kernel, Timer
from stratus.sandbox.objects import Object

COARSE = 10.0
FIRST_LOOK = 0.05  # seconds after the start, when initialDelaySeconds is 0

Kind = Literal["Startup", "Readiness", "Liveness"]
FIELD: dict[Kind, str] = {"Startup": "startupProbe", "Readiness": "readinessProbe", "Liveness": "livenessProbe"}


class Target(Protocol):
    """What a probe looks at: the pod's network and the container's own process."""

    @property
    def pod_ip(self) -> str: ...

    def listener(self, port: int) -> Process | None:
        """The process of the pod that listens on a port."""
        ...


@dataclass(frozen=True)
class Answer:
    ok: bool
    text: str = ""


class Probe:
    """One probe of a running container; `report` is told each failure, `decided` each change of the verdict."""

    def __init__(
        self,
        kind: Kind,
        container: Object,
        process: Process,
        target: Target,
        kernel: Kernel,
        report: Callable[[Kind, str], None],
        decided: Callable[[Kind, bool], None],
    ) -> None:
        self.kind = kind
        self._container = container
        self.spec: Object = container[FIELD[kind]]
        self._process = process
        self._target = target
        self._kernel = kernel
        self._report = report
        self._decided = decided
        self._period = float(self.spec.get("periodSeconds") or 10)
        self._run = 0
        self._last: bool | None = None
        self._last_look = 0.0
        self._timer: Timer | None = None
        self.verdict = kind == "Liveness"

    def start(self) -> None:
        self._schedule(max(FIRST_LOOK, float(self.spec.get("initialDelaySeconds") or 0)))

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def changed(self) -> None:
        """The process may answer differently from now on: no coarse waiting."""
        due = self._last_look + self._period
        if self._timer is not None and self._last_look and self._timer.due > due:
            self._schedule(max(0.0, due - self._kernel.now()))

    def _schedule(self, seconds: float) -> None:
        self.stop()
        self._timer = self._kernel.call_later(seconds, self._look)

    def _look(self) -> None:
        now = self._kernel.now()
        self._last_look = now
        answer = self.ask(now)
        self._run = self._run + 1 if answer.ok == self._last else 1
        self._last = answer.ok
        quiet = answer.ok and self.verdict and self._process.settled(now)
        self._schedule(max(self._period, COARSE) if quiet else self._period)
        if not answer.ok:
            self._report(self.kind, answer.text)
        threshold = self.spec.get("successThreshold" if answer.ok else "failureThreshold") or (1 if answer.ok else 3)
        if self._run >= threshold and (answer.ok != self.verdict or (not answer.ok and self.kind != "Readiness")):
            self.verdict = answer.ok
            self._decided(self.kind, answer.ok)

    def ask(self, now: float) -> Answer:
        """Runs the probe's handler once."""
        if "httpGet" in self.spec:
            return self._http(self.spec["httpGet"], now)
        if "tcpSocket" in self.spec:
            port = self._number(self.spec["tcpSocket"]["port"])
            return Answer(True) if self._target.listener(port) else Answer(False, self._refused(port))
        if "grpc" in self.spec:
            port = int(self.spec["grpc"]["port"])
            where = f"{self._target.pod_ip}:{port}"
            failure = f'timeout: failed to connect service "{where}" within {self._timeout:g}s'
            return Answer(True) if self._target.listener(port) else Answer(False, failure)
        code, out, err = self._process.exec(self.spec["exec"].get("command") or (), now)
        return Answer(code == 0, (out + err)[:10240])

    @property
    def _timeout(self) -> float:
        return float(self.spec.get("timeoutSeconds") or 1)

    def _http(self, get: Object, now: float) -> Answer:
        port = self._number(get["port"])
        path = "/" + str(get.get("path", "/")).lstrip("/")
        host = get.get("host") or self._target.pod_ip
        url = f'Get "{get.get("scheme", "HTTP").lower()}://{host}:{port}{path}"'
        process = self._target.listener(port)
        if process is None:
            return Answer(False, f"{url}: {self._refused(port)}")
        headers = {each["name"]: each.get("value", "") for each in get.get("httpHeaders") or ()}
        try:
            answer = process.http(port, path, headers, now)
        except NetworkError:
            return Answer(False, f"{url}: {self._refused(port)}")
        if answer.seconds > self._timeout:
            return Answer(False, f"{url}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)")
        if 200 <= answer.status < 400:
            return Answer(True)
        return Answer(False, f"HTTP probe failed with statuscode: {answer.status}")

    def _refused(self, port: int) -> str:
        return f"dial tcp {self._target.pod_ip}:{port}: connect: connection refused"

    def _number(self, port: int | str) -> int:
        if isinstance(port, int):
            return port
        for each in self._container.get("ports") or ():
            if each.get("name") == port:
                return int(each["containerPort"])
        return int(port) if port.isdigit() else 0
