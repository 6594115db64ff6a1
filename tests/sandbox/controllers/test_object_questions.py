"""Quantities, selectors, conditions and rollout arithmetic: small functions that much rests on."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus.sandbox import quantities
from stratus.sandbox.controllers.rollout import same_template, template_hash
from stratus.sandbox.objects import available_in, percent, satisfies, selects, with_condition


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0.1", "100m"), ("1024Mi", "1Gi"), ("1500m", "1500m"), ("1.5Gi", "1536Mi"), ("2000", "2k"), ("1e3", "1e3"),
        ("0", "0"), ("0.5", "500m"), ("100Mi", "100Mi"), ("12E", "12E"), ("1000m", "1"), ("-1.5", "-1500m"),
    ],
)  # fmt: skip
def test_canonical_quantities(written: str, stored: str) -> None:
    assert quantities.canonical(written) == stored


@pytest.mark.parametrize("text", ["", "abc", "1GiB", "1 Gi", "--1", "1e"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError):
        quantities.parse(text)


@given(st.integers(0, 10**15), st.sampled_from(["", "k", "M", "G", "m", "Ki", "Mi", "Gi"]))
def test_the_canonical_form_keeps_the_amount_and_is_stable(number: int, suffix: str) -> None:
    once = quantities.canonical(f"{number}{suffix}")
    assert quantities.parse(once) == quantities.parse(f"{number}{suffix}")
    assert quantities.canonical(once) == once


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=10**9))
def test_rounding_is_upwards(amount: Fraction) -> None:
    text = f"{float(amount):.9f}"
    assert quantities.value(text) >= quantities.parse(text) > quantities.value(text) - 1
    assert quantities.milli(text) >= quantities.parse(text) * 1000 > quantities.milli(text) - 1


def test_selectors() -> None:
    labels = {"app": "web", "tier": "3"}
    assert selects({"matchLabels": {"app": "web"}}, labels)
    assert not selects({"matchLabels": {"app": "web", "x": "y"}}, labels)
    assert selects({}, labels) and not selects(None, labels)
    assert satisfies({"key": "tier", "operator": "Gt", "values": ["2"]}, labels)
    assert not satisfies({"key": "tier", "operator": "Lt", "values": ["3"]}, labels)
    assert satisfies({"key": "zone", "operator": "NotIn", "values": ["a"]}, labels)
    assert not satisfies({"key": "zone", "operator": "In", "values": ["a"]}, labels)


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [("25%", 10, 3, 2), ("100%", 3, 3, 3), (2, 10, 2, 2), ("0%", 9, 0, 0), ("34%", 3, 2, 1)],
)
def test_percentages(value: int | str, total: int, up: int, down: int) -> None:
    assert percent(value, total, round_up=True) == up
    assert percent(value, total, round_up=False) == down


def test_a_condition_keeps_its_transition_time_while_its_status_stays() -> None:
    old = [{"type": "Ready", "status": "True", "lastTransitionTime": "then"}, {"type": "Other", "status": "True"}]
    same = with_condition(old, {"type": "Ready", "status": "True", "lastTransitionTime": "now", "reason": "New"})
    assert same[0] == {"type": "Ready", "status": "True", "lastTransitionTime": "then", "reason": "New"}
    changed = with_condition(old, {"type": "Ready", "status": "False", "lastTransitionTime": "now"})
    assert changed[0]["lastTransitionTime"] == "now" and changed[1]["type"] == "Other"


def test_availability_needs_time() -> None:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "1970-01-01T00:01:40Z"}
    pod = {"status": {"conditions": [ready]}}
    assert available_in(pod, 30, 110.0) == 20.0
    assert available_in(pod, 30, 130.0) == 0.0
    assert available_in({"status": {}}, 30, 130.0) is None


def test_a_template_is_the_same_whatever_its_hash_label() -> None:
    template = {"metadata": {"labels": {"app": "a"}, "creationTimestamp": None}, "spec": {"containers": []}}
    labelled = {"metadata": {"labels": {"app": "a", "pod-template-hash": "x"}}, "spec": {"containers": []}}
    assert same_template(template, labelled)
    assert template_hash(template) == template_hash(labelled) != template_hash(template, collisions=1)
    assert not same_template(template, {**labelled, "spec": {"containers": [{"name": "c"}]}})
