"""A model world: two objects of two fields, a foreign writer, and everything that can go wrong, chosen by a script.

It stands in for the cluster's port, so the engine under test is the real one, and every run of it is deterministic: what
happens at each point is an answer of ``choose``, which an exhaustive explorer or a random generator gives.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, OutcomeUnknown, Refused, Retryable
from stratus.domain.objects import ClusterIdentity, ObjectRef, Subject
from stratus.domain.severity import Finding, Observation, OracleState, Reading
from stratus.domain.steps import (
    CreateStep,
    DeleteStep,
    PatchStep,
    ReplaceStep,
    Step,
)
from stratus.ports import HttpReply, Precondition, Resource

Choose = Callable[[str, Sequence[str]], str]
"""(what is asked, the possible answers; the first is "nothing special") → the answer."""


def config_map(name: str, x: str, y: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "model"},
        "data": {"x": x, "y": y},
    }


def ref(name: str) -> ObjectRef:
    return ObjectRef(api_version="v1", kind="ConfigMap", namespace="model", name=name)


@dataclass
class Write:
    """One mutation of the world."""

    by: str
    target: str
    before: JsonObject | None
    after: JsonObject | None
    log_head: int


@dataclass
class World:
    """Implements ports.ClusterReader; ``writer`` and ``dry_run`` implement ports.ClusterWriter."""

    choose: Choose
    log_head: Callable[[], int] = lambda: 0
    objects: dict[str, JsonObject] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    blind_now: bool = False
    _version: int = 10
    _uids: int = 0
    _late: list[Callable[[], None]] = field(default_factory=list)

    def add(self, obj: JsonObject, by: str = "setup") -> JsonObject:
        stored = copy.deepcopy(obj)
        self._uids += 1
        self._version += 1
        stored["metadata"] |= {"uid": f"u{self._uids}", "resourceVersion": str(self._version)}
        stored["metadata"]["managedFields"] = [{"manager": by, "operation": "Update"}]
        self._store(by, stored["metadata"]["name"], stored)
        return stored

    def _store(self, by: str, name: str, obj: JsonObject | None) -> None:
        self.writes.append(Write(by, name, copy.deepcopy(self.objects.get(name)), copy.deepcopy(obj), self.log_head()))
        if obj is None:
            self.objects.pop(name, None)
        else:
            self.objects[name] = obj

    def foreign_edit(self, name: str, key: str) -> None:
        """Another writer changes one field, each time to a value that nobody had before."""
        live = self.objects.get(name)
        if live is not None:
            changed = copy.deepcopy(live)
            changed["data"][key] = f"9{len(self.writes)}"
            self._bump(changed, "foreign")
            self._store("foreign", name, changed)

    def _bump(self, obj: JsonObject, by: str) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)
        managers = obj["metadata"].setdefault("managedFields", [])
        if by not in [entry["manager"] for entry in managers]:
            managers.append({"manager": by, "operation": "Update"})

    # --- reading ------------------------------------------------------------------------------------------------------

    async def identity(self) -> ClusterIdentity:
        return ClusterIdentity(uid="model")

    async def resources(self) -> Sequence[Resource]:
        return [Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)]

    async def get(self, target: ObjectRef) -> JsonObject:
        if self.choose("read", ("ok", "unavailable")) == "unavailable":
            raise Retryable("503", delay=0.5)
        return self._live(target)

    def _live(self, target: ObjectRef) -> JsonObject:
        if target.name not in self.objects:
            raise Absent(f"{target} not found", status=404)
        return copy.deepcopy(self.objects[target.name])

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        return [copy.deepcopy(each) for each in self.objects.values() if each["kind"] == kind]

    async def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 200,
        timestamps: bool = False,
    ) -> str:  # fmt: skip
        return ""

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        raise Absent("no Services here")

    async def can_i(self, verb: str, target: ObjectRef, subresource: str = "") -> bool:
        return self.choose("permission", ("yes", "no")) == "yes"

    # --- writing ------------------------------------------------------------------------------------------------------

    def apply(self, step: Step, condition: Precondition, *, dry: bool, by: str = "stratus") -> JsonObject:
        live = self.objects.get(step.target.name)
        self._check(step, live, condition)
        result = self._result(step, live)
        if dry:
            return result or {}
        if result is not None:
            self._bump(result, by)
        self._store(by, step.target.name, result)
        return copy.deepcopy(result) if result is not None else {}

    def _check(self, step: Step, live: JsonObject | None, condition: Precondition) -> None:
        if isinstance(step, CreateStep):
            if live is not None:
                raise Conflict("already exists", status=409)
            return
        if live is None:
            raise Absent(f"{step.target} not found", status=404)
        if condition.uid and condition.uid != live["metadata"]["uid"]:
            raise Conflict("another uid", status=409)
        if condition.resource_version and condition.resource_version != live["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified", status=409)

    def _result(self, step: Step, live: JsonObject | None) -> JsonObject | None:
        if isinstance(step, DeleteStep):
            return None
        if isinstance(step, CreateStep):
            self._uids += 1
            created = copy.deepcopy(step.manifest)
            created["metadata"] |= {"uid": f"u{self._uids}", "resourceVersion": "0"}
            return created
        assert live is not None
        changed = copy.deepcopy(live)
        if isinstance(step, ReplaceStep):
            kept = {"uid": live["metadata"]["uid"], "resourceVersion": live["metadata"]["resourceVersion"]}
            changed = copy.deepcopy(step.manifest)
            changed["metadata"] = {**changed["metadata"], **kept}
        elif isinstance(step, PatchStep):
            for key, value in step.patch["data"].items():
                changed["data"] = {**changed.get("data", {}), key: value}
                if value is None:
                    changed["data"].pop(key)
        return changed

    @property
    def dry_run(self) -> DryRun:
        return DryRun(self)

    @property
    def writer(self) -> RealWriter:
        return RealWriter(self)

    # --- judging ------------------------------------------------------------------------------------------------------

    async def observe(self) -> Observation:
        """Two is sick, one is worth less than zero: enough for better, equal, worse and other victims."""
        if self.choose("observe", ("sees", "blind")) == "blind":
            return Observation(readings=(Reading(oracle="model", state=OracleState.BLIND, note="chosen"),))
        return self.truth()

    def truth(self) -> Observation:
        """What an oracle that sees would say."""
        findings = [
            Finding(
                oracle="model",
                subject=Subject(kind="ConfigMap", namespace="model", name=name),
                reason="Sick",
                weight=float(weight),
            )
            for name in ("a", "b")
            if (weight := _weight(self.objects.get(name)))
        ]
        return Observation(readings=(Reading(oracle="model", state=OracleState.OBSERVING, findings=tuple(findings)),))


def _weight(obj: JsonObject | None) -> int:
    if obj is None:
        return 3
    data: dict[str, Any] = obj.get("data", {})
    return sum({"0": 0, "1": 1, "2": 2}.get(str(value), 3) for value in data.values())


@dataclass
class DryRun:
    world: World

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        answer = self.world.choose("dry run", ("ok", "refused"))
        if answer == "refused":
            raise Refused("the webhook said no", status=403)
        return self.world.apply(step, precondition, dry=True)


@dataclass
class RealWriter:
    world: World

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        world, name = self.world, step.target.name
        event = world.choose(
            "write", ("ok", "refused", "lost after", "lost before", "throttled", "foreign same", "foreign other")
        )
        if event == "refused":
            raise Refused("forbidden", status=403)
        if event == "throttled":
            raise Retryable("429", delay=1.0)
        if event == "lost before":
            raise OutcomeUnknown("connection reset")
        if event == "foreign same":
            world.foreign_edit(name, "x")
        if event == "foreign other":
            world.foreign_edit(name, "y")
        answer = world.apply(step, precondition, dry=False)
        if event == "lost after":
            raise OutcomeUnknown("time-out")
        return answer
