"""A cluster in which one fault is tried: what is wrong with it, and where the evidence is."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.backend import BackendError, LogOptions
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.faults import Fault
from stratus.sandbox.faults.operations import Operation
from stratus.sandbox.objects import labels_of, name_of, spec_of, status_of

LOOK = 5.0  # seconds between two looks
SEEN_WITHIN = 180.0  # seconds in which every sign of a fault has shown
QUIET = 60.0  # seconds without any problem that count as healthy
PATIENCE = 600.0  # seconds in which a right fix has healed: the longest crash back-off is 300
INFRASTRUCTURE = ("kube-system", "ingress-nginx", None)


class Lab:
    """An application with at most one fault in it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.cluster = EmbeddedCluster(virtual=True, applications=[fault.application])
        self.cluster.start()
        self.cluster.settle()
        self.cluster.advance(25)

    def problems(self) -> set[str]:
        """What is wrong now: workloads that are down and alerts that fire."""
        found = set()
        for deployment in self.cluster.api.list("deployments.apps", self.fault.namespace):
            status, wanted = status_of(deployment), spec_of(deployment).get("replicas", 1)
            if not wanted == status.get("availableReplicas", 0) == status.get("updatedReplicas", 0):
                found.add(f"down:{name_of(deployment)}")
        for alert in self.cluster.monitoring.alerts.active():
            if alert.state == "firing" and alert.labels.get("namespace") in (self.fault.namespace, *INFRASTRUCTURE):
                found.add(f"alert:{alert.rule.name}")
        return found

    def watch(self, seconds: float) -> set[str]:
        """All problems of the next seconds."""
        found: set[str] = set()
        for _ in range(int(seconds / LOOK)):
            self.cluster.advance(LOOK)
            found |= self.problems()
        return found

    def inject(self) -> set[str]:
        """Brings the fault in; all problems that it showed."""
        run = self.cluster.faults.inject(self.fault.id)
        seen = self.watch(SEEN_WITHIN)
        assert run.done, run.failed
        return seen

    def missing_signs(self, seen: set[str]) -> list[str]:
        """The signs that the catalogue promises and that are nowhere to be found."""
        return [sign for sign in self.fault.shows if sign not in seen and not self._shows(sign)]

    def _shows(self, sign: str) -> bool:
        kind, _, rest = sign.partition(":")
        if kind == "event":
            events = self.cluster.api.list("events", self.fault.namespace)
            return any(rest in (event.get("message") or event.get("note") or "") for event in events)
        if kind == "log":
            workload, _, text = rest.partition(":")
            return any(text in log for log in self._logs(workload))
        return False

    def _logs(self, workload: str) -> list[str]:
        found = []
        for pod in self.cluster.api.list("pods", self.fault.namespace):
            if labels_of(pod).get("app") == workload:
                for previous in (False, True):
                    options = LogOptions(container=spec_of(pod)["containers"][0]["name"], previous=previous)
                    try:
                        found.append(self.cluster.backend.logs(self.fault.namespace, name_of(pod), options))
                    except BackendError:
                        continue
        return found

    def apply(self, steps: Sequence[Operation]) -> None:
        """Makes object changes, waiting where they wait."""
        run = self.cluster.faults.run(steps)
        self.cluster.until(lambda: run.done, 60)

    def heals(self) -> bool:
        """Whether the cluster becomes healthy, and stays so for a while."""
        quiet = 0.0
        for _ in range(int(PATIENCE / LOOK)):
            self.cluster.advance(LOOK)
            quiet = 0.0 if self.problems() else quiet + LOOK
            if quiet >= QUIET:
                return True
        return False
