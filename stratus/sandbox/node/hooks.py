"""Lifecycle hooks: what a container's postStart and preStop do, and the events when they fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stratus.sandbox.apps.process import Process
from stratus.sandbox.objects import Object

Event = Callable[[str, str, str], None]


def post_start(container: Object, process: Process, now: float, event: Event) -> bool:
    """Runs the postStart command; False when it failed, and the container has to be stopped."""
    command = _command(container, "postStart")
    return not command or _run("FailedPostStartHook", container, command, process, now, event)


def pre_stop(container: Object, process: Process, now: float, event: Event) -> float:
    """Runs the preStop hook; returns the seconds that it takes."""
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    if "sleep" in hook:
        return float(hook["sleep"]["seconds"])
    command = _command(container, "preStop")
    if len(command) == 2 and command[0] == "sleep":
        return float(command[1])
    if command:
        _run("FailedPreStopHook", container, command, process, now, event)
    return 0.0


def _command(container: Object, hook: str) -> Sequence[str]:
    found = (container.get("lifecycle") or {}).get(hook) or {}
    return (found.get("exec") or {}).get("command") or ()


def _run(reason: str, container: Object, command: Sequence[str], process: Process, now: float, event: Event) -> bool:
    code, out, err = process.exec(command, now)
    if code:
        listed, name = " ".join(command), container["name"]
        text = f'Exec lifecycle hook ([{listed}]) for Container "{name}" failed - error: command exited with {code}'
        event("Warning", reason, f'{text}, message: "{out}{err}"')
    return code == 0
