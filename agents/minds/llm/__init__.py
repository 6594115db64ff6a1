"""Minds that ask a language model. Its output is data: parsed, validated, and judged by the engine like any proposal."""

from __future__ import annotations

from agents.minds.llm.mind import Call, HybridMind, LlmMind
from agents.minds.llm.model import Answer, ChatModel, Model

__all__ = ["Answer", "Call", "ChatModel", "HybridMind", "LlmMind", "Model"]
