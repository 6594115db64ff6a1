"""The port to a language model, and the adapter for any OpenAI-compatible endpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stratus.domain.errors import InvalidInput, Retryable

if TYPE_CHECKING:
    from openai import AsyncOpenAI


@dataclass(frozen=True)
class Answer:
    """One reply, with what it cost."""

    text: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class Model(Protocol):
    """Answers a conversation of a system and a user message with JSON text."""

    name: str

    async def ask(self, system: str, user: str) -> Answer:
        """One call. Raises Retryable when the endpoint does not answer now."""
        ...


class ChatModel:
    """Implements Model over the chat completions API of ``OPENAI_BASE_URL``, with ``OPENAI_API_KEY``."""

    def __init__(
        self,
        name: str,
        *,
        client: AsyncOpenAI | None = None,
        timeout: float = 60.0,
        max_tokens: int = 2000,
        retries: int = 2,
    ) -> None:
        """``timeout`` in seconds bounds one call. Raises InvalidInput when no model or no endpoint is configured."""
        import openai  # a second to import: only for those who use it

        if not name:
            raise InvalidInput("the llm mind needs a model: give --model or STRATUS_MODEL")
        self.name = name
        self._max_tokens = max_tokens
        self._unavailable = (openai.APIError,)
        try:
            self._client = client or openai.AsyncOpenAI(timeout=timeout, max_retries=retries)
        except openai.OpenAIError as error:
            raise InvalidInput(
                f"the llm mind needs OPENAI_API_KEY (and OPENAI_BASE_URL for another endpoint): {error}"
            ) from None

    async def ask(self, system: str, user: str) -> Answer:
        """One call."""
        begun = time.monotonic()
        try:
            reply = await self._client.chat.completions.create(
                model=self.name,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
                response_format={"type": "json_object"},
                temperature=0,
                max_completion_tokens=self._max_tokens,
            )
        except self._unavailable as error:
            raise Retryable(f"the model {self.name} does not answer: {error}", delay=5.0) from error
        text = (reply.choices[0].message.content if reply.choices else "") or ""
        used = reply.usage
        return Answer(
            text,
            used.prompt_tokens if used else 0,
            used.completion_tokens if used else 0,
            time.monotonic() - begun,
        )
