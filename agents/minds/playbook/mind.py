"""The playbook: every analyser looks, the ranking orders, lessons of earlier attempts count."""

from __future__ import annotations

from collections.abc import Sequence

from agents.evidence import Evidence
from agents.minds.base import Candidate, Hypothesis, Reflection
from agents.minds.playbook import ranking
from agents.minds.playbook.analysers import ALL, Analyser
from agents.minds.playbook.case import Case


class PlaybookMind:
    """Implements Mind without a model: the same evidence gives the same diagnosis."""

    name = "playbook"

    def __init__(self, analysers: Sequence[Analyser] = ALL) -> None:
        """``analysers`` can be fewer, for tests and comparisons."""
        self._analysers = tuple(analysers)

    async def diagnose(self, evidence: Evidence, reflections: Sequence[Reflection]) -> Sequence[Hypothesis]:
        """Ranked hypotheses."""
        case = Case(evidence, reflections)
        return ranking.ranked(case, (h for analyse in self._analysers for h in analyse(case)))

    async def plan(
        self, diagnosis: Sequence[Hypothesis], evidence: Evidence, reflections: Sequence[Reflection]
    ) -> Sequence[tuple[Candidate, Hypothesis]]:
        """Ranked candidates that were not tried before."""
        return ranking.candidates(diagnosis, reflections)
