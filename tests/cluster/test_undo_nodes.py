"""Undo of what is done to nodes, beside what their controllers write there."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.cluster.normal import desired
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import PatchStep
from stratus.sandbox.cluster import EmbeddedCluster
from tests.cluster.conftest import Cluster, in_process
from tests.cluster.undoing import undo, write

NODE = ObjectRef(api_version="v1", kind="Node", name="node-1")
TAINT = {"key": "a", "value": "b", "effect": "PreferNoSchedule"}
STEPS: dict[str, JsonObject] = {
    "cordon": {"spec": {"unschedulable": True}},
    "taint": {"spec": {"taints": [TAINT]}},
    "label": {"metadata": {"labels": {"disk": "ssd"}}},
}


@pytest.mark.parametrize("name", STEPS)
async def test_a_node_returns(embedded: EmbeddedCluster, name: str) -> None:
    cluster: Cluster = in_process(embedded, "default")
    pre, post = await write(cluster, PatchStep(target=NODE, patch_type="strategic", patch=STEPS[name]))
    assert pre is not None
    await cluster.wait(60)  # heartbeats, and the taint that follows a cordon
    plan, left = await undo(cluster, NODE, pre, post)
    assert (plan.conflicts, left) == ((), ())
    await cluster.wait(60)
    after: Any = await cluster.reader.get(NODE)
    assert same(desired(after), desired(pre))
