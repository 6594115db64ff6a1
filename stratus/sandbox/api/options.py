"""How a write is made: by whom, as a rehearsal or for real, and what it says on the side."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from stratus.sandbox.schema.kinds import Kind


class PatchKind(Enum):
    """The four patch formats, by their content types."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks; authorisation reviews answer for this name and these groups."""

    name: str = "system:admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")


INTERNAL = User("system:kube-controller-manager", ("system:masters", "system:authenticated"))


@dataclass(slots=True)
class Write:
    """The circumstances of one write. `warnings` is filled while it is handled."""

    dry_run: bool = False
    manager: str = "unknown"
    force: bool = False
    validation: str = "Ignore"
    user: User = INTERNAL
    view: Kind | None = None
    warnings: list[str] = field(default_factory=list)
