"""Answers a person's question about the cluster from what the oracles and the objects say now. Reads only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.evidence import Evidence, Workload, gather
from agents.evidence.logs import severe
from agents.evidence.pods import troubles
from agents.minds.base import Hypothesis, Mind
from agents.minds.llm.brief import masked
from agents.minds.playbook.case import Case
from agents.roles.detection import sentence
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.severity import Observation
from stratus.ports import Clock, ClusterReader


class Observer(Protocol):
    """Whoever can look at the cluster: an engine, or the oracles alone."""

    async def observe(self) -> Observation:
        """All oracles now."""
        ...


async def answer(
    question: str,
    observer: Observer,
    reader: ClusterReader,
    mind: Mind,
    clock: Clock,
    namespaces: Sequence[str],
    healthy: Mapping[str, JsonObject] | None = None,
) -> str:
    """A few lines: about the workloads and Services that the question names, else about everything.

    ``healthy``: objects of the last healthy state by path. Raises Retryable or Unobservable when the API does not answer.
    """
    observation = await observer.observe()
    evidence = await gather(reader, namespaces, observation, at=clock.now(), baseline=healthy)
    diagnosis = await mind.diagnose(evidence, ())
    case = Case(evidence)
    named = _named(question, evidence)
    if not named:
        return "\n".join(_overview(observation, diagnosis))
    return "\n".join(line for workload in named[:3] for line in _about(case, workload, diagnosis))


def _named(question: str, evidence: Evidence) -> list[Workload]:
    """Workloads whose name, or whose Service's name, is a word of the question; the longest names first."""
    words = set(re.findall(r"[a-z0-9][-a-z0-9.]*", question.lower()))
    near = [w for w in evidence.workloads if w.name.lower() in words]
    return sorted(near, key=lambda w: -len(w.name))


def _overview(observation: Observation, diagnosis: Sequence[Hypothesis]) -> list[str]:
    if observation.blind:
        return [f"I cannot see {name}: {why}" for name, why in observation.why_blind.items()]
    if not observation.findings:
        watched = ", ".join(sorted(observation.observing)) or "nothing"
        return [f"Everything is healthy. Watching: {watched}."]
    lines = [f"Severity {observation.severity:g}:", *(f"- {sentence(f)}" for f in observation.findings[:6])]
    return lines + _belief(diagnosis[:2])


def _belief(diagnosis: Sequence[Hypothesis]) -> list[str]:
    lines = []
    for each in diagnosis:
        lines.append(f"I suspect {each.fault_class} ({each.confidence:.0%}): {each.sentence}.")
        best = max(each.candidates, key=lambda c: c.score, default=None)
        lines += [f"  I would try: {best.proposal.title}"] if best else []
    return lines or ["Nothing that I read explains it."]


def _about(case: Case, workload: Workload, diagnosis: Sequence[Hypothesis]) -> list[str]:
    subject = workload.subject
    lines = [f"{subject.path}: {len(workload.ready_pods)} of {workload.replicas} ready."]
    lines += [f"- {sentence(f)}" for f in case.evidence.found(subject)[:3]]
    for trouble in troubles(workload)[:3]:
        lines.append(f"- {trouble.pod_name}: {trouble.reason} {trouble.message}".rstrip())
        lines += [f"  log: {masked(line)}" for line in severe(case.evidence.log(trouble.pod, trouble.container))[-1:]]
    changes = case.evidence.changes(workload.obj)
    lines += [f"- {change.sentence()}" for change in changes[:3]]
    callers, callees = _workloads(case, case.topology.upstream(subject) - {subject}), case.topology.callees(subject)
    lines += [f"- called by {', '.join(callers)}"] if callers else []
    lines += [f"- calls {', '.join(sorted(c.name for c in callees))}"] if callees else []
    return lines + (_belief([h for h in diagnosis if subject in h.affects][:1]) if case.evidence.findings else [])


def _workloads(case: Case, subjects: frozenset[Subject]) -> list[str]:
    return sorted(s.name for s in subjects if s.kind != "Service" and case.evidence.workload(s) is not None)
