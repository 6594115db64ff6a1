"""The commit rule of tnr.md, clause by clause."""

from __future__ import annotations

import pytest

from stratus.domain.objects import Subject
from stratus.domain.severity import (
    CRASHED,
    Checkpoint,
    Finding,
    Observation,
    OracleState,
    Reading,
    commit_verdict,
    severity_since,
)


def finding(name: str, weight: float = 1.0, reason: str = "Degraded") -> Finding:
    subject = Subject(kind="Deployment", namespace="n", name=name)
    return Finding(oracle="workloads", subject=subject, reason=reason, weight=weight)


def seen(*findings: Finding, state: OracleState = OracleState.OBSERVING, crashed: bool = False) -> Observation:
    alerts = Reading(oracle="alerts", state=OracleState.OFF)
    return Observation(readings=(Reading(oracle="workloads", state=state, findings=findings), alerts), crashed=crashed)


def point(*findings: Finding, initial: float | None = None, observing: tuple[str, ...] = ("workloads",)) -> Checkpoint:
    severity = sum(each.weight for each in findings)
    return Checkpoint(
        severity=severity, findings=findings, observing=observing, initial=severity if initial is None else initial
    )


def test_what_was_pending_was_not_healthy_and_still_counts() -> None:
    pending = finding("b", 1).model_copy(update={"oracle": "alerts"})
    before = point(finding("a", 3)).model_copy(update={"pending": (pending,)})
    assert commit_verdict(before, seen(pending)).commit
    assert not commit_verdict(before, seen(finding("b", 1))).commit, "another oracle's word about it is news"
    assert not commit_verdict(before, seen(finding("a", 3), pending)).commit, "the sum may not rise"


def test_less_and_equal_severity_commit() -> None:
    before = point(finding("a", 3), finding("b", 1))
    assert commit_verdict(before, seen(finding("a", 3))).commit
    assert commit_verdict(before, seen(finding("a", 3), finding("b", 1))).commit


def test_more_severity_aborts() -> None:
    verdict = commit_verdict(point(finding("a", 3)), seen(finding("a", 3), finding("a", 1, "Restarting")))
    assert not verdict.commit
    assert "severity 4 is above 3" in verdict.reason


def test_b_bounds_every_later_transaction() -> None:
    """A commit may not use up what an earlier one has won: the bound is min(μ_pre, b)."""
    late = point(finding("a", 3), initial=2.0)
    assert not commit_verdict(late, seen(finding("a", 3))).commit


def test_a_new_victim_aborts_even_when_the_sum_falls() -> None:
    before = point(finding("a", 3))
    verdict = commit_verdict(before, seen(finding("b", 1)))
    assert not verdict.commit
    assert "n/deployment/b" in verdict.reason
    assert commit_verdict(before, seen(finding("b", 1)), no_new_victims=False).commit


def test_what_could_not_be_judged_before_is_no_victim_of_the_same_oracle() -> None:
    """The fault in front of it kept all requests away: that it fails was not caused, it came to light."""
    hidden = finding("b", 1)
    before = point(finding("a", 3)).model_copy(update={"unjudged": (("workloads", hidden.subject),)})
    assert commit_verdict(before, seen(hidden)).commit
    assert not commit_verdict(before, seen(hidden.model_copy(update={"oracle": "alerts"}))).commit
    assert not commit_verdict(before, seen(finding("b", 4))).commit, "the severity is bounded all the same"


@pytest.mark.parametrize("state", [OracleState.BLIND, OracleState.OFF])
def test_an_oracle_that_saw_the_checkpoint_must_see_now(state: OracleState) -> None:
    before, now = point(finding("a", 3)), seen(state=state)
    assert severity_since(before, now) == CRASHED
    assert not commit_verdict(before, now).commit


def test_an_oracle_that_is_off_does_not_matter() -> None:
    assert commit_verdict(point(finding("a", 1)), seen()).commit


def test_a_crashed_state_never_commits() -> None:
    assert not commit_verdict(point(finding("a", 1)), seen(crashed=True)).commit
    assert severity_since(point(), seen(crashed=True)) == CRASHED


def test_one_problem_counts_once() -> None:
    assert seen(finding("a", 2), finding("a", 2)).severity == 2.0
