"""Pictures that notice a crashed app, and a terminal without the environment of whoever runs the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Button

from stratus_tui.app import StratusApp
from tests.stratus_tui.driving import Picture, caught_up, until


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours and theme are the app's own."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)


@pytest.fixture
def picture(snap_compare: Callable[..., bool]) -> Picture:
    """``snap_compare`` photographs a crashed app and passes; this does not."""

    def take(app: App[Any], size: tuple[int, int] = (120, 40), keys: Iterable[str] = (), prepare: Any = None) -> None:
        async def before(pilot: Pilot[Any]) -> None:
            await caught_up(pilot)
            for button in pilot.app.query(Button):
                button.active_effect_duration = 0  # a pressed button looks so for a while: the picture knows no time
            await pilot.press(*keys)
            await pilot.pause()
            if prepare is not None:
                await prepare(pilot)
            await until(pilot, lambda: pilot.app.screen.is_mounted)
            if isinstance(pilot.app, StratusApp):
                pilot.app.refresh_view()  # not when the clock's next tick comes
            await pilot.pause()
            # a crashed app would be photographed otherwise, and the picture would pass
            assert pilot.app._exception is None, f"the app crashed: {pilot.app._exception!r}"

        same = snap_compare(app, terminal_size=size, run_before=before)
        assert same, "the screen differs from its picture: look at snapshot_report.html"

    return take
