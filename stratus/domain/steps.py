"""The closed union of writes: one step is one typed write to one object. Nothing else ever changes a cluster."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from stratus.domain.base import JsonObject, Value
from stratus.domain.objects import ObjectRef


class _Step(Value):
    target: ObjectRef


class CreateStep(_Step):
    """POST a new object. The name is chosen before (no generateName), so a lost answer can be settled by reading."""

    kind: Literal["create"] = "create"
    manifest: JsonObject


class PatchStep(_Step):
    """PATCH an existing object."""

    kind: Literal["patch"] = "patch"
    patch_type: Literal["strategic", "merge", "json"]
    patch: Any = Field(description="a mapping, or for JSON patch a list of operations")
    subresource: str = ""


class ApplyStep(_Step):
    """Server-side apply: declare fields as ``field_manager``."""

    kind: Literal["apply"] = "apply"
    manifest: JsonObject
    field_manager: str = "kubectl"
    force: bool = False


class ReplaceStep(_Step):
    """PUT the whole object."""

    kind: Literal["replace"] = "replace"
    manifest: JsonObject


class DeleteStep(_Step):
    """DELETE an object."""

    kind: Literal["delete"] = "delete"
    propagation: Literal["Background", "Foreground", "Orphan"] = "Background"
    grace_period_seconds: int | None = None


class ScaleStep(_Step):
    """Set the replica count through the scale subresource."""

    kind: Literal["scale"] = "scale"
    replicas: int = Field(ge=0, le=10_000)


class EvictStep(_Step):
    """Evict a pod: a deletion that respects PodDisruptionBudgets."""

    kind: Literal["evict"] = "evict"
    grace_period_seconds: int | None = None


Step = Annotated[
    CreateStep | PatchStep | ApplyStep | ReplaceStep | DeleteStep | ScaleStep | EvictStep, Field(discriminator="kind")
]
STEP: TypeAdapter[Step] = TypeAdapter(Step)
"""Decodes a step from JSON or from plain data; raises pydantic.ValidationError."""


class Proposal(Value):
    """The steps of one intended change with their reason; judged by people as a whole."""

    steps: tuple[Step, ...] = Field(min_length=1)
    reason: str = ""
    evidence: tuple[str, ...] = ()
    author: str = Field(default="human:unknown", description='"agent:mitigation" or "human:NAME"')
    command: str = Field(default="", description="the kubectl command that says the same, for people")

    @property
    def title(self) -> str:
        """One line for people."""
        return self.command or ", ".join(f"{step.kind} {step.target}" for step in self.steps)


class FieldChange(Value):
    """One leaf that a step changes. ``path`` is dotted with merge keys in brackets: ``spec.containers[name=geo].image``.

    ``before``/``after`` are None when absent. Secret values appear only as a short digest.
    """

    path: str
    before: Any = None
    after: Any = None
