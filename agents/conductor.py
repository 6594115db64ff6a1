"""The conductor drives the incident machine: it decides which role is next, and nothing else.

Control flow is deterministic; only what happens inside a role is thinking. Every move is an event, so that the screens
draw the machine as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from agents.answers import answer
from agents.baseline import Baseline
from agents.evidence import Evidence
from agents.incident import Attempt, Incident
from agents.minds.base import Mind
from agents.options import Ending, IncidentOutcome, Options, ending
from agents.roles.detection import Detection, title
from agents.roles.diagnosis import Diagnosis
from agents.roles.mitigation import Mitigation
from agents.roles.undo import Undo
from agents.tools import Tools
from stratus.domain.errors import Refused, Retryable, Unobservable
from stratus.domain.events import IncidentOpened
from stratus.domain.machine import IncidentState
from stratus.domain.severity import Observation
from stratus.ports import Clock, Transactor

_I = IncidentState
NOT_WRITTEN = ("vetoed", "refused", "denied", "expired")
"""Outcomes without any write: the next candidate may be tried."""
LAGGING = frozenset(
    "Restarting NotSettled AlertCritical AlertWarning RequestsDegraded JobsPilingUp AutoscalerBlind ClaimPending "
    "QuotaExceeded".split()
)
"""Findings that outlive their cause for a while."""
LONGEST = 600.0
"""Seconds beyond which nobody waits for a finding to go, however far back it looks."""
HOPELESS = ("denied", "expired")
"""Nobody allows anything now: more proposals would only be noise."""


class Conductor:
    """Watches one scope of one cluster."""

    def __init__(
        self,
        transactor: Transactor,
        mind: Mind,
        clock: Clock,
        options: Options | None = None,
        *,
        baseline: Baseline | None = None,
        paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """``paused`` is asked before each look and each attempt; ``baseline`` remembers the healthy state."""
        self._transactor = transactor
        self._mind = mind
        self._clock = clock
        self._options = options or Options()
        self._baseline = baseline
        self._paused = paused
        self._tools = Tools(transactor, clock, self._options.namespaces, baseline)
        self._detection = Detection(self._tools, self._options.confirm_seconds)
        self._diagnosis = Diagnosis(self._tools, mind)
        self._mitigation = Mitigation(self._tools, mind)
        self._undo = Undo(self._tools)
        self._next = self._options.first_incident
        self._recorded_at: float | None = None
        self._given_up: frozenset[tuple[str, str, str]] = frozenset()
        self._given_up_at = 0.0
        self._stopping = False

    @property
    def current(self) -> str:
        """Id of the incident under way, or of the last one."""
        return str(max(self._next - 1, 1))

    def stop(self) -> None:
        """No new attempt; ``watch`` returns after the current one."""
        self._stopping = True

    async def watch(self, on_outcome: Callable[[IncidentOutcome], None] | None = None) -> None:
        """The daemon: look at an interval, run incidents as they come, remember the healthy state in between."""
        while not self._stopping:
            if not self._paused():
                outcome = await self._look(again=False)
                if outcome.id and on_outcome is not None:
                    on_outcome(outcome)
            await self._clock.sleep(self._options.interval)

    async def run_once(self) -> IncidentOutcome:
        """One look, and the whole incident if there is one."""
        return await self._look(again=True)

    async def answer(self, question: str) -> str:
        """Answer a person's question from what the oracles and the objects say now. Raises as ``answers.answer``."""
        transactor, healthy = self._transactor, self._baseline.objects() if self._baseline else None
        return await answer(
            question, transactor, transactor.reader, self._mind, self._clock, self._options.namespaces, healthy
        )

    async def _look(self, *, again: bool) -> IncidentOutcome:
        observation = await self._detection.look(only_once=again)
        if observation.blind or observation.crashed:
            why = "the cluster is not reachable" if observation.crashed else f"blind: {', '.join(observation.blind)}"
            return IncidentOutcome("unreachable", final=observation.severity, reason=why)
        if not observation.findings:
            await self._healthy(observation)
            return IncidentOutcome("healthy")
        if not again and self._handed_over(observation):
            return IncidentOutcome("not_fixed", final=observation.severity, reason="handed over before")
        return await self._incident(observation)

    def _handed_over(self, observation: Observation) -> bool:
        """Whether these are the findings that a person was already given."""
        known = {finding.key for finding in observation.findings} <= self._given_up
        return known and self._clock.monotonic() - self._given_up_at < self._options.retry_after

    async def _healthy(self, observation: Observation) -> None:
        self._given_up = frozenset()
        due = self._recorded_at is None or (
            self._clock.monotonic() - self._recorded_at >= self._options.baseline_seconds
        )
        if self._baseline is not None and due and not observation.moving:
            try:
                await self._baseline.record(self._transactor, self._options.namespaces, observation, self._clock)
                self._recorded_at = self._clock.monotonic()
            except (Retryable, Unobservable, Refused):
                return  # the next healthy look records it

    # one incident

    async def _incident(self, observation: Observation) -> IncidentOutcome:
        incident = Incident(str(self._next), observation.severity, observation.findings, self._transactor)
        self._next += 1
        begun = self._clock.monotonic()
        self._transactor.emit(
            IncidentOpened(
                incident=incident.id,
                title=title(observation.findings),
                severity=incident.initial,
                findings=incident.findings,
            )
        )
        self._detection.report(incident)
        try:
            how = await self._drive(incident, observation, begun)
        except (Retryable, Unobservable) as error:
            how = self._unreachable(incident, error)
        return await self._close(incident, how, begun)

    async def _drive(self, incident: Incident, observation: Observation, begun: float) -> Ending:
        incident.move(_I.DIAGNOSING, f"severity {incident.initial:g}")
        await self._diagnosis.think(incident, observation)
        while True:
            self._diagnosis.report(incident)
            incident.move(_I.PLANNING, _best(incident))
            await self._mitigation.plan(incident)
            self._mitigation.report(incident)
            if not incident.options:
                return await self._escalate(incident, "no change that the evidence supports")
            candidate, hypothesis = incident.options[0]
            before = incident.evidence
            assert before is not None, "planning follows diagnosing"
            incident.move(_I.MITIGATING, candidate.proposal.title)
            attempt = await self._mitigation.attempt(incident, candidate, hypothesis)
            ended = await self._after(incident, attempt, before)
            if ended is None:
                ended = await self._reflect(incident, attempt, before, begun)
            if ended is not None:
                return ended
            incident.move(_I.DIAGNOSING, "with what the attempt taught")

    async def _after(self, incident: Incident, attempt: Attempt, before: Evidence) -> Ending | None:
        """From the end of a transaction to REFLECTING; an ending when there is nothing to reflect on."""
        outcome = attempt.result.outcome
        if outcome in ("diverged", "unknown", "stopped"):
            return await self._escalate(incident, f"{attempt.result.tx} {outcome}: {attempt.result.reason}")
        if outcome == "restored":
            incident.move(_I.UNDOING, attempt.result.reason)
            incident.move(_I.REFLECTING, "undone and verified")
            return None
        if outcome in NOT_WRITTEN:
            incident.move(_I.REFLECTING, f"{outcome}, nothing was written")
            return None
        incident.move(_I.VERIFYING, "committed")
        return await self._verify(incident, attempt, before)

    async def _verify(self, incident: Incident, attempt: Attempt, before: Evidence) -> Ending | None:
        """After a commit: resolved, or keep it, or take it back because it had nothing to do with the fault."""
        observation = await self._recovery()
        if _clean(observation):
            incident.say("conductor", "conclusion", "every oracle is content")
            incident.move(_I.RESOLVED, "no finding left")
            return "resolved"
        await self._diagnosis.think(incident, observation)
        assert incident.evidence is not None, "thinking gathers evidence"
        if self._undo.useless(attempt, before, incident.evidence):
            incident.move(_I.UNDOING, "it changed nothing that can be seen")
            if not await self._undo.take_back(incident, attempt, "it did not help"):
                return await self._escalate(incident, f"undo of {attempt.result.tx} needs a person")
        incident.move(_I.REFLECTING, f"severity {observation.severity:g}")
        return None

    async def _recovery(self, *, patient: bool = False) -> Observation:
        """What is left once a commit has had its time: as long as findings come and go, and until lagging ones may have
        gone (``patient``: any), the rest of the recovery is waited for."""
        options, begun = self._options, self._clock.monotonic()
        seen: object = None
        since = begun
        while True:
            observation = await self._tools.settle(options.calm_seconds)
            now, picture = self._clock.monotonic(), ({f.key for f in observation.findings}, observation.moving)
            if picture != seen:
                seen, since = picture, now
            lagging = all(finding.reason in LAGGING for finding in observation.findings)
            longest = max(options.verify_seconds, min(observation.lingering + options.calm_seconds, LONGEST))
            patience = longest if lagging or patient else options.calm_seconds
            if _clean(observation) or now - since >= patience or now - begun >= longest:
                return observation
            await self._clock.sleep(1.0)

    async def _reflect(self, incident: Incident, attempt: Attempt, before: Evidence, begun: float) -> Ending | None:
        """Draw the lesson, look again, and decide whether there is anything left to try."""
        self._undo.reflect(incident, attempt, before)
        if not attempt.committed or attempt.result.tx in incident.undone:
            observation = await self._tools.observe()
            if _clean(observation):
                incident.move(_I.RESOLVED, "healthy again without our change")
                return "resolved"
            if observation.blind or observation.crashed:
                return await self._escalate(incident, f"cannot observe: {', '.join(observation.blind) or 'crashed'}")
        else:
            observation = await self._tools.observe()
        await self._diagnosis.think(incident, observation)
        await self._mitigation.plan(incident)
        if not incident.options and any(a.helped for a in incident.standing):
            incident.say("conductor", "thought", "no further change in sight: what helped gets time to show it")
            observation = await self._recovery(patient=True)
            if _clean(observation):
                incident.move(_I.RESOLVED, "no finding left")
                return "resolved"
            await self._diagnosis.think(incident, observation)
            await self._mitigation.plan(incident)
        reason = self._enough(incident, attempt, begun)
        return await self._escalate(incident, reason) if reason else None

    def _enough(self, incident: Incident, attempt: Attempt, begun: float) -> str:
        """Why no further attempt is made; "" when one is."""
        if attempt.result.outcome in HOPELESS:
            return f"proposals are {attempt.result.outcome}: {attempt.result.reason or 'nobody allows changes now'}"
        if len(incident.attempts) >= self._options.attempts:
            return f"{len(incident.attempts)} attempts made"
        if self._clock.monotonic() - begun > self._options.seconds:
            return f"{self._options.seconds:g} s spent"
        if self._stopping or self._paused():
            return "paused" if self._paused() else "stopping"
        return "" if incident.options else "no change left that the evidence supports"

    async def _escalate(self, incident: Incident, reason: str) -> Ending:
        """Give up cleanly: nothing of ours stays that did not help, and a person gets everything that is known."""
        if incident.needless and incident.state is not _I.PLANNING:
            if incident.state is not _I.UNDOING:
                incident.move(_I.UNDOING, reason)
            await self._undo.leave_nothing(incident)
        self._undo.hand_over(incident, reason)
        incident.move(_I.ESCALATED, reason)
        return ending(incident.results, bool(incident.undone))

    def _unreachable(self, incident: Incident, error: Exception) -> Ending:
        incident.say("conductor", "conclusion", f"the cluster does not answer: {error}")
        incident.move(_I.ESCALATED, "the cluster does not answer")
        found = ending(incident.results, bool(incident.undone))
        return found if found in ("diverged", "unknown") else "unreachable"

    async def _close(self, incident: Incident, how: Ending, begun: float) -> IncidentOutcome:
        observation = await self._tools.observe()
        if how != "resolved":
            self._given_up = frozenset(finding.key for finding in observation.findings)
            self._given_up_at = self._clock.monotonic()
        return IncidentOutcome(
            outcome=how,
            id=incident.id,
            initial=incident.initial,
            final=observation.severity,
            diagnosis=incident.diagnosis,
            transactions=incident.results,
            denied=tuple(incident.denied),
            seconds=self._clock.monotonic() - begun,
        )


def _clean(observation: Observation) -> bool:
    return not observation.findings and not observation.blind and not observation.crashed


def _best(incident: Incident) -> str:
    best = next(iter(incident.hypotheses), None)
    return best.sentence if best else "no hypothesis"
