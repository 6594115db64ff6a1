"""The merge behaviour that the patches rely on, against the schema that Kubernetes publishes and a server that merges."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratus.cluster.kubectl.builtins import BUILTIN_GROUPS
from stratus.cluster.kubectl.shapes import Shape, shape_of
from stratus.cluster.kubectl.strategic import three_way, two_way
from stratus.sandbox.patch.strategic import strategic_merge
from stratus.sandbox.schema.definitions import Node, _LazyFields, definition
from stratus.sandbox.schema.kinds import Kind, Registry

KINDS = [kind for kind in Registry() if kind.group in BUILTIN_GROUPS and kind.kind != "ComponentStatus"]


def published(node: Node, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Every merge strategy in a schema, by path. Status is the controllers' and is not walked."""
    for name in node.fields.names() if isinstance(node.fields, _LazyFields) else ():
        below = node.fields[name]
        if (path == () and name == "status") or len(path) > 12 or below.definition.endswith("JSONSchemaProps"):
            continue
        strategies = below.merge_strategies
        if strategies:
            union = "merge" in strategies and not below.merge_key
            yield (
                (*path, name),
                Shape(
                    below.merge_key,
                    union and below.type == "array",
                    "retainKeys" in strategies,
                    "replace" in strategies,
                ),
            )
        if below.type == "array" and not strategies:
            continue  # replaced as a whole, so what is inside is never merged
        yield from published(below.items if below.type == "array" and below.items else below, (*path, name))


def declared(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Shape]]:
    for name, below in shape.fields.items():
        if below.key or below.union or below.retain_keys or below.whole:
            yield (*path, name), dataclasses.replace(below, fields={})
        yield from declared(below, (*path, name))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}.{kind.kind}")
def test_the_table_is_what_kubernetes_publishes(kind: Kind) -> None:
    ours, theirs = (
        dict(declared(shape_of({"apiVersion": kind.api_version, "kind": kind.kind}))),
        dict(published(definition(kind.definition))),
    )
    assert ours == theirs


def _named(field: str, names: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    item = st.fixed_dictionaries({field: st.sampled_from(names)}, optional=values)
    return st.lists(item, max_size=3, unique_by=lambda one: one[field])


_TEXT = st.sampled_from(["1", "2"])
_CONTAINERS = _named(
    "name",
    "abc",
    image=_TEXT,
    env=_named("name", "XYZ", value=_TEXT, valueFrom=st.fixed_dictionaries({"fieldRef": st.just({"fieldPath": "x"})})),
    command=st.lists(_TEXT, min_size=1, max_size=2),
    resources=st.dictionaries(st.sampled_from(["limits", "requests"]), st.just({"cpu": "1"})),
)
_VOLUMES = _named("name", "vw", emptyDir=st.just({}), configMap=st.fixed_dictionaries({"name": _TEXT}))
_SPECS = st.fixed_dictionaries(
    {"containers": _CONTAINERS},
    optional={
        "volumes": _VOLUMES,
        "nodeSelector": st.dictionaries(st.sampled_from("kl"), _TEXT),
        "tolerations": st.lists(st.fixed_dictionaries({"key": _TEXT}), min_size=1, max_size=2),
    },
)


def _deployment(spec: Any, strategy: Any, finalizers: Any) -> Any:
    found: Any = {"kind": "Deployment", "metadata": {"name": "x"}, "spec": {"template": {"spec": spec}, **strategy}}
    if finalizers:
        found["metadata"]["finalizers"] = finalizers
    return found


_STRATEGIES = st.sampled_from(
    [{}, {"strategy": {"type": "Recreate"}}, {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}]
)
_FINALIZERS = st.lists(st.sampled_from("fgh"), max_size=2, unique=True)
DEPLOYMENTS = st.builds(_deployment, _SPECS, _STRATEGIES, _FINALIZERS)
SCHEMA = definition("io.k8s.api.apps.v1.Deployment")


def _unordered(obj: Any) -> Any:
    """Finalizers are a set: a merge keeps the members, not their order."""
    obj = copy.deepcopy(obj)
    if "finalizers" in obj["metadata"]:
        obj["metadata"]["finalizers"] = sorted(obj["metadata"]["finalizers"])
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if value != []}}


@given(DEPLOYMENTS, DEPLOYMENTS)
@settings(max_examples=200, deadline=None)
def test_the_server_merges_a_patch_to_exactly_what_was_meant(before: Any, after: Any) -> None:
    patch = two_way(before, after, shape_of(before))
    assert _unordered(strategic_merge(before, patch, SCHEMA)) == _unordered(after)


@given(DEPLOYMENTS, DEPLOYMENTS)
@settings(max_examples=100, deadline=None)
def test_an_apply_that_nobody_interferes_with_gives_the_new_manifest(original: Any, modified: Any) -> None:
    patch = three_way(original, modified, original, shape_of(original))
    assert _unordered(strategic_merge(original, patch, SCHEMA)) == _unordered(modified)


@given(DEPLOYMENTS, DEPLOYMENTS)
@settings(max_examples=100, deadline=None)
def test_a_second_apply_says_nothing(modified: Any, current: Any) -> None:
    patch = three_way({}, modified, current, shape_of(modified))
    merged = strategic_merge(current, patch, SCHEMA)
    again = three_way(modified, modified, merged, shape_of(modified))
    assert strategic_merge(merged, again, SCHEMA) == merged
