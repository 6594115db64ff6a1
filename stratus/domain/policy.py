"""Who decides: modes per risk tier and namespace, classification from the steps alone, and the limits of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from stratus.domain.base import Value


class Mode(StrEnum):
    """What happens to a proposal, from the most careful to the least."""

    OBSERVE = "observe"
    APPROVE = "approve"
    VETO = "veto"
    AUTO = "auto"

    @property
    def freedom(self) -> int:
        """0 for observe … 3 for auto."""
        return list(Mode).index(self)


class Reversibility(StrEnum):
    """What undo can do for a step."""

    EXACT = "exact"  # every field returns
    EQUIVALENT = "equivalent"  # pods are replaced by their owner: other names, same spec
    NONE = "none"  # data loss, external effects: refused unless a person says so explicitly


class Tier(StrEnum):
    """Risk of a step, by what it can break."""

    WORKLOAD = "workload"  # fields of one workload, Service, ConfigMap…: exact undo, namespaced
    SENSITIVE = "sensitive"  # deletes, Secrets, RBAC, quotas, many pods at once
    CLUSTER = "cluster"  # nodes, webhooks, priority classes: beyond any namespace
    IRREVERSIBLE = "irreversible"  # no faithful inverse


class Classification(Value):
    """The engine's own judgement of one step; text from a model, a log or an annotation has no part in it (I9)."""

    reversibility: Reversibility
    tier: Tier
    reason: str


class Limits(Value):
    """A3, the bounded risk window: counted by the engine, not by the agent."""

    steps: int = Field(default=20, ge=1, description="K: steps in one transaction (the paper's value)")
    seconds: float = Field(default=300.0, gt=0, description="T: from the first write to the verdict")
    objects: int = Field(default=25, ge=1, description="N: objects that one transaction may touch")
    replica_share: float = Field(
        default=1.0, gt=0, le=1, description="share of a workload's ready replicas that one transaction may take away"
    )


class Policy(Value):
    """The configured will of the operator. ``ceiling`` comes from a file and no flag can lift it."""

    mode: Mode = Mode.OBSERVE
    ceiling: Mode = Mode.AUTO
    tiers: Mapping[Tier, Mode] = Field(
        default={Tier.IRREVERSIBLE: Mode.APPROVE}, description="the freest mode that a tier may have"
    )
    namespaces: Mapping[str, Mode] = Field(default={}, description="the freest mode that a namespace may have")
    veto_window: float = Field(default=30.0, ge=0, description="seconds in which somebody can object")
    approval_timeout: float = Field(default=1800.0, gt=0, description="seconds until an unanswered approval expires")
    no_new_victims: bool = True
    limits: Limits = Limits()

    def mode_for(self, tier: Tier, namespace: str) -> Mode:
        """The mode that governs a step of ``tier`` in ``namespace`` ("" for cluster-scoped): the most careful that applies."""
        bounds = [self.mode, self.ceiling, self.tiers.get(tier, Mode.AUTO), self.namespaces.get(namespace, Mode.AUTO)]
        return min(bounds, key=lambda mode: mode.freedom)
