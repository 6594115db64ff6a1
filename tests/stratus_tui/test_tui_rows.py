"""Pure functions from the folded log to rows, read as text."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus.domain import events as e
from stratus.domain.machine import INCIDENT_TRANSITIONS, IncidentState, TxState
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Mode
from stratus.domain.projection import Sample, fold
from stratus.domain.severity import CRASHED
from stratus.domain.steps import CreateStep, PatchStep, Proposal
from stratus.testing.memory import EPOCH
from stratus_tui.render.calm import rest_card
from stratus_tui.render.card import card
from stratus_tui.render.countdown import countdown
from stratus_tui.render.evidence import Selection, evidence
from stratus_tui.render.glyphs import TX_SIGNS, WORKLOAD_SIGNS, tx_sign
from stratus_tui.render.header import header, headline
from stratus_tui.render.lines import Row, text_of, width_of
from stratus_tui.render.machine import compact, machine, spine, way_back
from stratus_tui.render.plot import columns, curve, plot
from stratus_tui.render.stack import stack
from stratus_tui.render.transcript import transcript
from stratus_tui.render.values import duration, elapsed, field_value, severity
from stratus_tui.render.workloads import workloads
from stratus_tui.view import View
from tests.stratus_tui import stories
from tests.stratus_tui.stories import GEO_DOWN, Story

EVERY_STORY = [
    stories.healthy, stories.detecting, stories.attempt_one, stories.restored, stories.waiting, stories.held,
    stories.approval, stories.executing, stories.settling, stories.committed, stories.unknown, stories.diverged,
    stories.escalated, stories.paused, stories.observing, stories.another_writer, stories.many_workloads, stories.hostile,
]  # fmt: skip


def view_of(story: Story, later: float = 0.0) -> View:
    """A live view."""
    now = story.now + timedelta(seconds=later)
    return View(fold(story.log.recorded), now, heartbeat=now)


def text(rows: list[Row]) -> str:
    """As a person reads it."""
    return "\n".join(text_of(row.line) for row in rows)


@pytest.mark.parametrize("story", EVERY_STORY, ids=lambda story: story.__name__)
@pytest.mark.parametrize("width", [30, 78, 118])
def test_every_story_fits_every_width(story: object, width: int) -> None:
    view = view_of(story())  # type: ignore[operator]
    panes = [header, headline, machine, stack, transcript, workloads, countdown]
    rows = [row for pane in panes for row in pane(view, width)]
    rows += [*plot(view, width, 12), Row(compact(view, width))]
    assert all(width_of(row.line) <= width for row in rows)
    if view.tx is not None:
        assert all(width_of(row.line) <= width for row in card(view, view.tx, width))


def test_the_spine_and_the_way_back_are_all_of_the_table() -> None:
    drawn = {*spine(), *way_back(), IncidentState.ESCALATED}
    assert drawn == set(INCIDENT_TRANSITIONS)
    for before, after in zip(spine(), spine()[1:], strict=False):
        assert after in INCIDENT_TRANSITIONS[before]


@pytest.mark.parametrize("story", EVERY_STORY, ids=lambda story: story.__name__)
def test_the_machine_shows_every_state_once_and_the_live_one_loud(story: object) -> None:
    view = view_of(story(), 1)  # type: ignore[operator]
    drawn = text(machine(view, 118)[:3])
    for state in INCIDENT_TRANSITIONS:
        assert drawn.lower().count(state.value) == 1
    loud = view.incident.state if view.incident is not None else IncidentState.WATCHING
    assert loud.upper() in drawn


def test_connectors_stand_under_the_states_that_the_table_joins() -> None:
    top, connectors, _, _ = (text_of(row.line) for row in machine(view_of(stories.detecting()), 118))
    under = {
        state: connectors[column] if (column := top.lower().index(state) + len(state) // 2) < len(connectors) else " "
        for state in spine()
    }
    entered = {state for state, mark in under.items() if mark == "▲"}
    left = {state for state, mark in under.items() if mark == "│"}
    assert entered == {state for state in spine() if state in INCIDENT_TRANSITIONS[way_back()[-1]]} - {
        IncidentState.RESOLVED
    }
    assert left == {state for state in spine() if way_back()[0] in INCIDENT_TRANSITIONS[state]}


def test_the_path_says_where_it_was_and_for_how_long() -> None:
    path = text_of(machine(view_of(stories.detecting(), 2), 118)[-1].line)
    assert path.strip().startswith("path detecting 00:02 ▸ diagnosing 00:03")


def test_the_narrow_machine_keeps_the_live_state_with_its_neighbours() -> None:
    assert text_of(compact(view_of(stories.waiting(), 2), 78)).strip() == (
        "… ✓ diagnosing ▸ ✓ planning ▸ ▐ MITIGATING 00:02 ▌ ▸ ✓ verifying ▸ resolved"
    )


def test_every_state_of_a_transaction_has_a_glyph_and_a_word_of_its_own() -> None:
    assert set(TX_SIGNS) == set(TxState)
    assert len({(sign.glyph, sign.word) for sign in TX_SIGNS.values()}) == len(TX_SIGNS)
    assert len({sign.glyph for sign in WORKLOAD_SIGNS.values()}) == len(WORKLOAD_SIGNS)


@pytest.mark.parametrize(
    ("story", "word"),
    [
        (stories.waiting, "veto 28 s"), (stories.held, "HELD"), (stories.approval, "NEEDS APPROVAL"),
        (stories.executing, "WRITING"), (stories.settling, "executed"), (stories.committed, "COMMITTED"),
        (stories.unknown, "OUTCOME UNKNOWN"), (stories.diverged, "DIVERGED"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_stack_names_the_state(story: object, word: str) -> None:
    view = view_of(story(), 2)  # type: ignore[operator]
    newest, *_ = stack(view, 60)
    assert newest.key == "tx 12.2" and word in text_of(newest.line)
    assert tx_sign(view.board.transactions["12.2"], view.now).word == word


def test_the_stack_is_newest_first_with_severities() -> None:
    rows = [row for row in stack(view_of(stories.waiting()), 60) if row.key]
    assert [row.key for row in rows] == ["tx 12.2", "tx 12.1"]
    assert "μ 8 → 9 → 8" in text_of(rows[1].line)


def test_a_vetoed_transaction_says_who_and_that_nothing_was_written() -> None:
    story = stories.waiting()
    story.tell(e.TxDecided(tx="12.2", decision="vetoed", by="human:ana", surface="slack"))
    story.tell(e.TxCancelled(tx="12.2", cause="vetoed", reason="not now", by="human:ana"))
    view = view_of(story)
    assert "VETOED" in text(stack(view, 60)) and "vetoed by human:ana (slack)" in text(stack(view, 60))
    assert view.tx is not None and "nothing was written · not now" in text(card(view, view.tx, 90))


def test_the_card_has_command_reason_diff_checks_and_undo() -> None:
    view = view_of(stories.waiting())
    assert view.tx is not None
    shown = text(card(view, view.tx, 90))
    for part in (
        "kubectl set image", "geo is the first failing hop", "containers[name=geo].image", "- registry/hotel:9.9",
        "+ registry/hotel:1.0", "snapshot ✓", "dry run ✓", "put the changed fields", "undo exact", "mode veto",
    ):  # fmt: skip
        assert part in shown


def test_owners_that_may_revert_are_said() -> None:
    story = stories.restored()
    verdicts = tuple(step.classification for step in fold(story.log.recorded).transactions["12.1"].steps)
    assert verdicts[0] is not None
    story.tell(e.TxProposed(tx="12.3", incident="12", cluster="c1", proposal=stories.SET_IMAGE))
    story.tell(e.TxClassified(tx="12.3", steps=(verdicts[0],), mode=Mode.VETO, owners=("argocd",)))
    view = view_of(story)
    assert view.tx is not None and "may be reverted by argocd" in text(card(view, view.tx, 90))


def test_a_refused_dry_run_is_not_shown_as_passed() -> None:
    story = stories.restored().tell(e.TxProposed(tx="12.3", incident="12", cluster="c1", proposal=stories.SET_IMAGE))
    story.tell(e.StepRefused(tx="12.3", step=1, reason="admission webhook says no"))
    view = view_of(story)
    assert view.tx is not None
    shown = text(card(view, view.tx, 90))
    assert "dry run ✗" in shown and "admission webhook says no" in shown and "dry run ✓" not in shown


def test_diverged_names_the_fields_and_the_next_steps() -> None:
    view = view_of(stories.diverged())
    assert view.tx is not None
    shown = text(card(view, view.tx, 90))
    assert "1 field not restored" in shown and stories.IMAGE_DIFF.path in shown and "u asks to undo the rest" in shown
    assert "left alone, changed since" in shown and "others' edits kept: spec.replicas" in shown


@pytest.mark.parametrize(
    ("later", "part"), [(0, "acts in ▕██"), (26, "4 s"), (31, "░▏ 0 s")], ids=["fresh", "last seconds", "over"]
)
def test_the_countdown_runs_down(later: float, part: str) -> None:
    assert part in text(countdown(view_of(stories.waiting(), later), 100))


def test_a_window_whose_clock_has_not_started_says_so() -> None:
    story = stories.proposal().tell(e.TxAwaiting(tx="12.2", wants="veto", seconds=30, deadline=None))
    assert "its time starts when the card is delivered" in text(countdown(view_of(story), 100))


def test_a_silent_engine_does_not_count_down() -> None:
    view = view_of(stories.waiting(), 12)
    silent = View(view.board, view.now, heartbeat=stories.waiting().now)
    assert "fell silent" in text(countdown(silent, 100)) and "acts in" not in text(countdown(silent, 100))


def test_the_rest_card_says_what_is_not_watched() -> None:
    shown = text(rest_card(view_of(stories.healthy(), 2), 80))
    assert "Healthy since" in shown and "✓ requests" in shown
    assert next(row for row in shown.splitlines() if "not " in row).split() == ["not", "nodes"]


def test_blind_is_never_healthy() -> None:
    view = view_of(Story().workloads().sample(blind=("alerts",)))
    assert "never healthy" in text(rest_card(view, 90)) and "● Healthy" not in text(rest_card(view, 90))
    assert "CANNOT SEE" in text(headline(view, 118)) and "μ ∞" in text(header(view, 118))


def test_the_header_drops_the_least_important_first() -> None:
    wide, narrow = (text(header(view_of(stories.waiting()), width)) for width in (118, 78))
    assert "playbook" in wide and "k8s 1.31.4" in wide
    assert "VETO 30 s" in narrow and "μ 8 of 8" in narrow and "playbook" not in narrow


def test_an_escalated_incident_stays_until_it_is_healthy_again() -> None:
    story = stories.escalated()
    assert view_of(story, 3600).incident is not None
    assert view_of(story.healthy(), 1).incident is None


def test_a_resolved_incident_is_news_for_a_moment() -> None:
    assert view_of(stories.committed(), 3).incident is not None
    assert view_of(stories.committed(), 60).incident is None


@given(st.lists(st.none() | st.integers(0, 6), max_size=40))
def test_the_curve_is_connected(heights: list[int | None]) -> None:
    rows = curve(heights, 7)
    for column, height in enumerate(heights):
        drawn = [level for level in range(7) if rows[6 - level][column] != " "]
        if height is None:
            assert drawn == []
        else:
            before = heights[column - 1] if column and heights[column - 1] is not None else height
            assert before is not None
            assert drawn == list(range(min(before, height), max(before, height) + 1))


def test_columns_hold_a_value_until_the_next_sample_and_show_the_worst() -> None:
    samples = [Sample(EPOCH + timedelta(seconds=at), value) for at, value in ((10, 3.0), (31, 9.0), (32, 1.0))]
    values = columns(samples, EPOCH, EPOCH + timedelta(seconds=60), 6)
    assert values == [3.0, 3.0, 3.0, 9.0, 1.0, 1.0]
    assert columns(samples, EPOCH, EPOCH + timedelta(seconds=33), 3) == [3.0, 3.0, 1.0]
    assert columns(samples[:1], EPOCH - timedelta(seconds=60), EPOCH, 3) == [None, None, None]


def test_infinite_severity_is_drawn_at_the_top() -> None:
    story = stories.detecting().sample(stories.GEO_DOWN, blind=("alerts",)).after(5)
    rows = plot(view_of(story), 60, 10)
    assert text_of(rows[0].line).rstrip().endswith("─")


def test_a_workload_whose_requests_fail_is_not_shown_as_well_though_its_pods_are_ready() -> None:
    story = stories.healthy()
    finding = GEO_DOWN.model_copy(update={"oracle": "traffic", "reason": "RequestsDegraded"})
    rows = workloads(view_of(story.sample(finding)), 60)
    assert text_of(rows[0].line).split() == ["▲", "geo", "1/1", "RequestsDegraded"]


def test_workloads_come_worst_first_with_the_reason() -> None:
    rows = workloads(view_of(stories.detecting()), 60)
    assert [text_of(row.line).split()[1] for row in rows[:3]] == ["geo", "frontend", "profile"]
    assert rows[0].key == "workload hotel/deployment/geo"


def _no_object(digest: str) -> dict[str, object]:
    raise AssertionError(digest)


@pytest.mark.parametrize(
    "step",
    [
        CreateStep(
            target=ObjectRef(api_version="v1", kind="Secret", namespace="hotel", name="db"),
            manifest={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": {"password": "aHVudGVyMg=="}},
        ),
        PatchStep(
            target=ObjectRef(api_version="v1", kind="Secret", namespace="hotel", name="db"),
            patch_type="merge", patch={"stringData": {"password": "aHVudGVyMg=="}},
        ),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(step: CreateStep | PatchStep) -> None:
    story = Story().tell(e.TxProposed(tx="h1", cluster="c1", proposal=Proposal(steps=(step,))))
    page = text(evidence(view_of(story), Selection("tx", "h1"), "yaml", _no_object, 90))
    assert "(not shown)" in page and "aHVudGVyMg" not in page


def test_the_baseline_is_the_yaml_of_a_workload() -> None:
    story = stories.healthy().tell(e.BaselineTaken(changed={"hotel/deployment/geo": "h1"}))
    page = evidence(
        view_of(story), Selection("workload", "hotel/deployment/geo"), "yaml", lambda digest: {"kind": digest}, 90
    )
    assert text(page).splitlines()[1].strip() == "kind: h1"


def test_captured_evidence_is_in_the_logs() -> None:
    view = view_of(stories.escalated())
    event = {"type": "Warning", "reason": "BackOff", "message": "restarting failed container"}
    record = {"kind": "Evidence", "logs": {"search-5d8": "starting\npanic: no route"}, "events": [event]}
    page = text(evidence(view, Selection("tx", "12.1"), "logs", lambda digest: record, 90))
    assert "search-5d8" in page and "panic: no route" in page
    assert "Warning BackOff: restarting failed container" in page


def test_a_page_without_anything_says_whom_to_ask() -> None:
    page = evidence(view_of(stories.healthy()), Selection("workload", "hotel/deployment/none"), "logs", _no_object, 90)
    assert "kubectl logs asks the cluster" in text(page)


def test_values_read_the_same_everywhere() -> None:
    assert [severity(value) for value in (None, 0.0, 7.0, 0.5, CRASHED)] == ["–", "0", "7", "0.5", "∞"]
    assert [duration(value) for value in (0.2, 18, 300, 7200)] == ["1 s", "18 s", "5 min", "2 h"]
    assert elapsed(EPOCH, EPOCH + timedelta(hours=50, minutes=3)) == "2 d 02 h"
    assert elapsed(EPOCH, EPOCH - timedelta(seconds=3)) == "00:00"
    assert [field_value(value) for value in ("a b", " a", "", 3, ["x"], True)] == [
        "a b",
        '" a"',
        '""',
        "3",
        '["x"]',
        "true",
    ]
