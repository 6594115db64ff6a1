"""The undo of any change of any object: it restores, it never loses another writer's edit, and twice is once."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus.cluster.merge import merge
from stratus.cluster.normal import desired
from stratus.cluster.restore import plan_undo, verify
from stratus.cluster.tree import MISSING, Key, Path, differences, keyed, same
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep, ReplaceStep
from tests.cluster.strategies import SPEC, deployments

MANY = settings(max_examples=100, deadline=None, derandomize=True)
OBJECTS = deployments()


def _undone(pre: JsonObject, post: JsonObject, live: JsonObject) -> JsonObject:
    """What the server holds after the undo: PUT ignores the server's own fields."""
    write = plan_undo(ObjectRef.of(pre), pre, post, live).write
    if write is None:
        return live
    assert isinstance(write, ReplaceStep)
    return write.manifest


def _at(value: Any, path: Path) -> Any:
    for position, segment in enumerate(path):
        if isinstance(segment, Key):
            items = keyed(str(path[position - 1]), value)
            value = items[0].get(segment, MISSING) if items else MISSING
        else:
            value = value.get(segment, MISSING) if isinstance(value, dict) else MISSING
    return value


def _empty(value: Any) -> bool:
    return value is MISSING or value in ({}, [])


@MANY
@given(OBJECTS, OBJECTS)
def test_undo_restores_whatever_the_step_changed(pre: JsonObject, post: JsonObject) -> None:
    after = _undone(pre, post, copy.deepcopy(post))
    assert same(desired(after), desired(pre))
    assert verify(pre, post, after) == ()
    assert (verify(pre, post, post) == ()) == same(desired(pre), desired(post))


@MANY
@given(OBJECTS, OBJECTS, OBJECTS)
def test_undo_twice_is_undo_once(pre: JsonObject, post: JsonObject, live: JsonObject) -> None:
    after = _undone(pre, post, live)
    assert plan_undo(ObjectRef.of(pre), pre, post, after).write is None


@MANY
@given(OBJECTS, OBJECTS, OBJECTS)
def test_what_is_not_restored_is_named_as_a_conflict(pre: JsonObject, post: JsonObject, live: JsonObject) -> None:
    conflicts = plan_undo(ObjectRef.of(pre), pre, post, live).conflicts
    left = verify(pre, post, _undone(pre, post, live))
    assert bool(conflicts) == bool(left)
    assert all(any(change.path.startswith(conflict.path) for conflict in conflicts) for change in left)


@MANY
@given(OBJECTS, OBJECTS, OBJECTS)
def test_no_edit_of_another_writer_is_lost(pre: JsonObject, post: JsonObject, live: JsonObject) -> None:
    p, q, now = desired(pre), desired(post), desired(live)
    result = merge(p, q, now).result
    for path, ours, edited in differences((), q, now):
        if _empty(ours) and _empty(edited):  # an empty list is no list: the items in it are what counts
            continue
        kept = _at(result, path)
        if _reordered(ours, edited) and isinstance(kept, list):  # ours return in between, or go
            kept, edited = [item for item in kept if item in edited], [item for item in edited if item in kept]
        assert same(kept, edited) or same(_at(now, path), _at(p, path)), path


def _reordered(before: Any, after: Any) -> bool:
    return (
        isinstance(before, list) and isinstance(after, list) and sorted(map(repr, before)) == sorted(map(repr, after))
    )


@MANY
@given(OBJECTS, OBJECTS, SPEC)
def test_the_servers_own_fields_stay_as_they_are_live(pre: JsonObject, post: JsonObject, spec: JsonObject) -> None:
    live = {**post, "spec": spec, "metadata": {**post["metadata"], "resourceVersion": "live"}}
    after = _undone(pre, post, live)
    assert after["metadata"]["resourceVersion"] == "live"
    assert after["status"] == live["status"]
    revision = live["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision")
    assert after["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision") == revision


@MANY
@given(OBJECTS, st.booleans(), OBJECTS)
def test_a_created_object_goes_unless_somebody_edited_it(post: JsonObject, edited: bool, other: JsonObject) -> None:
    live = other if edited else {**copy.deepcopy(post), "status": {"replicas": 9}}
    plan = plan_undo(ObjectRef.of(post), None, post, live)
    clean = [desired(obj) for obj in (post, live)]
    for obj in clean:
        obj["metadata"].pop("finalizers", None)
    if same(*clean):
        assert isinstance(plan.write, DeleteStep)
        assert plan.precondition.uid == "u"
    else:
        assert plan.write is None and plan.conflicts


@MANY
@given(OBJECTS)
def test_a_deleted_object_comes_back(pre: JsonObject) -> None:
    plan = plan_undo(ObjectRef.of(pre), pre, None, None)
    assert plan.write is not None and plan.write.kind == "create"
    manifest = plan.write.manifest
    assert not {"uid", "resourceVersion"} & manifest["metadata"].keys() and "status" not in manifest
    live = {**manifest, "metadata": {**manifest["metadata"], "uid": "new", "resourceVersion": "1"}}
    assert verify(pre, None, None) != ()
    assert verify(pre, None, live) == ()
    assert plan_undo(ObjectRef.of(pre), pre, None, live).done
