"""Every state that needs its own picture. The events are those of ``stories``; the time is the story's."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot

from stratus.domain import events as e
from stratus.domain.policy import Mode, Tier
from stratus.domain.steps import FieldChange
from stratus_tui.app import StratusApp
from stratus_tui.source import ReplaySource
from tests.stratus_tui import stories
from tests.stratus_tui.driving import Picture, app_of, caught_up, source_of
from tests.stratus_tui.stories import Story

pytestmark = pytest.mark.slow
NARROW = (80, 24)


def test_healthy(picture: Picture) -> None:
    """Nothing wrong is a screen too."""
    picture(app_of(stories.healthy(), 2))


def test_healthy_narrow(picture: Picture) -> None:
    """The same in 80×24."""
    picture(app_of(stories.healthy(), 2), NARROW)


def test_detecting(picture: Picture) -> None:
    """Findings, a machine on its way, no proposal yet."""
    picture(app_of(stories.detecting(), 2))


@pytest.mark.parametrize("size", [(120, 40), NARROW], ids=["wide", "narrow"])
def test_proposal_fresh(picture: Picture, size: tuple[int, int]) -> None:
    """The window has just opened."""
    picture(app_of(stories.waiting(), 2), size)


def test_proposal_last_seconds(picture: Picture) -> None:
    """Five seconds are left."""
    picture(app_of(stories.waiting(), 26), NARROW)


def test_proposal_held(picture: Picture) -> None:
    """Somebody stopped the clock, in Slack."""
    picture(app_of(stories.held(), 1))


def test_approval_needed(picture: Picture) -> None:
    """A person must say yes; the second question for a risky tier."""
    picture(app_of(stories.approval(Tier.IRREVERSIBLE), 3), keys=["a", "enter"])


def test_executing(picture: Picture) -> None:
    """The intent is durable, the write is on its way."""
    picture(app_of(stories.executing(), 0.1))


def test_settling(picture: Picture) -> None:
    """Written; the verdict is still out."""
    picture(app_of(stories.settling(), 2))


def test_committed(picture: Picture) -> None:
    """It helped and stays."""
    picture(app_of(stories.committed(), 3))


def test_restored(picture: Picture) -> None:
    """It made things worse and was taken back."""
    picture(app_of(stories.restored(), 1))


@pytest.mark.parametrize("size", [(120, 40), NARROW], ids=["wide", "narrow"])
def test_diverged(picture: Picture, size: tuple[int, int]) -> None:
    """Undo left fields alone that somebody else changed."""
    picture(app_of(stories.diverged(), 2), size)


def test_outcome_unknown(picture: Picture) -> None:
    """The answer to a write was lost."""
    picture(app_of(stories.unknown(), 3))


def test_escalated(picture: Picture) -> None:
    """The hand-over."""
    picture(app_of(stories.escalated(), 2))


def test_paused(picture: Picture) -> None:
    """No new step."""
    picture(app_of(stories.paused()))


def test_observe(picture: Picture) -> None:
    """Proposed only."""
    picture(app_of(stories.observing()))


def test_engine_unreachable(picture: Picture) -> None:
    """Last seen 12 s ago: nothing shown is live."""
    app = app_of(stories.waiting(), 12)
    source_of(app).beat = stories.waiting().now
    picture(app)


def test_another_writer(picture: Picture) -> None:
    """The lease is somebody else's."""
    picture(app_of(stories.another_writer(), 1))


def test_replay(picture: Picture) -> None:
    """The past, at ten times its speed."""
    times = iter([0.0])
    recorded = stories.waiting().log.recorded
    length = (recorded[-1].at - recorded[0].at).total_seconds()
    picture(StratusApp(ReplaySource(recorded, 10, clock=lambda: next(times, length)), None), prepare=_replayed)


async def _replayed(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, StratusApp)
    while app.view.board.seq < len(stories.waiting().log.recorded):
        await pilot.pause()


def test_three_hundred_workloads(picture: Picture) -> None:
    """Two namespaces, the worst on top, filtered to one."""
    picture(app_of(stories.many_workloads(), 1), NARROW, keys=["5", "slash", *"shop/service-0"])


@pytest.mark.parametrize("size", [(120, 40), NARROW], ids=["wide", "narrow"])
def test_hostile_names(picture: Picture, size: tuple[int, int]) -> None:
    """Markup, escapes, bidi overrides and wide characters stay text."""
    picture(app_of(stories.hostile()), size)


def test_veto_sent_and_answered(picture: Picture) -> None:
    """The answer of the engine to a veto."""
    app = app_of(stories.waiting(), 2)

    async def veto(pilot: Pilot[Any]) -> None:
        source = source_of(app)
        await pilot.press("v")
        while not source.log.inbox.posted:
            await pilot.pause()
        source.log.append(
            e.CommandHandled(
                command="c1", verb="veto", target="12.2", actor="human:me", surface="terminal", accepted=True,
                message="12.2 vetoed, nothing was written",
            ),
            e.TxDecided(tx="12.2", decision="vetoed", by="human:me", surface="terminal"),
            e.TxCancelled(tx="12.2", cause="vetoed", reason="a person objected", by="human:me"),
        )  # fmt: skip
        await caught_up(pilot)

    picture(app, NARROW, prepare=veto)


def test_help(picture: Picture) -> None:
    """The live bindings, with the countdown still in sight."""
    picture(app_of(stories.waiting(), 2), keys=["question_mark"])


def test_yaml_page(picture: Picture) -> None:
    """What is sent, what changes, and the object before."""
    picture(app_of(stories.waiting(), 2), keys=["y"])


def test_many_steps(picture: Picture) -> None:
    """A person's own command with two steps."""
    story = Story(mode=Mode.VETO).healthy().after(5)
    diff = FieldChange(path="spec.replicas", before=1, after=2)
    story.propose("h1", stories.SCALE_TWO, diff).go("h1", decision="approved", by="human:ana")
    story.write("h1", stories.SCALE_TWO, step=1)
    picture(app_of(story, 1), NARROW, keys=["tab"])


def test_without_colour(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Glyph and word carry everything."""
    monkeypatch.setenv("NO_COLOR", "1")
    picture(app_of(stories.waiting(), 26), keys=["1"])


def test_a_crashed_app_has_no_picture(picture: Picture) -> None:
    """The guard itself."""

    class Crashing(App[None]):
        def on_mount(self) -> None:
            raise RuntimeError("crashed on purpose")

    with pytest.raises(AssertionError, match="crashed on purpose"):
        picture(Crashing())
