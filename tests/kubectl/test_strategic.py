"""Strategic patches: what they say, and that merging them by the server's rules gives what was wanted."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stratus.cluster.kubectl.overrides import merged
from stratus.cluster.kubectl.shapes import merging, shape_of
from stratus.cluster.kubectl.strategic import three_way, two_way
from stratus.domain.base import JsonObject

SHAPE = shape_of({"kind": "Deployment"})


def deployment(**spec: Any) -> JsonObject:
    return {"spec": {"template": {"spec": spec}}}


def patch(before: JsonObject, after: JsonObject) -> Any:
    found = two_way(before, after, SHAPE)
    return found["spec"]["template"]["spec"] if found else {}


def test_a_changed_item_is_addressed_by_its_key() -> None:
    before = deployment(containers=[{"name": "a", "image": "1"}, {"name": "b", "image": "1"}])
    after = deployment(containers=[{"name": "a", "image": "1"}, {"name": "b", "image": "2"}])
    assert patch(before, after) == {"containers": [{"name": "b", "image": "2"}]}


def test_a_new_item_keeps_its_place() -> None:
    before, after = deployment(containers=[{"name": "b"}]), deployment(containers=[{"name": "a"}, {"name": "b"}])
    order = [{"name": "a"}, {"name": "b"}]
    assert patch(before, after) == {"containers": [{"name": "a"}], "$setElementOrder/containers": order}


def test_a_moved_item_is_only_an_order() -> None:
    before = deployment(containers=[{"name": "a"}, {"name": "b"}])
    after = deployment(containers=[{"name": "b"}, {"name": "a"}])
    assert patch(before, after) == {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}


def test_unions_lose_the_member_that_was_not_chosen() -> None:
    before = deployment(volumes=[{"name": "v", "emptyDir": {}}])
    after = deployment(volumes=[{"name": "v", "configMap": {"name": "c"}}])
    assert patch(before, after) == {
        "volumes": [{"name": "v", "configMap": {"name": "c"}, "emptyDir": None, "$retainKeys": ["configMap", "name"]}]
    }


def test_a_merge_patch_names_what_a_union_loses() -> None:
    before = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    after = {"spec": {"strategy": {"type": "Recreate"}}}
    expected = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    assert three_way({}, after, before, merging(SHAPE)) == expected
    assert three_way({}, after, after, merging(SHAPE)) == {}


def test_lists_without_a_key_are_one_value_and_sets_are_merged() -> None:
    before, after = deployment(tolerations=[{"key": "a"}]), deployment(tolerations=[{"key": "b"}])
    assert patch(before, after) == {"tolerations": [{"key": "b"}]}
    old, new = {"metadata": {"finalizers": ["a", "b"]}}, {"metadata": {"finalizers": ["b", "c"]}}
    expected = {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}
    assert two_way(old, new, SHAPE) == {"metadata": expected}


def test_three_ways_keep_what_others_added() -> None:
    original = deployment(containers=[{"name": "a", "env": [{"name": "X"}, {"name": "Y"}]}], nodeName="n")
    modified = deployment(containers=[{"name": "a", "env": [{"name": "X", "value": "1"}]}])
    current = deployment(
        containers=[{"name": "a", "env": [{"name": "X"}, {"name": "Y"}, {"name": "Z"}]}, {"name": "injected"}],
        nodeName="n",
        priority=1,
    )
    found = three_way(original, modified, current, SHAPE)["spec"]["template"]["spec"]
    assert found == {
        "containers": [{"name": "a", "env": [{"name": "X", "value": "1"}, {"$patch": "delete", "name": "Y"}]}],
        "nodeName": None,
    }


_JSON = st.recursive(
    st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, max_size=3) | st.lists(inner, max_size=2),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(st.sampled_from("xyz"), _JSON, max_size=3)


@given(_OBJECTS, _OBJECTS)
@settings(max_examples=300, deadline=None)
def test_a_merge_patch_leads_from_one_object_to_any_other(before: JsonObject, after: JsonObject) -> None:
    assert merged(before, two_way(before, after)) == after


@given(_OBJECTS)
def test_equal_objects_need_no_patch(obj: JsonObject) -> None:
    assert two_way(obj, copy.deepcopy(obj), SHAPE) == {}
