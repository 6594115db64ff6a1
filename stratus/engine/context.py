"""What every part of the engine works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import Field

from stratus.domain.base import Value
from stratus.domain.objects import ClusterIdentity
from stratus.domain.policy import Policy
from stratus.domain.severity import Observation
from stratus.engine.crashpoints import Reach
from stratus.engine.desk import Desk
from stratus.engine.lease import LeasedWriter
from stratus.engine.ledger import Ledger
from stratus.ports import Clock, ClusterReader, ClusterWriter, Snapshots


class EngineSettings(Value):
    """Times of the engine, in seconds."""

    look_every: float = Field(default=1.0, gt=0, description="between two looks while settling")
    settle_least: float = Field(default=1.0, ge=0, description="a verdict needs the state to stay the same this long")
    grace: float = Field(
        default=12.0, ge=0, description="how long a bad verdict may still turn good while nothing moves"
    )
    checkpoint_wait: float = Field(default=20.0, ge=0, description="how long to wait for a settled state to start from")
    undo_settle: float = Field(default=60.0, ge=0, description="how long to wait for rollouts after an undo")
    read_patience: float = Field(default=5.0, ge=0, description="how long to retry what comes before the first write")
    undo_patience: float = Field(default=300.0, ge=0, description="how long to retry an undo while the API is away")
    slice: float = Field(default=0.1, gt=0, description="longest time without looking at the inbox")


@dataclass
class Context:
    """One engine's parts."""

    ledger: Ledger
    snapshots: Snapshots
    reader: ClusterReader
    writer: LeasedWriter
    dry_run: ClusterWriter
    observe: Callable[[], Awaitable[Observation]]
    clock: Clock
    desk: Desk
    policy: Policy
    settings: EngineSettings
    reach: Reach
    cluster: ClusterIdentity
    wait: Callable[[float], Awaitable[None]]
    """Sleeps, and meanwhile takes commands and renews the lease."""
    stopping: Callable[[], bool]
