"""When findings may open an incident: seen in consecutive looks over some time, so that a passing state pages nobody."""

from __future__ import annotations

from stratus.domain.severity import Finding, Observation
from stratus.oracles.settings import Confirm


class Debounce:
    """Counts in how many consecutive looks each finding was seen, by its identity."""

    def __init__(self, confirm: Confirm) -> None:
        self._confirm = confirm
        self._seen: dict[tuple[str, str, str], tuple[int, float]] = {}

    def confirmed(self, observation: Observation, now: float) -> tuple[Finding, ...]:
        """The findings that count, ``now`` in monotonic seconds. What an oracle could not see is neither confirmed nor
        forgotten: its looks are not consecutive, and its findings have not ended."""
        blind = set(observation.blind)
        kept = {key: seen for key, seen in self._seen.items() if key[0] in blind}
        findings = () if observation.crashed else observation.findings
        for finding in findings:
            looks, since = self._seen.get(finding.key, (0, now))
            kept[finding.key] = (looks + 1, since)
        if not observation.crashed:
            self._seen = kept
        return tuple(each for each in findings if each.subject in observation.stuck or self._counts(each, now))

    def _counts(self, finding: Finding, now: float) -> bool:
        looks, since = self._seen[finding.key]
        return looks >= self._confirm.looks and now - since >= self._confirm.seconds
