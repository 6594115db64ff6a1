"""Diagnosis: where is the cause? Gathers evidence, lets the mind think, and says what it believes and why."""

from __future__ import annotations

from agents.incident import Incident
from agents.minds.base import Mind
from agents.tools import Tools
from stratus.domain.events import DiagnosisMade
from stratus.domain.severity import Observation

SHOWN = 3
"""Hypotheses that are said aloud."""


class Diagnosis:
    """Reads everything; never writes."""

    def __init__(self, tools: Tools, mind: Mind) -> None:
        self._tools = tools
        self._mind = mind

    async def think(self, incident: Incident, observation: Observation) -> None:
        """Fill in the incident's evidence and hypotheses. Raises Retryable or Unobservable when the API does not answer."""
        incident.evidence = await self._tools.look(incident, "diagnosis", observation)
        incident.hypotheses = await self._mind.diagnose(incident.evidence, incident.reflections)

    def report(self, incident: Incident) -> None:
        """Say what is believed; a diagnosis event when it is a new one."""
        if not incident.hypotheses:
            incident.say("diagnosis", "conclusion", "nothing that was read explains the findings")
            return
        for each in incident.hypotheses[:SHOWN]:
            incident.say("diagnosis", "thought", f"{each.confidence:.0%} {each.fault_class}: {each.sentence}")
        best = incident.hypotheses[0]
        made = DiagnosisMade(
            incident=incident.id,
            component=str(best.component),
            namespace=best.component.namespace,
            fault_class=best.fault_class,
            confidence=round(best.confidence, 2),
            summary=best.summary,
            evidence=best.evidence,
        )
        for text in best.evidence[:4]:
            incident.say("diagnosis", "observation", text)
        if incident.diagnosis is None or (made.component, made.fault_class, made.summary) != (
            incident.diagnosis.component, incident.diagnosis.fault_class, incident.diagnosis.summary
        ):  # fmt: skip
            incident.transactor.emit(made)
            incident.diagnosis = incident.diagnosis if incident.standing else made
        incident.say("diagnosis", "conclusion", best.sentence)
