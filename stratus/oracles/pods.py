"""Why a pod does not serve: the table of causes that waiting does not heal, and the judgement of one pod by it.

Kubernetes itself says ``Progressing=False`` only after 600 s, which is too late for a transaction and for users.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stratus.domain.base import JsonObject
from stratus.oracles.crashes import SHORT_LIFE, last_end, life, repeated_crash, statuses, steady
from stratus.oracles.times import EPOCH, when


@dataclass(frozen=True)
class CauseRow:
    """One row of the table: when a symptom counts as stuck, and why waiting does not heal it."""

    name: str
    seen_in: str
    after: float
    why: str


_WAITING, _CONDITION, _EVENT = "container waiting", "pod condition", "event"
CAUSES: tuple[CauseRow, ...] = (
    CauseRow("ErrImagePull", _WAITING, 0, "the registry does not have the image, or refuses it"),
    CauseRow("ImagePullBackOff", _WAITING, 0, "the same, again and again"),
    CauseRow("InvalidImageName", _WAITING, 0, "no registry can ever have this image"),
    CauseRow("ErrImageNeverPull", _WAITING, 0, "the image is not on the node and may not be pulled"),
    CauseRow(
        "CreateContainerConfigError", _WAITING, 3, "a ConfigMap, Secret or key that the environment names is missing"
    ),
    CauseRow(
        "CreateContainerError", _WAITING, 3, "the runtime refuses the container, for example its command or mounts"
    ),
    CauseRow("RunContainerError", _WAITING, 0, "the container's command cannot be started"),
    CauseRow("CrashLoopBackOff", _WAITING, 0, "it crashed, was started again and crashed again"),
    CauseRow("OOMKilled", "a restart", 0, "it needs more memory than its limit, each time"),
    CauseRow("Crashing", "2 restarts or more", 0, "it ends with an error each time it is started"),
    CauseRow("Unschedulable", _CONDITION, 5, "no node fits: selector, taints, ports, volumes or resources"),
    CauseRow("NotScheduled", _CONDITION, 15, "no scheduler has looked at it, of the name that it asks for or at all"),
    CauseRow("FailedCreate", "ReplicaSet condition, or event", 0, "quota or admission refuses new pods"),
    CauseRow("FailedMount", _EVENT, 5, "a ConfigMap, Secret or volume that the pod mounts is not there"),
    CauseRow("FailedAttachVolume", _EVENT, 20, "the volume is held by another node, or does not exist"),
    CauseRow("FailedCreatePodSandBox", _EVENT, 20, "the node cannot give the pod a network"),
    CauseRow("InitNotDone", "window passed", 0, "an init container runs for longer than a start takes"),
    CauseRow("NotReady", "window passed", 0, "it runs, but its readiness probe keeps failing"),
    CauseRow("NotStarted", "window passed", 0, "its containers have not started for longer than a start takes"),
)
CAUSE: Mapping[str, CauseRow] = {row.name: row for row in CAUSES}
EVENT_CAUSES = frozenset(row.name for row in CAUSES if row.seen_in == _EVENT)

_NOT_FOUND = re.compile(r'\b(configmap|secret) "([^"/]+)" not found', re.IGNORECASE)

STARTING = 5.0
"""Seconds after the kubelet's next try was due in which it may still be under way."""
RETRY_SOON = 45.0
"""Seconds: a crashed container whose next start is this close may heal by waiting."""


@dataclass(frozen=True)
class Trouble:
    """Why a pod does not serve. ``stuck``: waiting does not heal it, as far as its table row knows."""

    cause: str
    message: str = ""
    stuck: bool = True
    hopeful: bool = False
    """Something around it changed since it was last tried: it still fails, and may heal within a moment."""

    @property
    def note(self) -> str:
        """For people: the cause and what was said about it."""
        return f"{self.cause}: {self.message}" if self.message else self.cause


@dataclass(frozen=True)
class PodContext:
    """What judging a pod needs beyond the pod."""

    now: datetime
    window: float
    """Seconds that a pod of this workload may take from its creation to ready."""
    changed: datetime = EPOCH
    """When something else in the namespace last became ready, or a Service last changed: what failed before may pass now."""
    events: tuple[JsonObject, ...] = ()
    """Warnings about the pod."""
    present: frozenset[str] = frozenset()
    """``configmap/NAME`` and ``secret/NAME`` that were missed before and are there now."""


def is_finished(pod: JsonObject) -> bool:
    """Succeeded, failed or evicted: it will never serve again and its owner replaces it."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: JsonObject) -> bool:
    """Being deleted: endpoints no longer list it."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_ready(pod: JsonObject) -> bool:
    """The Ready condition, of a pod that is not being deleted."""
    return not is_terminating(pod) and condition(pod, "Ready").get("status") == "True"


def condition(obj: JsonObject, kind: str) -> JsonObject:
    """A status condition, {} when there is none."""
    every: Iterable[JsonObject] = obj.get("status", {}).get("conditions") or ()
    return next((each for each in every if each.get("type") == kind), {})


def age(obj: JsonObject, now: datetime) -> float:
    """Seconds since creation."""
    return (now - when(obj["metadata"].get("creationTimestamp"))).total_seconds()


def startup_seconds(pod: JsonObject) -> float | None:
    """How long a ready pod took from its creation to ready; None when it is not ready or has restarted since."""
    if not is_ready(pod) or any(status.get("restartCount") for status in statuses(pod)):
        return None
    took = when(condition(pod, "Ready").get("lastTransitionTime")) - when(pod["metadata"].get("creationTimestamp"))
    return max(0.0, took.total_seconds())


def probe_budget(pod_spec: JsonObject) -> float:
    """Seconds that the probes themselves grant a start: start-up probe, then readiness."""
    budgets = []
    for container in pod_spec.get("containers") or ():
        budget = 0.0
        for name in ("startupProbe", "readinessProbe"):
            probe = container.get(name)
            if probe:
                budget += probe.get("initialDelaySeconds", 0) + notice_seconds(probe)
        budgets.append(budget)
    return max(budgets, default=0.0)


def notice_seconds(probe: JsonObject) -> float:
    """Seconds until a probe's failure is acted upon."""
    return float(probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3))


def trouble_of(pod: JsonObject, context: PodContext) -> Trouble | None:
    """Why a pod that is not finished does not serve; None for a pod that does."""
    found = _crash(pod, context) or _waiting(pod, context) or _unschedulable(pod, context)
    if found or is_ready(pod):
        return found
    return _by_event(pod, context) or _late(pod, context)


def restarting(pod: JsonObject, now: datetime) -> Trouble | None:
    """A ready pod whose container keeps being restarted, with lives long enough to serve in between."""
    for status in statuses(pod):
        crash = repeated_crash(status)
        if is_ready(pod) and crash and not steady(status, now):
            return Trouble(crash, f"{status['name']} restarted {status.get('restartCount', 0)} times")
    return None


def _crash(pod: JsonObject, context: PodContext) -> Trouble | None:
    for status in statuses(pod):
        ended = last_end(status)
        looping = (status.get("state", {}).get("waiting") or {}).get("reason") == "CrashLoopBackOff"
        crash = repeated_crash(status)
        if not looping and not (crash and not steady(status, context.now)):
            continue
        if not looping and is_ready(pod) and life(status) >= SHORT_LIFE:
            continue
        cause = "OOMKilled" if ended.get("reason") == "OOMKilled" else "CrashLoopBackOff" if looping else crash
        message = f"{status['name']} exited with {ended.get('exitCode', '?')}, restarted {status.get('restartCount', 0)} times"
        return Trouble(cause, message, hopeful=_retried(status, context))
    return None


def _retried(status: JsonObject, context: PodContext) -> bool:
    """Something changed around it since the last crash, and the next life began already or is close."""
    ended = when(last_end(status).get("finishedAt"))
    backoff = min(300.0, 10.0 * 2 ** max(0, status.get("restartCount", 0) - 1))
    due = (ended + timedelta(seconds=backoff) - context.now).total_seconds()
    begun = "running" in status.get("state", {})
    return ended < context.changed and (begun or -STARTING <= due <= RETRY_SOON)


def _waiting(pod: JsonObject, context: PodContext) -> Trouble | None:
    for status in statuses(pod):
        waiting = status.get("state", {}).get("waiting") or {}
        row = CAUSE.get(waiting.get("reason", ""))
        if row and row.seen_in == _WAITING and age(pod, context.now) >= row.after:
            hopeful = _missed(waiting, context.present)
            return Trouble(row.name, _short(waiting.get("message", "")), hopeful=hopeful)
    return None


def _unschedulable(pod: JsonObject, context: PodContext) -> Trouble | None:
    scheduled = condition(pod, "PodScheduled")
    spec = pod.get("spec") or {}
    if not scheduled and not spec.get("nodeName") and age(pod, context.now) >= CAUSE["NotScheduled"].after:
        return Trouble("NotScheduled", f"no answer of {spec.get('schedulerName', 'the scheduler')}")
    if scheduled.get("status") != "False":
        return None
    since = max(when(scheduled.get("lastTransitionTime")), when(pod["metadata"].get("creationTimestamp")))
    stuck = (context.now - since).total_seconds() >= CAUSE["Unschedulable"].after
    return Trouble("Unschedulable", _short(scheduled.get("message", "")), stuck)


def is_started(pod: JsonObject) -> bool:
    """Whether any of its containers ever ran."""
    return any("running" in s.get("state", {}) or s.get("restartCount") or last_end(s) for s in statuses(pod))


def missed_objects(pod: JsonObject, events: Iterable[JsonObject]) -> frozenset[str]:
    """``configmap/NAME`` and ``secret/NAME`` that the kubelet says it does not find for a pod."""
    waiting = (status.get("state", {}).get("waiting") or {} for status in statuses(pod))
    said = " ".join(str(each.get("message", "")) for each in (*waiting, *events))
    return frozenset(f"{kind.lower()}/{name}" for kind, name in _NOT_FOUND.findall(said))


def _missed(said: JsonObject, present: frozenset[str]) -> bool:
    """Whether what was missed is there now: the kubelet tries again by itself."""
    missed = {f"{kind.lower()}/{name}" for kind, name in _NOT_FOUND.findall(said.get("message", ""))}
    return bool(missed) and missed <= present


def _by_event(pod: JsonObject, context: PodContext) -> Trouble | None:
    if is_started(pod):
        return None
    for event in context.events:
        row = CAUSE.get(event.get("reason", ""))
        if row and row.seen_in == _EVENT and age(pod, context.now) >= row.after:
            return Trouble(row.name, _short(event.get("message", "")), hopeful=_missed(event, context.present))
    return None


def _late(pod: JsonObject, context: PodContext) -> Trouble:
    """Not ready and without a known cause: still starting within its window, stuck after it."""
    budget = min(probe_budget(pod.get("spec", {})), context.window) + 2
    hopeful = (context.now - context.changed).total_seconds() < budget
    stuck = age(pod, context.now) >= context.window
    status = pod.get("status", {})
    if any(not each.get("state", {}).get("terminated") for each in status.get("initContainerStatuses") or ()):
        return Trouble("InitNotDone", "an init container has not ended", stuck, hopeful)
    if any("running" in each.get("state", {}) for each in status.get("containerStatuses") or ()):
        return Trouble("NotReady", "it runs, but is not ready", stuck, hopeful)
    return Trouble("NotStarted", "its containers have not started", stuck, hopeful)


def _short(message: str, limit: int = 160) -> str:
    """One line for people."""
    line = " ".join(message.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
