"""Container logs as the kubelet serves them, the previous instance's included."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.backend import BackendError, LogOptions
from stratus.sandbox.kernel import rfc3339_micro
from stratus.sandbox.node.container import Container

NOT_PULLED = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def text(container: Container, pod: str, options: LogOptions, now: float) -> str:
    """The log under the options. Raises BackendError while there is none."""
    lines = list(_lines(container, pod, options.previous))
    if options.since_seconds is not None:
        lines = [(at, line) for at, line in lines if at >= now - options.since_seconds]
    if options.tail_lines is not None:
        lines = lines[-options.tail_lines :] if options.tail_lines else []
    shown = "".join(f"{_stamp(at)} {line}\n" if options.timestamps else f"{line}\n" for at, line in lines)
    if options.limit_bytes is not None:
        shown = shown.encode()[: options.limit_bytes].decode(errors="ignore")
    return shown


def since(container: Container, pod: str, position: int) -> tuple[str, int, bool]:
    """Text after a line number, the new number, and whether the instance has ended."""
    lines = _lines(container, pod, previous=False)
    new = lines[position:] if position <= len(lines) else lines
    return "".join(f"{line}\n" for _, line in new), len(lines), not container.running


def _lines(container: Container, pod: str, previous: bool) -> Sequence[tuple[float, str]]:
    waiting = container.phase != "running"
    ended = container.terminated or container.last
    if previous:
        restarting = waiting and container.terminated is not None and container.waiting is not None
        found = container.process if restarting else container.previous
        if found is None:
            message = f'previous terminated container "{container.name}" in pod "{pod}" not found'
            raise BackendError(400, "BadRequest", message)
        return found.logs()
    if waiting and ended is None:
        reason = container.waiting.reason if container.waiting else container.worker.waiting_reason
        detail = NOT_PULLED.get(reason, reason)
        message = f'container "{container.name}" in pod "{pod}" is waiting to start: {detail}'
        raise BackendError(400, "BadRequest", message)
    return container.process.logs() if container.process else ()


def _stamp(at: float) -> str:
    return rfc3339_micro(at).replace("Z", "000Z")
