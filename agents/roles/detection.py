"""Detection: is something wrong, is it real, and what would a person call it?"""

from __future__ import annotations

from collections.abc import Sequence

from agents.incident import Incident
from agents.tools import Tools
from stratus.domain.severity import Finding, Observation

WORDS = {
    "RequestsFail": "requests to {} fail", "RequestsDegraded": "requests to {} are slow or partly fail",
    "NoReadyEndpoints": "{} has no ready endpoint", "DoesNotAnswer": "{} does not answer", "ServiceMissing": "{} is missing",
    "Unavailable": "{} has no ready pod", "ScaledToZero": "{} is scaled to zero", "Degraded": "{} is short of ready pods",
    "RolloutStuck": "{} has a rollout that is stuck", "NotSettled": "{} does not come to rest",
    "Restarting": "{} keeps restarting", "JobFailed": "{} failed", "JobsPilingUp": "{} has jobs piling up",
    "ClaimPending": "{} does not bind", "QuotaExceeded": "{} is used up", "AutoscalerBlind": "{} cannot compute a replica count",
    "WebhookUnreachable": "{} cannot be reached", "NodeNotReady": "{} is not ready", "NodePressure": "{} is under pressure",
    "AlertCritical": "a critical alert about {} fires", "AlertWarning": "an alert about {} fires",
}  # fmt: skip
"""Reasons as a person would say them of a subject."""


class Detection:
    """Reads the oracles; never writes."""

    def __init__(self, tools: Tools, confirm_seconds: float) -> None:
        """``confirm_seconds``: how long to wait for a rollout in progress before believing its findings."""
        self._tools = tools
        self._confirm_seconds = confirm_seconds

    async def look(self, *, only_once: bool = False) -> Observation:
        """The oracles, with findings confirmed: what a rollout in progress explains is given time to go away.

        ``only_once``: nobody will look again, so a rollout in progress is waited for even while nothing is wrong yet.
        """
        observation = await self._tools.observe()
        unsure = bool(observation.findings) or (only_once and bool(observation.moving))
        if unsure and not observation.crashed and not observation.blind:
            observation = await self._tools.settle(self._confirm_seconds)
            if (
                only_once and observation.moving and not observation.findings
            ):  # a rollout may take its time to get stuck
                observation = await self._tools.settle(self._confirm_seconds)
        return observation

    def report(self, incident: Incident) -> None:
        """What was found, for the transcript."""
        for finding in incident.findings[:6]:
            incident.say("detection", "observation", sentence(finding))
        if len(incident.findings) > 6:
            incident.say("detection", "observation", f"and {len(incident.findings) - 6} more findings")
        text = f"{len(incident.findings)} findings, severity {incident.initial:g}: nothing may leave it above that"
        incident.say("detection", "conclusion", text)


def title(findings: Sequence[Finding]) -> str:
    """One line for the incident: the two heaviest findings."""
    said = [sentence(finding, short=True) for finding in findings[:2]]
    rest = f" (and {len(findings) - 2} more)" if len(findings) > 2 else ""
    return "; ".join(said) + rest if said else "the cluster cannot be observed"


def sentence(finding: Finding, *, short: bool = False) -> str:
    """``deployment/geo has no ready pod: 0/1 ready, ErrImagePull``."""
    name = finding.subject.name if short else str(finding.subject)
    said = WORDS.get(finding.reason, f"{{}}: {finding.reason}").format(name)
    return said if short or not finding.message else f"{said}: {finding.message}"
