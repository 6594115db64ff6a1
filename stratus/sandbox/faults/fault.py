"""One entry of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratus.sandbox.faults.operations import Operation


@dataclass(frozen=True)
class Fault:
    """A fault as object changes, with its fix, plausible wrong fixes, and where it shows.

    `shows` names evidence that tests look for: `alert:NAME`, `event:TEXT`, `log:DEPLOYMENT:TEXT`, `down:DEPLOYMENT`.
    """

    id: str
    application: str
    namespace: str
    summary: str
    inject: Sequence[Operation]
    heal: Sequence[Operation]
    shows: Sequence[str]
    wrong: Sequence[Operation]
    alternatives: Sequence[Sequence[Operation]] = ()
    aliases: Sequence[str] = ()
