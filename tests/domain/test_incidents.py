"""What the log says of an incident: what is believed now, and what the cause was."""

from __future__ import annotations

import pytest

from stratus.domain import events as e
from stratus.domain.projection import fold
from tests.stratus_tui.stories import GEO_DOWN, SET_IMAGE, Story


def believed(component: str) -> e.DiagnosisMade:
    return e.DiagnosisMade(incident="1", component=component, fault_class="image", confidence=0.9)


def attempted(story: Story, tx: str, *, commit: bool) -> Story:
    story.propose(tx, SET_IMAGE).go(tx, GEO_DOWN).write(tx, SET_IMAGE).settle(tx, commit=commit, reason="")
    if commit:
        return story.tell(e.TxCommitted(tx=tx, severity=0.0, initial=3.0))
    undone = e.StepUndone(tx=tx, step=1, result="restored")
    return story.tell(e.UndoStarted(tx=tx, reason="worse"), undone, e.TxRestored(tx=tx, severity=3.0, reason=""))


@pytest.mark.parametrize(("commit", "cause"), [(True, "deployment/geo"), (False, "deployment/rate")])
def test_the_cause_is_what_was_believed_before_the_first_change_that_stands(commit: bool, cause: str) -> None:
    story = Story().incident("1", "geo has no ready pod", GEO_DOWN).tell(believed("deployment/geo"))
    attempted(story, "1.1", commit=commit).tell(believed("deployment/rate"))
    incident = fold(story.log.recorded).incidents["1"]
    assert incident.diagnosis is not None and incident.diagnosis.component == "deployment/rate"
    assert incident.cause is not None and incident.cause.component == cause
