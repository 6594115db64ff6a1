"""Mitigation: chooses the next change and hands it to the engine. It holds no pen: the engine writes, verifies, undoes."""

from __future__ import annotations

from agents.incident import Attempt, Incident
from agents.minds.base import Candidate, Hypothesis, Mind
from agents.tools import Tools

SHOWN = 4
"""Candidates that are said aloud."""


class Mitigation:
    """Proposes; never writes."""

    def __init__(self, tools: Tools, mind: Mind) -> None:
        self._tools = tools
        self._mind = mind

    async def plan(self, incident: Incident) -> None:
        """Fill in the incident's candidates, best first."""
        assert incident.evidence is not None, "planning follows diagnosing"
        incident.options = await self._mind.plan(incident.hypotheses, incident.evidence, incident.reflections)

    def report(self, incident: Incident) -> None:
        """The candidates, for the transcript."""
        if not incident.options:
            incident.say("mitigation", "conclusion", "no change left that the evidence supports")
            return
        for number, (candidate, _) in enumerate(incident.options[:SHOWN], start=1):
            text = f"{number}. {candidate.origin} ({candidate.score:.2f}): {candidate.proposal.title}"
            incident.say("mitigation", "thought", text)
        rest = len(incident.options) - SHOWN
        if rest > 0:
            incident.say("mitigation", "thought", f"and {rest} more if these do not help")

    async def attempt(self, incident: Incident, candidate: Candidate, hypothesis: Hypothesis) -> Attempt:
        """One transaction."""
        before = incident.evidence.findings if incident.evidence else ()
        result = await self._tools.propose(incident, candidate.proposal)
        attempt = Attempt(candidate, hypothesis, result, before)
        incident.attempts.append(attempt)
        if result.outcome in ("vetoed", "denied", "expired"):
            incident.denied.append(candidate.proposal.title)
        incident.say("mitigation", "observation", describe(attempt))
        return attempt


def describe(attempt: Attempt) -> str:
    """``12.2 committed: severity 7 → 0``."""
    result = attempt.result
    before, after = result.severity_before, result.severity_after
    change = f": severity {before:g} → {after:g}" if before is not None and after is not None else ""
    why = f" ({result.reason})" if result.reason and not attempt.committed else ""  # a commit's is its severities
    return f"{result.tx} {result.outcome}{change}{why}"
