"""The node oracle: nodes that are not ready or under pressure. A cordoned node is somebody's decision and no finding."""

from __future__ import annotations

from collections.abc import Iterator

from stratus.domain.base import JsonObject
from stratus.domain.severity import Finding, Reading
from stratus.oracles.judge import finding, observed
from stratus.oracles.pods import condition
from stratus.oracles.world import World, subject_of

ORACLE = "nodes"
PRESSURES: tuple[tuple[str, str], ...] = (
    ("MemoryPressure", "the kubelet evicts pods"),
    ("DiskPressure", "the kubelet evicts pods and removes images"),
    ("PIDPressure", "new processes cannot start"),
    ("NetworkUnavailable", "its pods cannot be reached"),
)


class NodeOracle:
    """Judges the nodes that concern the scope: all without one, otherwise those that its pods are bound to."""

    name = ORACLE

    async def judge(self, world: World) -> Reading:
        """One look."""
        nodes = [n for n in world.all("Node") if not world.scope or n["metadata"]["name"] in world.bound_nodes]
        return observed(ORACLE, [found for node in nodes for found in _judge(node)])


def _judge(node: JsonObject) -> Iterator[Finding]:
    ready = condition(node, "Ready")
    if ready.get("status") != "True":
        why = f"{ready.get('reason', 'no condition')}: {ready.get('message', '')}"
        yield finding(ORACLE, subject_of(node), "NodeNotReady", why)
    pressed = [(kind, why) for kind, why in PRESSURES if condition(node, kind).get("status") == "True"]
    if pressed:
        yield finding(ORACLE, subject_of(node), "NodePressure", "; ".join(f"{kind}: {why}" for kind, why in pressed))
