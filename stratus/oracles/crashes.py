"""Containers that end with an error again and again: what counts as repeated, and when it is over."""

from __future__ import annotations

from datetime import datetime

from stratus.domain.base import JsonObject
from stratus.oracles.times import when

CRASHES = 2
"""Restarts from which on a crash counts as repeated. Running out of memory repeats itself: there the first one counts."""
SHORT_LIFE = 10.0
"""Seconds: a container that keeps ending sooner than this serves nobody, even while its pod says Ready."""
STEADY_MIN, STEADY_MAX = 10.0, 300.0
"""A restarted container is steady once it outlived its last life three times, within these bounds in seconds."""
LONG_LIFE = 600.0
"""Seconds: after a life as long as this, the kubelet forgets earlier crashes, and so do we."""


def statuses(pod: JsonObject) -> list[JsonObject]:
    """Of all containers, init containers first."""
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def last_end(status: JsonObject) -> JsonObject:
    """The last ended life of a container: the present one when it is over, else the one before."""
    now: JsonObject = status.get("state", {}).get("terminated") or {}
    return now or status.get("lastState", {}).get("terminated") or {}


def life(status: JsonObject) -> float:
    """Seconds from the start to the end of the life that ended last."""
    ended = last_end(status)
    return (when(ended.get("finishedAt")) - when(ended.get("startedAt"))).total_seconds()


def repeated_crash(status: JsonObject) -> str:
    """The cause when a container crashed repeatedly, "" otherwise."""
    ended = last_end(status)
    restarts = status.get("restartCount", 0)
    if not restarts or not ended or life(status) > LONG_LIFE:
        return ""
    if ended.get("reason") == "OOMKilled":
        return "OOMKilled"
    return "Crashing" if ended.get("exitCode") and restarts >= CRASHES else ""


def steady(status: JsonObject, now: datetime) -> bool:
    """Whether a restarted container outlived its last life so clearly that the crashes are over."""
    running = status.get("state", {}).get("running")
    if not running:
        return False
    enough = min(max(3 * life(status), STEADY_MIN), STEADY_MAX)
    return (now - when(running.get("startedAt"))).total_seconds() >= enough


def crash_life(pod: JsonObject) -> float:
    """How long its crashing container lived, 0 when none crashes repeatedly."""
    return max((life(status) for status in statuses(pod) if repeated_crash(status)), default=0.0)


def lived(pod: JsonObject, now: datetime) -> float:
    """Seconds since the youngest of its running containers started."""
    starts = [(status.get("state", {}).get("running") or {}).get("startedAt") for status in statuses(pod)]
    return min(((now - when(start)).total_seconds() for start in starts if start), default=0.0)
