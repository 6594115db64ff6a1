"""Manifests: what is read from text, where it is placed, and what apply makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stratus.cluster.kubectl import compile_command
from stratus.cluster.kubectl.documents import parse_documents
from stratus.cluster.kubectl.manifests import LAST_APPLIED
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import ApplyStep, CreateStep, PatchStep, ReplaceStep, Step
from tests.kubectl.fake import FakeReader, config_map, deployment


async def steps(words: str, text: str, *objects: Any) -> tuple[Step, ...]:
    reader = FakeReader(*objects)
    proposal = await compile_command(words.split(), reader=reader, namespace="shop", stdin=text, suffix=lambda: "abcde")
    return proposal.steps


def test_yaml_is_read_as_go_reads_it() -> None:
    text = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {1: x, true: y}}
base: &base {a: 1, b: 1}
merged: {<<: *base, b: 2}
data: {date: 2024-01-02, base60: 1:30, sign: =, octal: 0644, exponent: 1e3, text: "0644", on: no, n: Y}
---
# nothing
---
apiVersion: v1
kind: List
items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]
"""
    first, second = parse_documents(text, "x")
    assert first["metadata"]["labels"] == {"1": "x", "true": True}
    assert first["data"] == {
        "date": "2024-01-02",
        "base60": "1:30",
        "sign": "=",
        "octal": 420,
        "exponent": 1000.0,
        "text": "0644",
        "true": False,
        "false": True,
    }
    assert first["merged"] == {"a": 1, "b": 2}
    assert second["metadata"]["name"] == "b"


def test_json_documents_may_follow_each_other() -> None:
    one = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    assert len(list(parse_documents(one + "\n\t" + one, "x"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "just text",
        "kind: ConfigMap",
        "apiVersion: v1\nkind: ConfigMap",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '1', a: '2'}",
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}',
    ],
)
def test_what_is_no_manifest_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        list(parse_documents(text, "x"))


MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: blue}\n"


async def test_the_namespace_is_the_manifests_own_then_the_default() -> None:
    (step,) = await steps("create -f -", MANIFEST)
    assert step.target.namespace == "shop"
    (step,) = await steps("create -f -", MANIFEST.replace("settings", "settings, namespace: other"))
    assert step.target.namespace == "other"
    with pytest.raises(InvalidInput, match="does not match -n shop"):
        await steps("create -n shop -f -", MANIFEST.replace("settings", "settings, namespace: other"))


async def test_a_version_that_is_not_served_names_the_one_that_is() -> None:
    with pytest.raises(InvalidInput, match=r"serves it as apps/v1, example.org/v1"):
        await steps("apply -f -", "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: x}")
    with pytest.raises(InvalidInput, match="install its CRD first"):
        await steps("apply -f -", "apiVersion: x.io/v1\nkind: Thing\nmetadata: {name: x}")


async def test_apply_creates_what_is_absent_with_kubectls_annotation() -> None:
    (step,) = await steps("apply -f -", MANIFEST)
    assert isinstance(step, CreateStep)
    assert step.manifest["metadata"]["annotations"] == {
        LAST_APPLIED: '{"apiVersion":"v1","data":{"color":"blue"},"kind":"ConfigMap",'
        '"metadata":{"annotations":{},"name":"settings","namespace":"shop"}}\n'
    }


async def test_apply_removes_only_what_it_had_applied_itself() -> None:
    (create,) = await steps("apply -f -", MANIFEST.replace("blue", "blue, size: '1'"))
    assert isinstance(create, CreateStep)
    live = create.manifest
    live["data"]["foreign"] = "kept"
    (step,) = await steps("apply -f -", MANIFEST.replace("blue", "green"), live)
    assert isinstance(step, PatchStep) and step.patch_type == "strategic"
    assert step.patch["data"] == {"color": "green", "size": None}
    assert list(step.patch["metadata"]) == ["annotations"]


async def test_apply_of_the_same_manifest_is_no_step() -> None:
    (create,) = await steps("apply -f -", MANIFEST)
    assert isinstance(create, CreateStep)
    (other,) = await steps("apply -f -", f"{MANIFEST}---\n{MANIFEST.replace('settings', 'more')}", create.manifest)
    assert other.target.name == "more"


async def test_output_of_get_can_be_applied_again() -> None:
    live = deployment()
    live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    live["status"] = {"replicas": 2}
    stale = json.loads(json.dumps(live))
    stale["metadata"]["creationTimestamp"] = None
    stale["status"] = {"replicas": 0}
    (step,) = await steps("apply -f -", json.dumps(stale), live)
    assert isinstance(step, PatchStep)
    assert set(step.patch) == {"metadata"} and set(step.patch["metadata"]) == {"annotations"}


async def test_server_side_apply_declares_and_names_its_manager() -> None:
    (step,) = await steps("apply --server-side --field-manager=ci --force-conflicts -f -", MANIFEST, config_map())
    assert isinstance(step, ApplyStep)
    assert (step.field_manager, step.force) == ("ci", True)
    assert LAST_APPLIED not in step.manifest["metadata"].get("annotations", {})
    with pytest.raises(InvalidInput, match="only go with --server-side"):
        await steps("apply --force-conflicts -f -", MANIFEST)


async def test_generated_names_are_chosen_before_or_refused() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: run-}"
    (step,) = await steps("create -f -", text)
    assert isinstance(step, CreateStep)
    assert step.manifest["metadata"] == {"namespace": "shop", "name": "run-abcde"}
    with pytest.raises(InvalidInput, match="generateName"):
        await steps("apply -f -", text)
    with pytest.raises(InvalidInput, match="generateName"):
        await steps("delete -f -", text)


async def test_replace_and_the_verbs_that_take_names_from_files() -> None:
    (step,) = await steps("replace -f -", MANIFEST, config_map())
    assert isinstance(step, ReplaceStep) and step.manifest["data"] == {"color": "blue"}
    (step,) = await steps("label -f - a=b", MANIFEST, config_map())
    assert isinstance(step, PatchStep)
    (step,) = await steps("delete -f -", MANIFEST)
    assert str(step.target) == "configmap/settings"
    with pytest.raises(InvalidInput, match="no objects passed"):
        await steps("apply -f - -l app=none", MANIFEST)
