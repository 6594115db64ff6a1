"""A mind that asks a model, and one that asks it only when the playbook has no idea left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field, ValidationError

from agents.evidence import Evidence
from agents.minds.base import FAULT_CLASSES, Candidate, Hypothesis, Mind, Origin, Reflection
from agents.minds.llm import brief
from agents.minds.llm.model import Model
from agents.minds.playbook import PlaybookMind, fixes, ranking
from agents.minds.playbook.case import hypothesis
from stratus.domain.base import Value
from stratus.domain.errors import Retryable
from stratus.domain.objects import Subject
from stratus.domain.steps import Step

READABLE = frozenset({"patch", "scale", "create", "delete"})
"""Kinds of step that a model may propose; what each of them may do is the engine's affair."""


@dataclass(frozen=True)
class Call:
    """One call of a model, as it is reported."""

    model: str
    role: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    outcome: str


class _Proposed(Value):
    reason: str = ""
    steps: tuple[Step, ...] = Field(min_length=1, max_length=5)


class _Thought(Value):
    kind: str
    namespace: str = ""
    name: str
    fault_class: str = "unknown"
    confidence: float = Field(default=0.5, ge=0, le=1)
    summary: str = ""
    evidence: tuple[str, ...] = ()
    proposals: tuple[Any, ...] = ()


class LlmMind:
    """Implements Mind with a model. A reply that cannot be used is asked for once more with the reason, then given up."""

    name = "llm"

    def __init__(
        self,
        model: Model,
        report: Callable[[Call], None] = lambda call: None,
        *,
        tries: int = 2,
        calls: int = 30,
        tokens: int = 200_000,
    ) -> None:
        """``calls`` and ``tokens`` bound what this mind may spend in its life; afterwards it has no ideas."""
        self._model, self._report = model, report
        self._tries, self._calls_left, self._tokens_left = tries, calls, tokens

    async def diagnose(self, evidence: Evidence, reflections: Sequence[Reflection]) -> Sequence[Hypothesis]:
        """Ranked hypotheses, each with the model's proposals as candidates."""
        return await self.think(evidence, reflections, ())

    async def think(
        self, evidence: Evidence, reflections: Sequence[Reflection], suspected: Sequence[Hypothesis]
    ) -> Sequence[Hypothesis]:
        """As diagnose, with what another mind suspects as part of the evidence."""
        text, complaint = brief.describe(evidence, reflections, suspected), ""
        for _ in range(self._tries):
            if self._calls_left <= 0 or self._tokens_left <= 0:
                break
            user = text if not complaint else f"{text}\nYour last answer was not usable: {complaint}"
            found, complaint = await self._once(user)
            if found:
                return sorted(found, key=lambda h: -h.confidence)
        return ()

    async def plan(
        self, diagnosis: Sequence[Hypothesis], evidence: Evidence, reflections: Sequence[Reflection]
    ) -> Sequence[tuple[Candidate, Hypothesis]]:
        """The proposals that were not tried before, best first."""
        return ranking.candidates(diagnosis, reflections)

    async def _once(self, user: str) -> tuple[list[Hypothesis], str]:
        """One call: (hypotheses, "") or ([], what is wrong with the answer)."""
        self._calls_left -= 1
        try:
            answer = await self._model.ask(brief.SYSTEM, user)
        except Retryable as error:
            self._report(Call(self._model.name, "diagnosis", 0, 0, 0.0, "unavailable"))
            return [], str(error)
        self._tokens_left -= answer.prompt_tokens + answer.completion_tokens
        found, complaint = read(answer.text)
        outcome = "ok" if found else "unusable"
        self._report(
            Call(self._model.name, "diagnosis", answer.prompt_tokens, answer.completion_tokens, answer.seconds, outcome)
        )
        return found, complaint


def read(text: str) -> tuple[list[Hypothesis], str]:
    """Hypotheses from a model's reply, or the reason why there are none. Unusable proposals are left out."""
    try:
        document = json.loads(text)
        thoughts = [_Thought.model_validate(each) for each in document["hypotheses"]]
    except (ValueError, KeyError, TypeError) as error:
        return [], f"it is not the JSON that was asked for ({type(error).__name__})"
    found = [_hypothesis(thought) for thought in thoughts[:3]]
    return found, "" if found else "it holds no hypothesis"


def _hypothesis(thought: _Thought) -> Hypothesis:
    subject = Subject(kind=thought.kind, namespace=thought.namespace, name=thought.name)
    candidates = [_candidate(each, index) for index, each in enumerate(thought.proposals[:3])]
    known = thought.fault_class if thought.fault_class in FAULT_CLASSES else "unknown"
    return hypothesis(subject, known, min(thought.confidence, 0.99), thought.summary, thought.evidence, candidates)


def _candidate(raw: Any, index: int) -> Candidate | None:
    try:
        proposed = _Proposed.model_validate(raw)
    except ValidationError:
        return None
    if not all(step.kind in READABLE for step in proposed.steps):
        return None
    return fixes.candidate(Origin.DERIVE, proposed.steps, proposed.reason, worth=1.0 - 0.1 * index)


class HybridMind:
    """The playbook first; the model when the playbook has no candidate left."""

    name = "hybrid"

    def __init__(self, llm: LlmMind, playbook: Mind | None = None) -> None:
        """``playbook`` can be another mind that needs no model."""
        self._llm, self._playbook = llm, playbook or PlaybookMind()

    async def diagnose(self, evidence: Evidence, reflections: Sequence[Reflection]) -> Sequence[Hypothesis]:
        """The playbook's hypotheses; the model's behind them once the playbook has nothing to offer."""
        found = await self._playbook.diagnose(evidence, reflections)
        if await self._playbook.plan(found, evidence, reflections):
            return found
        thought = await self._llm.think(evidence, reflections, found)
        return [*thought, *found]

    async def plan(
        self, diagnosis: Sequence[Hypothesis], evidence: Evidence, reflections: Sequence[Reflection]
    ) -> Sequence[tuple[Candidate, Hypothesis]]:
        """Every candidate that was not tried before."""
        return ranking.candidates(diagnosis, reflections)
