"""Retrying what may be retried: the API may be away for a while, and an undo must not be lost to that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from stratus.domain.errors import LeaseLost, Retryable, Unobservable
from stratus.engine.context import Context

T = TypeVar("T")
UNOBSERVABLE_DELAY = 1.0


async def patiently(ctx: Context, call: Callable[[], Awaitable[T]], within: float | None = None) -> T:
    """The call's answer, however long the API is away, up to the engine's patience. Then raises what it last raised.

    ``within``: seconds, when there is less patience than for an undo.

    The lease counts as away too: while the API is, it cannot be renewed.
    """
    end = ctx.clock.monotonic() + (ctx.settings.undo_patience if within is None else within)
    while True:
        try:
            return await call()
        except (Retryable, Unobservable, LeaseLost) as error:
            if ctx.clock.monotonic() >= end:
                raise
            await ctx.wait(getattr(error, "delay", UNOBSERVABLE_DELAY))
