"""The chain of admission plug-ins that a write passes before it is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stratus.sandbox.api.options import Write
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]


@dataclass(slots=True)
class Review:
    """One write under admission. Mutating plug-ins may change `object` in place; `old` is None on create."""

    operation: str
    kind: Kind
    namespace: str
    name: str
    object: Object
    old: Object | None
    subresource: str
    write: Write


Plugin = Callable[[Review], None]


class Admission:
    """Plug-ins by what they may do; each raises ApiError to refuse."""

    def __init__(self) -> None:
        self.mutating: list[Plugin] = []
        self.allocating: list[Plugin] = []
        self.validating: list[Plugin] = []

    def mutate(self, review: Review) -> None:
        """Run the plug-ins that may change the object."""
        for plugin in self.mutating:
            plugin(review)

    def allocate(self, review: Review) -> None:
        """Give the object what the cluster hands out (addresses, ports); nobody owns these fields."""
        for plugin in self.allocating:
            plugin(review)

    def validate(self, review: Review) -> None:
        """Run the plug-ins that may only refuse."""
        for plugin in self.validating:
            plugin(review)
