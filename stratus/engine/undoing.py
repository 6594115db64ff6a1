"""Undo: newest first, three-way, proven by re-reading (tnr.md, "Undo"). Idempotent, so that a crash inside it is harmless."""

from __future__ import annotations

from dataclasses import dataclass

from stratus.cluster.normal import Fields
from stratus.cluster.restore import UndoPlan, plan_undo, verify
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, OutcomeUnknown, Refused
from stratus.domain.events import StepUndone
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import Step
from stratus.domain.transactions import StepView
from stratus.engine.context import Context
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.patience import patiently
from stratus.engine.statefulset import replace_broken_pods
from stratus.ports import Precondition

PLANS_AT_MOST = 600
"""How often an undo is planned anew because somebody wrote in between, or something must be waited for."""
POLL = 0.1


@dataclass(frozen=True)
class Images:
    """P, Q and what a delete took along, from the snapshot store."""

    pre: JsonObject | None
    post: JsonObject | None
    cascade: tuple[JsonObject, ...]
    controlled: tuple[Fields, ...] = ()
    """Fields that an autoscaler sets."""


async def undo_steps(ctx: Context, tx: str) -> tuple[str, ...]:
    """Take back every step that may have landed, newest first; returns the fields that could not be restored.

    Raises Retryable or Unobservable when the API stays away for longer than the engine's patience: the transaction
    stays open, and recovery goes on from here.
    """
    fields: list[str] = []
    for view in reversed(ctx.ledger.transaction(tx).steps):
        if view.undone is None or view.undone.result not in ("restored", "nothing"):
            fields += await _undo_one(ctx, tx, view)
            ctx.reach(CrashPoint.UNDO_STEP)
    return tuple(fields)


async def _undo_one(ctx: Context, tx: str, view: StepView) -> list[str]:
    if not view.may_have_landed:
        if view.intent is not None:
            ctx.ledger.emit(StepUndone(tx=tx, step=view.number, result="nothing"))
        return []
    images = _images(ctx, view)
    try:
        plan = await _write_back(ctx, view.target, images)
        live = await patiently(ctx, lambda: _get(ctx, view.target))
        left = verify(images.pre, images.post, live, controlled=images.controlled)
        await replace_broken_pods(ctx, images.pre)
    except (Refused, OutcomeUnknown) as error:
        ctx.ledger.emit(StepUndone(tx=tx, step=view.number, result="failed", reason=str(error)), durable=True)
        return [f"{view.target.path}: {error}"]
    lost = [f"{view.target.path}: {path}" for path in dict.fromkeys(c.path for c in (*plan.conflicts, *left))]
    if view.outcome == "neither" and not lost:
        lost = [f"{view.target.path}: what became of the write is unknown"]
    if plan.conflicts:
        ctx.ledger.emit(_undone(tx, view, "conflict", plan, lost), durable=True)
    else:
        ctx.ledger.emit(_undone(tx, view, "failed" if lost else "restored", plan, lost), durable=True)
    return lost


def _undone(tx: str, view: StepView, result: str, plan: UndoPlan, lost: list[str]) -> StepUndone:
    return StepUndone.model_validate(
        {
            "tx": tx,
            "step": view.number,
            "result": result,
            "conflicts": plan.conflicts,
            "foreign": plan.foreign,
            "reason": "; ".join(lost),
        }
    )


def _images(ctx: Context, view: StepView) -> Images:
    pre = ctx.snapshots.get(view.snapshot) if view.snapshot else None
    post = ctx.snapshots.get(view.post_image) if view.post_image else None
    return Images(pre, post, tuple(ctx.snapshots.get(digest) for digest in view.cascade))


async def _write_back(ctx: Context, target: ObjectRef, images: Images) -> UndoPlan:
    """Plan against the live object, write, and read again until nothing is left to write.

    A conflict or a lost answer is no harm: the next plan is made from a fresh read. Raises Refused when the server says
    no, or when somebody else is always quicker.
    """
    end = ctx.clock.monotonic() + ctx.settings.undo_patience
    for attempt in range(PLANS_AT_MOST):
        live = await patiently(ctx, lambda: _get(ctx, target))
        plan = plan_undo(target, images.pre, images.post, live, controlled=images.controlled)
        if plan.done:
            return plan
        if plan.write is None and ctx.clock.monotonic() >= end:
            raise Refused(plan.wait)
        if plan.write is None:
            await ctx.wait(POLL)
            continue
        try:
            await _send(ctx, plan.write, plan.precondition)
        except (Conflict, OutcomeUnknown):
            await ctx.wait(POLL * min(attempt, 10))
    raise Refused("it changes faster than it can be restored")


async def _send(ctx: Context, write: Step, condition: Precondition) -> None:
    # an undo can be rehearsed only now that the write is done: a webhook or a quota may have an opinion about it
    await patiently(ctx, lambda: ctx.dry_run.send(write, condition))
    await patiently(ctx, lambda: ctx.writer.send(write, condition))
    ctx.reach(CrashPoint.UNDO_WRITTEN)


async def _get(ctx: Context, target: ObjectRef) -> JsonObject | None:
    try:
        return await ctx.reader.get(target)
    except Absent:
        return None
