"""What the oracles see, written down when it changed: the health and the rows that every screen shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from stratus.domain.events import HealthSample, WorkloadRow, WorkloadsChanged
from stratus.domain.severity import Observation
from stratus.engine.ledger import Ledger
from stratus.engine.transaction import finite


class Panel(Protocol):
    """All oracles at once, and the rows that screens show."""

    async def observe(self) -> Observation:
        """Every oracle now; never raises for an API failure."""
        ...

    def rows(self) -> Sequence[WorkloadRow]:
        """The workloads of the last observation."""
        ...


class Recorder:
    """Observes through the panel; the log gets what is new, so that a quiet cluster writes nothing."""

    def __init__(self, panel: Panel, ledger: Ledger) -> None:
        self._panel, self._ledger = panel, ledger
        self._turn = asyncio.Lock()
        self._rows: dict[str, WorkloadRow] = {}
        self._sample: tuple[object, ...] | None = None

    async def observe(self) -> Observation:
        """All oracles now; what changed is recorded."""
        async with self._turn:  # oracles remember their last look: two at once would mix up what came between
            observation = await self._panel.observe()
            self._record_health(observation)
            self._record_rows()
            return observation

    def _record_health(self, seen: Observation) -> None:
        findings = seen.findings
        sample = (tuple(f.key for f in findings), tuple(f.weight for f in findings), seen.blind, seen.crashed)
        if sample == self._sample:
            return
        self._sample = sample
        self._ledger.emit(
            HealthSample(
                severity=finite(seen.severity),
                findings=findings,
                blind=seen.blind,
                why_blind=seen.why_blind,
                observing=tuple(sorted(seen.observing)),
                crashed=seen.crashed,
            )
        )

    def _record_rows(self) -> None:
        rows = {row.subject.path: row for row in self._panel.rows()}
        changed = tuple(row for path, row in rows.items() if self._rows.get(path) != row)
        gone = tuple(row.subject for path, row in self._rows.items() if path not in rows)
        if changed or gone:
            self._ledger.emit(WorkloadsChanged(changed=changed, gone=gone))
        self._rows = rows
