"""Addresses of fields: reading, writing and removing by merge key, and the differences of two objects."""

from __future__ import annotations

import copy

import jsonpatch
from hypothesis import given
from hypothesis import strategies as st

from agents.evidence.paths import MISSING, At, leaves, read, show, write
from agents.minds.playbook.fixes import json_patch

POD = {"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "env": [{"name": "K", "value": "1"}]}]}}
IMAGE = ("spec", "containers", At("name", "a"), "image")


def test_a_keyed_element_is_found_wherever_it_stands() -> None:
    assert read(POD, IMAGE) == "x:1"
    assert read(POD, ("spec", "containers", At("name", "zz"))) is MISSING
    assert show(IMAGE) == "spec.containers[name=a].image"


def test_writing_makes_what_is_missing_and_removing_leaves_no_empty_shell() -> None:
    pod = copy.deepcopy(POD)
    write(pod, ("spec", "containers", At("name", "a"), "env", At("name", "N")), {"name": "N", "value": "v"})
    assert read(pod, ("spec", "containers", At("name", "a"), "env")) == [{"name": "N", "value": "v"}]
    write(pod, ("spec", "containers", At("name", "a"), "env", At("name", "N")), MISSING)
    assert pod == POD


def test_an_environment_variable_is_compared_whole() -> None:
    changed = copy.deepcopy(POD)
    changed["spec"]["containers"][1]["env"] = [{"name": "K", "valueFrom": {"fieldRef": {}}}]
    ((path, before, after),) = leaves(POD, changed)
    assert show(path) == "spec.containers[name=b].env[name=K]"
    assert (before, after) == ({"name": "K", "value": "1"}, {"name": "K", "valueFrom": {"fieldRef": {}}})


KEYS = st.sampled_from(["a", "b", "c/d", "e~"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("xy", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(DOCUMENTS, DOCUMENTS)
def test_a_json_patch_leads_exactly_to_the_wanted_object(before: dict[str, object], after: dict[str, object]) -> None:
    patched = jsonpatch.apply_patch(before, list(json_patch(before, after)))
    assert jsonpatch.JsonPatch.from_diff(patched, after).patch == []


@given(DOCUMENTS, DOCUMENTS)
def test_writing_every_difference_back_restores_the_earlier_object(
    before: dict[str, object], after: dict[str, object]
) -> None:
    restored = copy.deepcopy(after)
    for path, old, _ in leaves(before, after):
        write(restored, path, copy.deepcopy(old))
    assert _full(restored) == _full(before)


def _full(value: object) -> object:
    """Without empty containers: a field that holds nothing and a field that is not there are the same to a server."""
    if isinstance(value, dict):
        return {k: v for k, v in ((k, _full(v)) for k, v in value.items()) if v not in ({}, [])}
    return value
