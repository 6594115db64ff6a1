"""The seam between the roles and what they think with: hypotheses in, candidate changes out, lessons carried along."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Protocol

from agents.evidence import Evidence
from agents.evidence.changes import RESTARTED_AT
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.steps import PatchStep, Proposal, Step

FAULT_CLASSES: Final = (
    "admission", "auth-config", "auth-runtime", "autoscaling", "command", "config", "dns", "feature-flag", "image",
    "ingress", "init-container", "jobs", "network-policy", "probe", "quota", "resources", "rollout-strategy", "scaling",
    "scheduling", "service-networking", "storage", "unknown",
)  # fmt: skip
"""The vocabulary of a diagnosis: the classes of the public fault catalogues, and ``unknown``."""


class Origin(StrEnum):
    """Where a candidate comes from, the most trustworthy first."""

    RESTORE = "restore"  # the field that changed gets its earlier value back
    DERIVE = "derive"  # the value follows from the rest of the cluster
    ROLLBACK = "rollback"  # the whole template goes back
    RESTART = "restart"  # only where state is plausible


PRIOR: Final = {Origin.RESTORE: 1.0, Origin.DERIVE: 0.85, Origin.ROLLBACK: 0.6, Origin.RESTART: 0.3}
"""How much a candidate's origin counts: small and proven changes before large and hopeful ones."""


@dataclass(frozen=True)
class Candidate:
    """One change that may help."""

    proposal: Proposal
    origin: Origin
    score: float

    @property
    def fingerprint(self) -> str:
        """What it does, apart from words and stamps: the same change twice has the same fingerprint."""
        return fingerprint(self.proposal.steps)


@dataclass(frozen=True)
class Hypothesis:
    """Where the cause may be, what it is, how sure, why, and what would repair it."""

    component: Subject
    fault_class: str
    confidence: float
    summary: str
    evidence: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    affects: frozenset[Subject] = frozenset()
    """Subjects that suffer directly when it is true; the component is always one of them."""
    family: str = ""
    """Equal for the same mistake made on several components, so that they can be repaired together; "" is none."""

    @property
    def sentence(self) -> str:
        """The summary, which always names the component."""
        name = str(self.component)
        return self.summary if self.summary.startswith(name) else f"{name}: {self.summary}"

    @property
    def key(self) -> tuple[str, str]:
        """The same hypothesis in two diagnoses has the same key."""
        return (self.component.path, self.fault_class)

    def scored(self, confidence: float) -> Hypothesis:
        """The same with another confidence."""
        return replace(self, confidence=min(max(confidence, 0.0), 0.99))


@dataclass(frozen=True)
class Reflection:
    """What one attempt taught: carried forward so that it is not made again."""

    fingerprint: str
    title: str
    outcome: str
    """As the engine reported it: committed, restored, vetoed, refused…"""
    reason: str
    hypothesis: tuple[str, str]
    left_behind: tuple[JsonObject, ...] = ()
    """The targets as they were before the attempt: states known to be bad."""

    @property
    def failed(self) -> bool:
        """Whether the change is gone again or never came to be."""
        return self.outcome != "committed"


class Mind(Protocol):
    """Thinks, and never acts."""

    name: str

    async def diagnose(self, evidence: Evidence, reflections: Sequence[Reflection]) -> Sequence[Hypothesis]:
        """Ranked hypotheses, the most probable cause first; empty when there is no idea."""
        ...

    async def plan(
        self, diagnosis: Sequence[Hypothesis], evidence: Evidence, reflections: Sequence[Reflection]
    ) -> Sequence[tuple[Candidate, Hypothesis]]:
        """Ranked candidates, each with the hypothesis that it follows from, without those that were tried before."""
        ...


def fingerprint(steps: Sequence[Step]) -> str:
    """12 hex digits over what the steps do; restart stamps and orders of keys do not count."""
    plain = [_without_stamps(step.model_dump(mode="json")) for step in steps]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def _without_stamps(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: "" if k == RESTARTED_AT else _without_stamps(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_stamps(item) for item in value]
    return value


def is_restart(step: Step) -> bool:
    """Whether a step only restarts a workload's pods."""
    return isinstance(step, PatchStep) and RESTARTED_AT in json.dumps(step.patch)
