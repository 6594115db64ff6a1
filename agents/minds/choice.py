"""Chooses a mind by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from agents.minds.base import Mind
from stratus.domain.events import ModelCalled

MindName = Literal["playbook", "llm", "hybrid"]


def mind_for(name: MindName, model: str, record: Callable[[ModelCalled], None], incident: Callable[[], str]) -> Mind:
    """The mind. ``record`` gets an event for each call of a model, made during the incident that ``incident()`` names.

    Raises InvalidInput when a model is needed and none is configured.
    """
    from agents.minds.playbook import PlaybookMind

    if name == "playbook":
        return PlaybookMind()
    from agents.minds.llm import Call, ChatModel, HybridMind, LlmMind

    def report(call: Call) -> None:
        record(
            ModelCalled(
                incident=incident(),
                role=call.role,
                model=call.model,
                prompt_tokens=call.prompt_tokens,
                completion_tokens=call.completion_tokens,
                seconds=round(call.seconds, 3),
                outcome=call.outcome,
            )
        )

    llm = LlmMind(ChatModel(model), report)
    return llm if name == "llm" else HybridMind(llm)
