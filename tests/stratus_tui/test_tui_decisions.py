"""What keys do: asserted on the commands in the inbox and on what the app says, not on pictures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Button, Input

from stratus.domain import commands as c
from stratus.domain import events as e
from stratus.domain.policy import Mode, Tier
from stratus.domain.steps import FieldChange
from stratus.domain.transactions import card_digest
from stratus_tui.app import StratusApp
from stratus_tui.screens.board import BoardScreen
from stratus_tui.screens.dialog import Question
from stratus_tui.screens.help import HelpScreen
from stratus_tui.screens.page import PageScreen
from stratus_tui.widgets.pane import Pane
from tests.stratus_tui import stories
from tests.stratus_tui.driving import app_of, caught_up, posted, source_of, until

NARROW = (80, 24)


def notice(app: StratusApp) -> str:
    """What the person is told."""
    app.refresh_view()
    return app.view.notice.text if app.view.notice is not None else ""


async def on_screen(pilot: Pilot[Any], kind: type[Any]) -> None:
    """A screen of this kind is on top and has drawn itself."""
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.is_mounted)
    await pilot.pause()


async def test_veto_is_one_key_and_says_so_at_once() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v")
        assert notice(app) == "veto of 12.2 sent…"
        assert await posted(pilot) == [c.Veto(tx="12.2")]
        sent = source_of(app).log.inbox.posted[0]
        assert (sent.actor, sent.surface) == ("human:me", "terminal")


async def test_a_second_press_is_the_same_veto() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v", "v", "v")
        await posted(pilot)
        await until(pilot, lambda: not any(worker.group == "desk" and worker.is_running for worker in app.workers))
        assert len(source_of(app).log.inbox.posted) == 1


@pytest.mark.parametrize(
    ("accepted", "message", "said"),
    [(True, "12.2 vetoed", "✓ veto of 12.2: 12.2 vetoed"), (False, "@ana was first", "✗ veto of 12.2: @ana was first")],
)
async def test_the_engines_answer_replaces_the_promise(accepted: bool, message: str, said: str) -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v")
        await posted(pilot)
        source_of(app).log.append(
            e.CommandHandled(
                command="c1", verb="veto", actor="human:me", surface="terminal", accepted=accepted, message=message
            )
        )
        await caught_up(pilot)
        await until(pilot, lambda: notice(app) == said)


async def test_a_silent_engine_is_said() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v")
        await posted(pilot)
        await until(pilot, lambda: not any(worker.group == "desk" and worker.is_running for worker in app.workers))
        source_of(app).time += timedelta(seconds=8)
        assert notice(app) == "veto of 12.2: no answer from the engine for 8 s; it stays in the inbox"


async def _page(pilot: Pilot[Any]) -> None:
    await pilot.press("y")
    await on_screen(pilot, PageScreen)


async def _help(pilot: Pilot[Any]) -> None:
    await pilot.press("question_mark")
    await on_screen(pilot, HelpScreen)


async def _question(pilot: Pilot[Any]) -> None:
    await pilot.press("a", "enter")
    await on_screen(pilot, Question)


async def _pane(pilot: Pilot[Any]) -> None:
    await pilot.press("5")


@pytest.mark.parametrize("get_there", [_page, _help, _question, _pane], ids=["page", "help", "question", "narrow pane"])
@pytest.mark.parametrize(("key", "command"), [("v", c.Veto(tx="12.2")), ("h", c.Hold(tx="12.2"))])
async def test_veto_and_hold_work_on_every_screen(get_there: Any, key: str, command: c.Command) -> None:
    app = app_of(stories.approval(), 2)
    async with app.run_test(size=NARROW) as pilot:
        await caught_up(pilot)
        await get_there(pilot)
        await pilot.press(key)
        assert await posted(pilot) == [command]


async def test_veto_after_the_write_asks_for_undo_in_the_same_way() -> None:
    app = app_of(stories.settling(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v")
        assert await posted(pilot) == [c.Veto(tx="12.2")]


async def test_nothing_to_veto_says_what_else_there_is() -> None:
    app = app_of(stories.committed(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("v")
        assert notice(app) == "nothing to veto; u undoes"
        assert not source_of(app).log.inbox.posted


async def test_pause_toggles() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("exclamation_mark")
        assert await posted(pilot) == [c.Pause()]
        source_of(app).log.append(e.Paused(by="human:me"))
        await caught_up(pilot)
        await pilot.press("exclamation_mark")
        assert (await posted(pilot, 2))[1] == c.Resume()


async def test_enter_on_the_card_approves_nothing() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert not source_of(app).log.inbox.posted


async def test_approve_is_bound_to_the_card_on_the_screen() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("a", "enter")
        digest = card_digest(app.view.board.transactions["12.2"])
        assert await posted(pilot) == [c.Approve(tx="12.2", digest=digest)]


async def test_a_risky_tier_is_asked_twice() -> None:
    app = app_of(stories.approval(Tier.CLUSTER), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("a", "enter")
        await on_screen(pilot, Question)
        await pilot.press("enter")  # the focus is on cancel
        await on_screen(pilot, BoardScreen)
        assert not source_of(app).log.inbox.posted
        await pilot.press("a", "enter")
        await on_screen(pilot, Question)
        await pilot.press("right", "enter")
        assert (await posted(pilot))[0].verb == "approve"


async def test_what_cannot_be_undone_needs_its_word() -> None:
    app = app_of(stories.approval(Tier.IRREVERSIBLE), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("a", "enter")
        await on_screen(pilot, Question)
        yes = app.screen.query_one("#yes", Button)
        assert yes.disabled
        app.screen.query_one("#word", Input).focus()
        await pilot.press(*"irreversible")
        await until(pilot, lambda: not yes.disabled)
        yes.focus()
        await pilot.press("enter")
        assert (await posted(pilot))[0].verb == "approve"


async def test_a_card_that_changes_during_the_question_is_not_approved() -> None:
    app = app_of(stories.approval(Tier.SENSITIVE), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("a", "enter")
        await on_screen(pilot, Question)
        other = FieldChange(path="spec.replicas", before=1, after=0)
        source_of(app).log.append(e.StepRehearsed(tx="12.2", step=1, diff=(other,), post_image="q2"))
        source_of(app).log.append(e.TxAwaiting(tx="12.2", wants="approval", seconds=60, deadline=None))
        await caught_up(pilot)
        await pilot.press("right", "enter")
        await until(pilot, lambda: "changed while you looked" in notice(app))
        assert not source_of(app).log.inbox.posted


async def test_undo_asks_first() -> None:
    app = app_of(stories.committed(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("u")
        await on_screen(pilot, Question)
        await pilot.press("escape")
        await on_screen(pilot, BoardScreen)
        await pilot.press("u")
        await on_screen(pilot, Question)
        await pilot.press("right", "enter")
        assert await posted(pilot) == [c.Undo(tx="12.2")]


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("veto", c.Veto(tx="12.2")),
        ("tx hold 12.2 5m", c.Hold(tx="12.2", seconds=300)),
        ("mode observe hotel 10m", c.SetMode(mode=Mode.OBSERVE, namespace="hotel", seconds=600)),
        ("pause hotel", c.Pause(namespace="hotel")),
        ("ask why is geo down", c.Ask(question="why is geo down")),
    ],
)
async def test_the_command_line_speaks_the_verbs_of_the_shell(typed: str, command: c.Command) -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("colon", *(_key(character) for character in typed), "enter")
        assert await posted(pilot) == [command]


async def test_what_is_typed_ahead_of_the_line_belongs_to_it() -> None:
    """A slow connection delivers a line at once: no letter may be lost, nor be taken for a key that decides."""
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        for character in ":ask have a look: u/h v":
            app.post_message(Key(_key(character), character))
        app.post_message(Key("enter", "\r"))
        assert await posted(pilot) == [c.Ask(question="have a look: u/h v")]


def _key(character: str) -> str:
    return {" ": "space", ".": "full_stop", ":": "colon", "/": "slash"}.get(character, character)


async def test_the_answer_to_a_question_has_a_page() -> None:
    app = app_of(stories.waiting(), 2)
    answer = "geo cannot pull its image. " * 20
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("colon", *(_key(character) for character in "ask why"), "enter")
        await posted(pilot)
        source_of(app).log.append(
            e.CommandHandled(
                command="c1", verb="ask", actor="human:me", surface="terminal", accepted=True, message=answer
            )
        )
        await caught_up(pilot)
        await on_screen(pilot, PageScreen)
        await until(pilot, lambda: len(app.screen.query_one("#page", Pane)._rows) > 2)


async def test_a_typing_error_is_answered_with_the_nearest_verb() -> None:
    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press("colon", *"vetto", "enter")
        await until(pilot, lambda: "did you mean veto?" in notice(app))


@pytest.mark.parametrize("keys", [["v"], ["h"], ["exclamation_mark"], ["a", "enter"], ["colon", *"veto", "enter"]])
async def test_looking_on_sends_nothing(keys: list[str]) -> None:
    app = app_of(stories.waiting(), 2, read_only=True)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        await pilot.press(*keys)
        await pilot.pause()
        assert not source_of(app).log.inbox.posted


async def test_the_palette_offers_only_what_is_possible() -> None:
    from stratus_tui.offers import offers

    app = app_of(stories.waiting(), 2)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        titles = [offer.title for offer in offers(app.view)]
        assert "Transaction: Veto 12.2" in titles and "Mode: observe" in titles
        assert not any("Undo" in title or title == "Mode: veto" for title in titles)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: not isinstance(app.screen, BoardScreen))
        await pilot.press(*"vetotrans", "enter")
        await pilot.press(*"", "escape")
    app = app_of(stories.committed(), 1)
    async with app.run_test() as pilot:
        await caught_up(pilot)
        titles = [offer.title for offer in offers(app.view)]
        assert "Transaction: Undo 12.2" in titles and not any("Veto" in title for title in titles)


async def test_a_window_rings_the_bell_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[str] = []
    story = stories.proposal()
    app = app_of(story, 1)
    monkeypatch.setattr(app, "bell", lambda: rung.append(app.title))
    async with app.run_test() as pilot:
        await caught_up(pilot)
        assert not rung and app.title == "STRATUS"
        story.window("12.2")
        await caught_up(pilot)
        await until(pilot, lambda: rung)
        app.refresh_view()
        assert rung == [app.title] and app.title.startswith("◷ 12.2 kubectl set image")
