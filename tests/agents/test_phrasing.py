"""The command that people read says exactly what the step does, and a step never hits a neighbour of what it means."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsonpatch
import pytest

from agents.evidence.paths import MISSING, At, write
from agents.minds.playbook import fixes
from agents.minds.playbook.phrasing import kubectl
from stratus.domain.steps import PatchStep

TEMPLATE = ("spec", "template", "spec")
MAIN, SIDE = ((*TEMPLATE, "containers", At("name", name)) for name in ("main", "side"))
DEPLOYMENT: Any = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "geo", "namespace": "shop"},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [
                    {"name": "main", "image": "app:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                    {"name": "side", "image": "log:1"},
                ]
            }
        },
    },
}  # fmt: skip


def changed(*values: tuple[Any, Any]) -> PatchStep:
    def change(obj: Any) -> None:
        for path, value in values:
            write(obj, path, value)

    step = fixes.edit(DEPLOYMENT, change)
    assert step is not None
    return step


HEAD = "kubectl -n shop"
PHRASES: dict[str, tuple[tuple[tuple[Any, Any], ...], str]] = {
    "an image": ((((*MAIN, "image"), "app:2"),), f"{HEAD} set image deployment/geo main=app:2"),
    "two images": (
        (((*MAIN, "image"), "app:2"), ((*SIDE, "image"), "log:2")),
        f"{HEAD} set image deployment/geo main=app:2 side=log:2",
    ),
    "a variable": (
        (((*MAIN, "env", At("name", "B"), "value"), "x y"),),
        f"{HEAD} set env deployment/geo -c main 'B=x y'",
    ),
    "a new variable": (
        (((*MAIN, "env", At("name", "C")), {"name": "C", "value": "3"}),),
        f"{HEAD} set env deployment/geo -c main C=3",
    ),
    "a variable less": ((((*MAIN, "env", At("name", "A")), MISSING),), f"{HEAD} set env deployment/geo -c main A-"),
    "replicas": (((("spec", "replicas"), 3),), f"{HEAD} scale deployment/geo --replicas=3"),
    "anything else": (
        ((("spec", "paused"), True),),
        HEAD + """ patch deployment/geo --type=json -p '[{"op":"add","path":"/spec/paused","value":true}]'""",
    ),
    "a mixture": (
        (((*MAIN, "image"), "app:2"), (("spec", "replicas"), 3)),
        HEAD + """ patch deployment/geo --type=json -p '[{"op":"replace","path":"/spec/replicas","value":3},"""
        """{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"app:2"}]'""",
    ),
    "a variable from a Secret": (
        (((*SIDE, "env"), [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "t"}}}]),),
        HEAD + """ patch deployment/geo --type=json -p '[{"op":"add","path":"/spec/template/spec/containers/1/env","""
        """"value":[{"name":"T","valueFrom":{"secretKeyRef":{"key":"t","name":"s"}}}]}]'""",
    ),
}


@pytest.mark.parametrize("name", PHRASES)
def test_a_change_is_said_in_its_shortest_form(name: str) -> None:
    values, said = PHRASES[name]
    assert kubectl(changed(*values)) == said


def _insert(containers: list[Any]) -> None:
    containers.insert(0, {"name": "mesh", "image": "mesh:1"})


def _remove(containers: list[Any]) -> None:
    containers.pop(0)


@pytest.mark.parametrize("edit", [_insert, _remove])
def test_a_patch_fails_rather_than_hit_a_neighbour(edit: Callable[[list[Any]], None]) -> None:
    step = changed(((*MAIN, "image"), "app:2"))
    assert (
        jsonpatch.apply_patch(DEPLOYMENT, step.patch)["spec"]["template"]["spec"]["containers"][0]["image"] == "app:2"
    )
    edited = copy.deepcopy(DEPLOYMENT)
    edit(edited["spec"]["template"]["spec"]["containers"])
    with pytest.raises(jsonpatch.JsonPatchTestFailed):
        jsonpatch.apply_patch(edited, step.patch)


def test_an_element_that_is_added_is_not_asked_for_before() -> None:
    step = changed(((*MAIN, "env", At("name", "C")), {"name": "C", "value": "3"}))
    assert [each["path"] for each in step.patch if each["op"] == "test"] == ["/spec/template/spec/containers/0/name"]
