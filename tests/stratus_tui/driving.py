"""Waiting for what has to happen, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from textual.app import App
from textual.pilot import Pilot

from stratus_tui.app import Engine, StratusApp
from tests.stratus_tui.stories import Story, StorySource

PATIENCE_SECONDS = 20.0
"""After this long a test has failed; nothing is measured by it."""


class Picture(Protocol):
    """Takes a picture of an app and compares it with the recorded one."""

    def __call__(
        self, app: App[Any], size: tuple[int, int] = (120, 40), keys: Iterable[str] = (), prepare: Any = None
    ) -> None: ...


def app_of(story: Story, later: float = 0.0, *, engine: Engine | None = None, read_only: bool = False) -> StratusApp:
    """The app on a story, looked at ``later`` seconds after its last event."""
    source = story.source(later)
    return StratusApp(source, source, engine=engine, read_only=read_only, actor="human:me")


def source_of(app: StratusApp) -> StorySource:
    """The story behind an app."""
    assert isinstance(app.source, StorySource)
    return app.source


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until ``condition`` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await pilot.pause()


async def caught_up(pilot: Pilot[Any]) -> None:
    """The screens show the newest event."""
    app = pilot.app
    if isinstance(app, StratusApp) and isinstance(app.source, StorySource):
        head = app.source.log.head
        await until(pilot, lambda: app.feed.seen.polls and app.view.board.seq == head())
    await pilot.pause()


async def posted(pilot: Pilot[Any], count: int = 1) -> list[Any]:
    """The commands in the inbox, once there are ``count``."""
    app = pilot.app
    assert isinstance(app, StratusApp)
    inbox = source_of(app).log.inbox
    await until(pilot, lambda: len(inbox.posted) >= count)
    return [each.command for each in inbox.posted]
