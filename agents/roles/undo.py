"""Undo: what an attempt leaves behind, and what it taught.

The engine undoes a transaction that regresses by itself. This role decides about commits that did not help, draws the
lesson of every attempt, and hands over with nothing of ours left behind when the agents give up.
"""

from __future__ import annotations

from agents.evidence import Evidence
from agents.evidence.symptoms import symptoms
from agents.incident import Attempt, Incident
from agents.minds.base import Reflection
from agents.tools import Tools
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef


class Undo:
    """Asks the engine to take transactions back; never writes itself."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def useless(self, attempt: Attempt, before: Evidence, after: Evidence) -> bool:
        """Whether a commit neither lowered μ nor changed anything that can be seen: it had nothing to do with the fault."""
        return attempt.committed and not attempt.helped and symptoms(before) == symptoms(after)

    async def take_back(self, incident: Incident, attempt: Attempt, reason: str) -> bool:
        """Undo one commit. False when it diverged or its outcome is not known: a person is needed."""
        result = await self._tools.take_back(incident, attempt.result.tx, reason)
        incident.undone.add(attempt.result.tx)
        kind = "restored" if result.outcome == "restored" else f"not restored: {result.outcome} {result.reason}".strip()
        incident.say("undo", "observation", f"{attempt.result.tx} {kind}")
        return result.outcome in ("restored", "refused")

    def reflect(self, incident: Incident, attempt: Attempt, evidence: Evidence) -> None:
        """Write down what the attempt taught, so that the same change is not proposed again."""
        result, proposal = attempt.result, attempt.candidate.proposal
        outcome = "restored" if result.tx in incident.undone else result.outcome
        left = tuple(obj for step in proposal.steps if (obj := _target(evidence, step.target)) is not None)
        lesson = Reflection(
            fingerprint=attempt.candidate.fingerprint,
            title=proposal.title,
            outcome=outcome,
            reason=result.reason,
            hypothesis=attempt.hypothesis.key,
            left_behind=left if result.writes or outcome in ("committed", "restored") else (),
        )
        incident.reflections.append(lesson)
        incident.say("undo", "thought", _lesson(lesson))

    async def leave_nothing(self, incident: Incident) -> bool:
        """Undo this incident's standing commits that did not lower μ for good, newest first. False when one diverged."""
        clean = True
        for attempt in reversed(incident.needless):
            clean = await self.take_back(incident, attempt, "handing over: it did not lower the severity") and clean
        return clean

    def hand_over(self, incident: Incident, reason: str) -> None:
        """What the next person needs: why, what is known, what was tried, what stands."""
        incident.say("conductor", "conclusion", f"handing over: {reason}")
        for each in incident.hypotheses[:3]:
            best = max(each.candidates, key=lambda c: c.score, default=None)
            idea = f"; untried idea: {best.proposal.title}" if best and not _tried(incident, best.fingerprint) else ""
            text = f"suspect {each.fault_class} ({each.confidence:.0%}): {each.sentence}{idea}"
            incident.say("conductor", "observation", text)
        for lesson in incident.reflections:
            incident.say("conductor", "observation", f"tried {lesson.title}: {lesson.outcome} {lesson.reason}".strip())
        kept = ", ".join(f"{a.result.tx} ({a.candidate.proposal.title})" for a in incident.standing)
        incident.say("conductor", "observation", f"changes that stand: {kept or 'none'}")


def _target(evidence: Evidence, ref: ObjectRef) -> JsonObject | None:
    return evidence.get(ref.kind, ref.namespace, ref.name)


def _tried(incident: Incident, fingerprint: str) -> bool:
    return any(lesson.fingerprint == fingerprint for lesson in incident.reflections)


def _lesson(lesson: Reflection) -> str:
    why = f" ({lesson.reason})" if lesson.reason else ""
    match lesson.outcome:
        case "committed":
            return f"{lesson.title} stands, and something is still wrong: look again"
        case "restored":
            return f"{lesson.title} was undone{why}: not that, or not alone"
        case "vetoed" | "denied" | "expired":
            return f"{lesson.title} was {lesson.outcome}{why}: not proposed again in this incident"
        case "refused":
            return f"{lesson.title} was refused{why}"
        case _:
            return f"{lesson.title}: {lesson.outcome}{why}"
