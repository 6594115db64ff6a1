"""Fakes for what the oracles read, and an oracle that says what a test wants. Objects for them: stratus.testing.kube."""

from __future__ import annotations

from copy import deepcopy

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ClusterIdentity, ObjectRef
from stratus.domain.severity import Finding, OracleState, Reading
from stratus.ports import HttpReply, Resource


class ScriptedOracle:
    """Implements ports.Oracle: answers with the given readings in turn, and repeats the last."""

    def __init__(self, name: str, *readings: Reading | tuple[Finding, ...] | OracleState) -> None:
        """A reading may be given whole, as its findings (observing), or as a state."""
        self.name = name
        self.reads = 0
        self._script = [self._reading(each) for each in readings or ((),)]

    async def read(self) -> Reading:
        """The next reading."""
        reading = self._script[min(self.reads, len(self._script) - 1)]
        self.reads += 1
        return reading

    def then(self, *readings: Reading | tuple[Finding, ...] | OracleState) -> None:
        """From the next read on, answer with these."""
        self.reads, self._script = 0, [self._reading(each) for each in readings]

    def _reading(self, said: Reading | tuple[Finding, ...] | OracleState) -> Reading:
        if isinstance(said, Reading):
            return said
        if isinstance(said, OracleState):
            return Reading(oracle=self.name, state=said)
        return Reading(oracle=self.name, state=OracleState.OBSERVING, findings=said)


class DictReader:
    """Implements ports.ClusterReader over raw objects. What a test plants in ``failures`` and ``answers`` is raised or sent."""

    def __init__(self, *objects: JsonObject) -> None:
        self.objects: dict[tuple[str, str, str], JsonObject] = {}
        self.failures: dict[str, Exception] = {}
        """Kind: what listing or getting it raises."""
        self.answers: dict[str, HttpReply | Exception] = {}
        """``namespace/service:port`` or the same with a path: what the proxy answers."""
        self.default_answer = HttpReply(status=200, body="ok\n")
        self.lists: list[tuple[str, str]] = []
        """(kind, namespace) of every list."""
        self.requests: list[str] = []
        """``namespace/service:port/path`` of every request through the proxy."""
        self.put(*objects)

    def put(self, *objects: JsonObject) -> None:
        """Add or replace."""
        for obj in objects:
            meta = obj["metadata"]
            self.objects[obj["kind"], meta.get("namespace") or "", meta["name"]] = obj

    def remove(self, obj: JsonObject) -> None:
        """Delete."""
        meta = obj["metadata"]
        del self.objects[obj["kind"], meta.get("namespace") or "", meta["name"]]

    async def identity(self) -> ClusterIdentity:
        """A fixed one."""
        return ClusterIdentity(uid="dict-reader")

    async def resources(self) -> tuple[Resource, ...]:
        """None: nothing here needs discovery."""
        return ()

    async def get(self, ref: ObjectRef) -> JsonObject:
        """A copy. Raises Absent, or what ``failures`` says."""
        if ref.kind in self.failures:
            raise self.failures[ref.kind]
        try:
            return deepcopy(self.objects[ref.kind, ref.namespace, ref.name])
        except KeyError:
            raise Absent(f"{ref.path} not found", status=404) from None

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        """Copies. Selectors are not evaluated. Raises what ``failures`` says."""
        self.lists.append((kind, namespace))
        if kind in self.failures:
            raise self.failures[kind]
        found = [obj for (k, ns, _), obj in self.objects.items() if k == kind and namespace in ("", ns)]
        return deepcopy(found)

    async def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 200,
        timestamps: bool = False,
    ) -> str:  # fmt: skip
        """None."""
        return ""

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        """What ``answers`` says, else 200."""
        where = f"{namespace}/{service}:{port}"
        self.requests.append(where + path)
        answer = self.answers.get(where + path, self.answers.get(where, self.default_answer))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def can_i(self, verb: str, ref: ObjectRef, subresource: str = "") -> bool:
        """Always."""
        return True
