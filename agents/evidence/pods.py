"""What is wrong with pods, in the kubelet's and the scheduler's own words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agents.evidence.changes import parse_time
from agents.evidence.model import Evidence
from agents.evidence.workload import Workload, pod_ready
from stratus.domain.base import JsonObject

PULL_REASONS: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
START_REASONS: Final = frozenset({"RunContainerError", "CreateContainerError", "ContainerCannotRun", "StartError"})
CONFIG_REASONS: Final = frozenset({"CreateContainerConfigError"})
REJECTED: Final = "Rejected"
"""The kubelet did not admit the pod, or evicted it."""


@dataclass(frozen=True)
class Trouble:
    """One container (or pod: ``container`` "") that cannot do its work."""

    pod: JsonObject
    container: str
    init: bool
    reason: str
    """Waiting or termination reason: ``ImagePullBackOff``, ``OOMKilled``, ``Unschedulable``, ``NotReady``…"""
    message: str
    exit_code: int | None = None
    restarts: int = 0
    running: bool = False

    @property
    def lived(self) -> float:
        """Seconds from start to end of the container's last life that is over; 0 when none is known."""
        status = self.pod.get("status") or {}
        for state in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
            if state["name"] == self.container:
                ended = (state.get("state") or {}).get("terminated") or (state.get("lastState") or {}).get("terminated")
                start, end = (parse_time((ended or {}).get(key)) for key in ("startedAt", "finishedAt"))
                return (end - start).total_seconds() if start and end else 0.0
        return 0.0

    @property
    def pod_name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])


def troubles(workload: Workload) -> list[Trouble]:
    """Everything that is wrong with a workload's pods, newest pods first."""
    pods = sorted(workload.pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    return [trouble for pod in pods if not pod["metadata"].get("deletionTimestamp") for trouble in pod_troubles(pod)]


def pod_troubles(pod: JsonObject) -> Iterator[Trouble]:
    """What is wrong with one pod."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return
    if status.get("phase") == "Failed" and status.get("reason") and not status.get("containerStatuses"):
        yield Trouble(pod, "", False, REJECTED, f"{status['reason']}: {status.get('message', '')}")
        return
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason, message = condition.get("reason", ""), condition.get("message", "")
            yield Trouble(pod, "", False, reason or "Unschedulable", message)
            return
    if status.get("phase") == "Pending" and not (pod.get("spec") or {}).get("nodeName"):
        yield Trouble(pod, "", False, "NotScheduled", "no scheduler has looked at this pod")
        return
    seen = False
    for init, name in ((True, "initContainerStatuses"), (False, "containerStatuses")):
        for state in status.get(name) or []:
            trouble = _container_trouble(pod, state, init)
            if trouble is not None:
                seen = True
                yield trouble
    if not seen and not pod_ready(pod) and status.get("phase") in ("Running", "Pending", None):
        yield Trouble(pod, "", False, "NotReady", "", running=status.get("phase") == "Running")


def _container_trouble(pod: JsonObject, state: JsonObject, init: bool) -> Trouble | None:
    now, last = state.get("state") or {}, state.get("lastState") or {}
    name, restarts = str(state.get("name", "")), int(state.get("restartCount") or 0)
    ended = now.get("terminated") or last.get("terminated") or {}
    code = ended.get("exitCode")
    if "waiting" in now:
        reason, message = now["waiting"].get("reason", ""), now["waiting"].get("message", "")
        if reason in ("ContainerCreating", "PodInitializing", ""):
            return None
        if reason == "CrashLoopBackOff":
            reason = _crash_reason(ended)
            message = ended.get("message") or message
        return Trouble(pod, name, init, reason, message, code, restarts)
    if "terminated" in now:
        if now["terminated"].get("exitCode") == 0:
            return None
        return Trouble(pod, name, init, _crash_reason(ended), ended.get("message", ""), code, restarts)
    if init and not state.get("ready"):
        return Trouble(pod, name, True, "InitRunning", "", None, restarts, running=True)
    if not init and not state.get("ready"):
        reason = _crash_reason(ended) if restarts and ended.get("reason") == "OOMKilled" else "NotReady"
        return Trouble(pod, name, False, reason, "", code, restarts, running=True)
    if restarts and ended:
        return Trouble(pod, name, init, f"Restarted:{_crash_reason(ended)}", "", code, restarts, running=True)
    return None


def _crash_reason(ended: JsonObject) -> str:
    reason = str(ended.get("reason") or "")
    return reason if reason in ("OOMKilled", *START_REASONS) else "Crash"


def messages(evidence: Evidence, workload: Workload, *reasons: str) -> list[str]:
    """Distinct event messages of a workload's pods and of its own objects, the most frequent first."""
    objects = [*workload.pods, *children(evidence, workload), workload.obj]
    found: Counter[str] = Counter()
    for obj in objects:
        for event in evidence.events(obj):
            if not reasons or event.get("reason") in reasons:
                found[str(event.get("message", ""))] += int(event.get("count") or 1)
    return [message for message, _ in found.most_common()]


def children(evidence: Evidence, workload: Workload) -> list[JsonObject]:
    """ReplicaSets and Jobs of a workload: their events say why pods could not be created."""
    uid = workload.obj["metadata"].get("uid")
    return [
        obj
        for kind in ("ReplicaSet", "Job")
        for obj in evidence.of(kind, workload.namespace)
        if uid and any(owner.get("uid") == uid for owner in obj["metadata"].get("ownerReferences") or [])
    ]
