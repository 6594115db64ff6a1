"""A running container's probes together: startup first, then readiness and liveness."""

from __future__ import annotations

from collections.abc import Callable

from stratus.sandbox.apps.process import Process
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.node.probes import FIELD, Kind, Probe, Target
from stratus.sandbox.objects import Object

Event = Callable[[str, str, str], None]
Failed = Callable[[Kind, Object], None]


class Health:
    """Whether a container has started and is ready, and whom to tell when a probe says that it has to go."""

    def __init__(self, event: Event, failed: Failed, decided: Callable[[], None]) -> None:
        self._event = event
        self._failed = failed
        self._decided = decided
        self._probes: dict[Kind, Probe] = {}

    @property
    def started(self) -> bool:
        return "Startup" not in self._probes or self._probes["Startup"].verdict

    @property
    def ready(self) -> bool:
        return self.started and ("Readiness" not in self._probes or self._probes["Readiness"].verdict)

    def start(self, container: Object, process: Process, target: Target, kernel: Kernel) -> None:
        """Begins to probe a container that has just been started."""
        for kind, field in FIELD.items():
            if field in container:
                probe = Probe(kind, container, process, target, kernel, self._report, self._judge)
                self._probes[kind] = probe
        self._begin(("Startup",) if "Startup" in self._probes else ("Readiness", "Liveness"))

    def stop(self) -> None:
        for probe in self._probes.values():
            probe.stop()
        self._probes = {}

    def changed(self) -> None:
        """The process says that its answers may be different now."""
        for probe in list(self._probes.values()):
            probe.changed()

    def _begin(self, kinds: tuple[Kind, ...]) -> None:
        for kind in kinds:
            if kind in self._probes:
                self._probes[kind].start()

    def _report(self, kind: Kind, text: str) -> None:
        self._event("Warning", "Unhealthy", f"{kind} probe failed: {text}")

    def _judge(self, kind: Kind, ok: bool) -> None:
        if kind == "Startup" and ok:
            self._probes["Startup"].stop()
            self._begin(("Readiness", "Liveness"))
        elif kind != "Readiness" and not ok:
            self._failed(kind, self._probes[kind].spec)
        self._decided()
