"""A served cluster's own controls, beside the Kubernetes API: listing, injecting and healing faults, and the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from stratus.sandbox.server.http import Request, Response, reply

PREFIX = "/sandbox/"


class Faults(Protocol):
    """The fault catalogue, bound to a cluster."""

    def list(self) -> Sequence[Any]: ...

    def inject(self, name: str) -> Any: ...

    def heal(self, name: str) -> Any: ...


class Control:
    """Answers GET /sandbox/faults, POST /sandbox/faults/{id}/inject or /heal, and POST /sandbox/stop."""

    def __init__(self, faults: Faults, stop: Callable[[], None]) -> None:
        """``stop`` asks whoever serves the cluster to end it."""
        self._faults, self._stop = faults, stop

    def handle(self, request: Request) -> Response:
        """The answer; 404 for an unknown fault or path. Raises ApiError when the fault's objects are not there."""
        parts = request.path.removeprefix(PREFIX).strip("/").split("/")
        if parts == ["faults"] and request.method == "GET":
            return reply(
                [
                    {"id": each.id, "summary": each.summary, "application": each.application}
                    for each in self._faults.list()
                ]
            )
        if parts == ["stop"] and request.method == "POST":
            self._stop()
            return reply({"stopping": True})
        if len(parts) >= 3 and parts[0] == "faults" and request.method == "POST":
            action = {"inject": self._faults.inject, "heal": self._faults.heal}.get(parts[-1])
            if action is not None:
                return self._run(action, "/".join(parts[1:-1]))  # ids hold slashes
        return reply({"message": f"nothing is served at {request.path}"}, 404)

    def _run(self, action: Any, name: str) -> Response:
        try:
            run = action(name)
        except KeyError:
            return reply({"message": f"there is no fault {name!r}"}, 404)
        return reply({"id": name, "done": bool(run.done), "failed": run.failed})
