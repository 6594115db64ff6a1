"""How the end of a container is told: its terminated state and its last words."""

from __future__ import annotations

from stratus.sandbox.apps.process import Process
from stratus.sandbox.kernel import rfc3339
from stratus.sandbox.objects import Object

LAST_LINES, LAST_BYTES = 80, 2048
"""How much of the log a termination message takes with FallbackToLogsOnError."""


def terminated(code: int, reason: str, message: str, started: str, ended: float, container_id: str) -> Object:
    """The `terminated` state; `ended` in seconds since the epoch."""
    state: Object = {"exitCode": code, "reason": reason, "startedAt": started}
    if message:
        state["message"] = message
    return {**state, "finishedAt": rfc3339(ended), "containerID": container_id}


def last_words(container: Object, process: Process | None, code: int) -> str:
    """With FallbackToLogsOnError, the end of the log is the termination message of a failed container."""
    if not code or process is None or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return ""
    lines = [line for _, line in process.logs()][-LAST_LINES:]
    return "".join(f"{line}\n" for line in lines)[-LAST_BYTES:]


def duration(seconds: int) -> str:
    """Go's text for a whole number of seconds: 40s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"
