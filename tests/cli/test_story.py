"""The text form: what a person reads line by line, each thing once."""

from __future__ import annotations

import io

from stratus.cli.output import Output
from stratus.cli.story import Story
from stratus.domain import events as e
from stratus.domain.machine import IncidentState as S
from tests.stratus_tui import stories
from tests.stratus_tui.stories import GEO_DOWN, REQUESTS_FAIL

Told = stories.Story


def told(story: Told, *, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    teller = Story(Output(stdout=out), verbose=verbose)
    for recorded in story.log.recorded:
        teller.tell(recorded)
    return out.getvalue().splitlines()


def test_a_sample_says_what_came_and_what_went() -> None:
    lines = told(Told().sample(GEO_DOWN).sample(GEO_DOWN, REQUESTS_FAIL).sample(REQUESTS_FAIL).sample())
    text = "\n".join(lines)
    assert text.count(f"+ {GEO_DOWN.weight:g}  {GEO_DOWN.subject.path}") == 1
    assert text.count(f"+ {REQUESTS_FAIL.weight:g}  {REQUESTS_FAIL.subject.path}") == 1
    assert text.count(f"- {GEO_DOWN.subject.path}: {GEO_DOWN.reason}") == 1
    assert "everything that is watched is healthy" in lines[-1]


def test_what_was_just_said_is_not_said_again() -> None:
    cause = "deployment/geo: its image does not come"
    story = Told().sample(GEO_DOWN).incident("1", "geo has no ready pod", GEO_DOWN).phase(S.DIAGNOSING)
    story.tell(
        e.DiagnosisMade(
            incident="1", component="deployment/geo", namespace="hotel", fault_class="image", confidence=0.9,
            summary=cause, evidence=(cause, "the registry does not answer"),
        )
    )  # fmt: skip
    lines = told(story.said("diagnosis", "conclusion", cause).phase(S.PLANNING, cause))
    assert sum(cause in line for line in lines) == 1
    assert any(line.endswith("· the registry does not answer") for line in lines)
    assert lines[-1].endswith("diagnosing → planning")


def test_observations_that_repeat_facts_are_for_the_verbose() -> None:
    story = Told().sample(GEO_DOWN).incident("1", "geo has no ready pod", GEO_DOWN)
    story.said("detection", "observation", "geo has no ready pod: 0/1").said(
        "conductor", "observation", "tried nothing"
    )
    assert not any("0/1" in line for line in told(story))
    assert any("0/1" in line for line in told(story, verbose=True))
    assert "tried nothing" in told(story)[-1]


def test_every_story_is_told_without_terminal_escapes() -> None:
    for story in (stories.diverged(), stories.escalated(), stories.unknown(), stories.hostile()):
        lines = told(story)
        assert lines
        assert not any(ord(character) < ord(" ") for line in lines for character in line)
