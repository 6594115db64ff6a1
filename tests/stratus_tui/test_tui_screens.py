"""Moving around, leaving, and what the screens do with a log that misbehaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from stratus.domain import events as e
from stratus.domain.errors import Unobservable
from stratus.domain.machine import IncidentState
from stratus_tui.render.lines import text_of
from stratus_tui.screens.board import BoardScreen
from stratus_tui.screens.dialog import Question
from stratus_tui.screens.page import PageScreen
from stratus_tui.view import Link, View
from stratus_tui.widgets.pane import Pane
from tests.stratus_tui import stories
from tests.stratus_tui.driving import app_of, caught_up, source_of, until
from tests.stratus_tui.test_tui_decisions import on_screen

WIDE = (120, 40)


def shown(pilot: Pilot[Any], pane: str) -> str:
    """The text of a pane."""
    return "\n".join(text_of(row.line) for row in pilot.app.screen.query_one(f"#{pane}", Pane)._rows)


async def test_narrow_shows_one_pane_and_digits_choose_it() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test(size=(80, 24)) as pilot:
        await caught_up(pilot)
        for key, name in zip("12345", ("stack", "card", "agents", "severity", "workloads"), strict=True):
            await pilot.press(key)
            await pilot.pause()
            visible = [pane.id for pane in app.screen.query("#upper Pane, #lower Pane") if pane.region.area]
            assert visible == [name]
            assert app.screen.query_one("#decision").region.area, "the countdown is always visible"


async def test_tab_shares_a_narrow_screen_between_stack_and_card() -> None:
    app = app_of(stories.restored(), 2)
    async with app.run_test(size=(80, 24)) as pilot:
        await caught_up(pilot)
        focused = []
        for _ in range(3):
            await pilot.press("tab")
            focused.append(app.screen.focused.id if app.screen.focused else None)
        assert focused == ["stack", "card", "stack"]


async def test_choosing_in_the_stack_changes_the_card_and_escape_follows_again() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test(size=WIDE) as pilot:
        await caught_up(pilot)
        await pilot.press("1", "down")
        await until(pilot, lambda: "kubectl rollout restart" in shown(pilot, "card"))
        await pilot.press("escape")
        await until(pilot, lambda: "kubectl set image" in shown(pilot, "card"))


async def test_the_filter_narrows_the_focused_list_and_escape_drops_it() -> None:
    app = app_of(stories.many_workloads(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("5", "slash", *"service-003", "enter")
        await until(pilot, lambda: len(shown(pilot, "workloads").splitlines()) == 1)
        await pilot.press("escape")
        await until(pilot, lambda: len(shown(pilot, "workloads").splitlines()) == 300)


async def test_one_selection_is_described_logged_and_shown_as_yaml() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("5", "d")
        await on_screen(pilot, PageScreen)
        assert "0 of 1 ready · failed ImagePullBackOff" in shown(pilot, "page")
        await pilot.press("l")
        await until(pilot, lambda: "ErrImagePull: registry/hotel:9.9 not found" in shown(pilot, "page"))
        await pilot.press("y")
        await until(pilot, lambda: "# before 12.2" in shown(pilot, "page"))
        await pilot.press("escape")
        await on_screen(pilot, BoardScreen)


async def test_enter_opens_all_of_a_long_utterance() -> None:
    story = stories.detecting().said("diagnosis", "observation", "word " * 200 + "end")
    app = app_of(story, 1)
    async with app.run_test(size=WIDE) as pilot:
        await caught_up(pilot)
        assert "end" not in shown(pilot, "agents")
        await pilot.press("3", "enter")
        await on_screen(pilot, PageScreen)
        assert shown(pilot, "page").endswith("end")


class EngineDouble:
    """An engine of this terminal that remembers how it was stopped."""

    def __init__(self) -> None:
        self.stops = 0
        self.why = ""

    def failure(self) -> str:
        return self.why

    def stop(self) -> None:
        self.stops += 1
        self.why = "stopped"


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_leaving_an_attached_engine_is_harmless_and_not_asked(key: str) -> None:
    app = app_of(stories.settling(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.return_value == 0)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving_with_an_engine_asks_and_stops_it_safely(key: str) -> None:
    engine = EngineDouble()
    app = app_of(stories.settling(), 1, engine=engine)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press(key)
        await on_screen(pilot, Question)
        await pilot.press("enter")  # the focus is on stay
        await on_screen(pilot, BoardScreen)
        assert engine.stops == 0 and app.return_value is None
        await pilot.press(key)
        await on_screen(pilot, Question)
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.return_value == 0)
        assert engine.stops == 1


async def test_an_engine_that_died_is_said_and_leaving_is_free() -> None:
    engine = EngineDouble()
    app = app_of(stories.waiting(), 1, engine=engine)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        engine.why = "the engine of this terminal ended with exit code 7: no cluster"
        app.refresh_view()
        assert "ended with exit code 7" in shown(pilot, "headline")
        await pilot.press("q")
        await until(pilot, lambda: app.return_value == 0)
        assert engine.stops == 0


async def test_a_silent_engine_is_never_shown_as_live() -> None:
    app = app_of(stories.healthy(), 0)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        assert "HEALTHY" in shown(pilot, "headline")
        source_of(app).time += timedelta(seconds=12)
        app.refresh_view()
        assert app.view.link is Link.STALE
        assert shown(pilot, "headline").startswith(" ENGINE UNREACHABLE · last seen 12 s ago")


async def test_a_log_that_cannot_be_folded_stops_where_it_was_true() -> None:
    story = stories.detecting()
    app = app_of(story, 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        before = app.view.board.seq
        watching, resolved = IncidentState.WATCHING, IncidentState.RESOLVED
        story.tell(e.PhaseChanged(incident="99", before=watching, after=resolved)).healthy()
        await until(pilot, lambda: app.view.link is Link.BROKEN)
        assert app.view.board.seq == before
        assert f"event {before + 1} does not fit" in shown(pilot, "headline")


async def test_a_log_that_cannot_be_read_for_a_while_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    story = stories.healthy()
    app = app_of(story, 1)
    source = source_of(app)
    readable = source.poll

    def unreadable() -> list[e.Recorded]:
        raise Unobservable("disk gone")

    async with app.run_test() as pilot:
        await caught_up(pilot)
        monkeypatch.setattr(source, "poll", unreadable)
        await until(pilot, lambda: "disk gone" in app.view.problem)
        story.after(1).healthy()
        monkeypatch.setattr(source, "poll", readable)
        await until(pilot, lambda: not app.view.problem and app.view.board.seq == story.log.head())


async def test_two_thousand_events_arrive_as_few_refreshes(monkeypatch: pytest.MonkeyPatch) -> None:
    story = stories.detecting()
    app = app_of(story, 1)
    refreshes: list[int] = []
    look = app._look

    def counted() -> View:
        refreshes.append(1)
        return look()

    monkeypatch.setattr(app, "_look", counted)
    async with app.run_test(size=WIDE) as pilot:
        await caught_up(pilot)
        refreshes.clear()
        story.tell(*(e.AgentSaid(incident="12", role="diagnosis", kind="tool", text=f"look {n}") for n in range(2000)))
        await caught_up(pilot)
        assert len(refreshes) < 50
        assert "look 1999" in shown(pilot, "agents")
