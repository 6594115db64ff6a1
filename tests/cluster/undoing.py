"""The engine's undo loop in its smallest form, for tests of plans against a real API server."""

from __future__ import annotations

from stratus.cluster.cascade import uids, under_new_owners, undo_order
from stratus.cluster.ownership import controlled_fields
from stratus.cluster.restore import UndoPlan, plan_undo, verify
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import FieldChange, Step
from stratus.ports import Precondition
from tests.cluster.conftest import Cluster

PATIENCE = 300
"""Plans before a test gives up (controllers write to what is being restored)."""


async def live(cluster: Cluster, ref: ObjectRef) -> JsonObject | None:
    """The object, or None."""
    try:
        return await cluster.reader.get(ref)
    except Absent:
        return None


async def write(cluster: Cluster, step: Step) -> tuple[JsonObject | None, JsonObject | None]:
    """(P, Q) of one step, as the engine takes them: Q is the answer to a write pinned to P."""
    for _ in range(PATIENCE):
        pre = await live(cluster, step.target)
        pin = (
            Precondition(uid=pre["metadata"]["uid"], resource_version=pre["metadata"]["resourceVersion"])
            if pre
            else None
        )
        try:
            return pre, await cluster.writer.send(step, pin or Precondition()) or None
        except Conflict:
            await cluster.wait(0)
    raise AssertionError("a controller was always quicker")


async def undo(
    cluster: Cluster,
    target: ObjectRef,
    pre: JsonObject | None,
    post: JsonObject | None,
    gone: frozenset[str] = frozenset(),
) -> tuple[UndoPlan, tuple[FieldChange, ...]]:
    """Plan, write and read until nothing is left; (the last plan, what verify says)."""
    for _ in range(PATIENCE):
        now = await live(cluster, target)
        controlled = await controlled_fields(cluster.reader, target)
        plan = plan_undo(target, pre, post, now, controlled=controlled, gone=gone)
        if plan.done:
            return plan, verify(pre, post, now, controlled=controlled)
        if plan.write is None:
            await cluster.wait(0.1)
            continue
        try:
            await cluster.dry.send(plan.write, plan.precondition)
            await cluster.writer.send(plan.write, plan.precondition)
        except Conflict:
            continue
    raise AssertionError(f"no end: {plan}")


async def undelete(cluster: Cluster, pre: JsonObject, cascade: list[JsonObject]) -> None:
    """Create an object and its cascade again."""
    gone, born = uids(pre, cascade), dict[str, str]()
    for obj in undo_order(pre, cascade):
        wanted, target = under_new_owners(obj, born), ObjectRef.of(obj)
        _, left = await undo(cluster, target, wanted, None, gone)
        assert left == (), left
        born[obj["metadata"]["uid"]] = (await cluster.reader.get(target))["metadata"]["uid"]
