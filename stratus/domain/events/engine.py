"""Events of the engine itself: its life, its mode, what it sees, and the end of a run."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from stratus.domain.base import Value
from stratus.domain.objects import ClusterIdentity, Subject
from stratus.domain.policy import Mode
from stratus.domain.severity import Finding


class EngineEvent(Value):
    """An event of the engine."""

    event: str

    @property
    def stream(self) -> str:
        return "engine"


class EngineStarted(EngineEvent):
    """A process became the writer of this journal."""

    event: Literal["engine.started"] = "engine.started"
    holder: str
    version: str
    cluster: ClusterIdentity
    namespaces: tuple[str, ...]
    mode: Mode
    veto_window: float
    mind: str
    oracles: tuple[str, ...] = ()


class EngineStopped(EngineEvent):
    """It stopped on purpose."""

    event: Literal["engine.stopped"] = "engine.stopped"
    reason: str


class ModeChanged(EngineEvent):
    """A person changed the mode, for everything (namespace "") or one namespace, until a time or for good."""

    event: Literal["mode.changed"] = "mode.changed"
    mode: Mode
    namespace: str = ""
    until: datetime | None = None
    by: str


class Paused(EngineEvent):
    """No new step until resumed, or until a time."""

    event: Literal["engine.paused"] = "engine.paused"
    namespace: str = ""
    until: datetime | None = None
    by: str


class Resumed(EngineEvent):
    """The end of a pause."""

    event: Literal["engine.resumed"] = "engine.resumed"
    namespace: str = ""
    by: str


class LeaseChanged(EngineEvent):
    """The writer's lease was acquired, lost or released."""

    event: Literal["lease.changed"] = "lease.changed"
    held: bool
    holder: str
    reason: str = ""


class HealthSample(EngineEvent):
    """What the oracles see, written only when it differs from the last sample. ``severity`` None means ∞."""

    event: Literal["health.sample"] = "health.sample"
    severity: float | None
    findings: tuple[Finding, ...] = ()
    blind: tuple[str, ...] = ()
    why_blind: dict[str, str] = {}
    observing: tuple[str, ...] = ()
    crashed: bool = False


class WorkloadRow(Value):
    """One workload as a screen shows it."""

    subject: Subject
    ready: int
    desired: int
    state: Literal["ok", "moving", "degraded", "failed", "off"]
    note: str = ""


class WorkloadsChanged(EngineEvent):
    """Rows that appeared or changed, and subjects that went, since the last such event."""

    event: Literal["workloads.changed"] = "workloads.changed"
    changed: tuple[WorkloadRow, ...] = ()
    gone: tuple[Subject, ...] = ()


class BaselineTaken(EngineEvent):
    """The desired state of objects in scope while everything was healthy: what "what changed?" is answered from."""

    event: Literal["baseline.taken"] = "baseline.taken"
    changed: dict[str, str] = Field(description="object path: snapshot hash, for what is new or different")
    gone: tuple[str, ...] = ()


class CommandHandled(EngineEvent):
    """A person's command was taken from the inbox: the first valid one wins, later ones are told who was first."""

    event: Literal["command.handled"] = "command.handled"
    command: str = Field(description="id in the inbox")
    verb: str
    target: str = ""
    actor: str
    surface: str
    accepted: bool
    message: str
    result: dict[str, Any] = {}


class RunFinished(EngineEvent):
    """The last line of a headless run: the contract of product.md."""

    event: Literal["run.finished"] = "run.finished"
    outcome: Literal["healthy", "resolved", "not_fixed", "blocked", "restored", "diverged", "unreachable", "unknown"]
    exit_code: int
    seconds: float
    severity: dict[str, float | None]
    transactions: dict[str, int]
    writes: int
    denied: tuple[str, ...] = ()
    incidents: tuple[dict[str, Any], ...] = ()
