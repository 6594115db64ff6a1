"""Undo: newest first, three-way, proven by re-reading (tnr.md, "Undo"). Idempotent, so that a crash inside it is harmless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from stratus.cluster.cascade import living, under_new_owners, undo_order, without_owners
from stratus.cluster.cascade import uids as uids_of
from stratus.cluster.normal import Fields
from stratus.cluster.ownership import controlled_fields
from stratus.cluster.restore import UndoPlan, plan_undo, verify
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, OutcomeUnknown, Refused
from stratus.domain.events import StepUndone
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Reversibility
from stratus.domain.steps import CreateStep, DeleteStep, EvictStep, FieldChange, PatchStep, ReplaceStep
from stratus.domain.transactions import StepView
from stratus.engine.autoscaler import as_it_scaled
from stratus.engine.context import Context
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.inhabitants import inhabitants
from stratus.engine.patience import patiently
from stratus.engine.statefulset import replace_broken_pods

PLANS_AT_MOST = 600
"""How often an undo is planned anew because somebody wrote in between, or something must be waited for."""
OWNERSHIP_AT_MOST = 4
"""How often ownership of fields is given back. It is no desired state, and a server may keep it in another form."""
WRITES_AT_MOST = 8
"""How often values are put back that did not stay although the server had taken them."""
POLL = 0.1


@dataclass(frozen=True)
class Restored:
    """What an object reads after its undo."""

    target: ObjectRef
    conflicts: tuple[FieldChange, ...]
    foreign: tuple[str, ...]
    left: tuple[FieldChange, ...]
    uid: str = ""
    refused: str = ""
    """Why it could not be written, when it could not."""

    @property
    def lost(self) -> tuple[str, ...]:
        """The fields that do not read the snapshot again, and why."""
        paths = dict.fromkeys(change.path for change in (*self.conflicts, *self.left))
        return tuple(f"{self.target.path}: {what}" for what in (*paths, self.refused) if what)


async def undo_steps(ctx: Context, tx: str) -> tuple[str, ...]:
    """Take back every step that may have landed, newest first; returns the fields that could not be restored.

    Raises Retryable or Unobservable when the API stays away for longer than the engine's patience: the transaction
    stays open, and recovery goes on from here.
    """
    for view in reversed(ctx.ledger.transaction(tx).steps):
        if view.undone is None:  # each step once, also when a crash came in between (I6)
            await _undo_one(ctx, tx, view)
            ctx.reach(CrashPoint.UNDO_STEP)
    done = [view.undone for view in ctx.ledger.transaction(tx).steps if view.undone is not None]
    return tuple(field for each in done for field in each.lost)


async def _undo_one(ctx: Context, tx: str, view: StepView) -> None:
    if not view.may_have_landed:
        if view.intent is not None:
            ctx.ledger.emit(StepUndone(tx=tx, step=view.number, result="nothing"))
        return
    try:
        restored = await _restore(ctx, view)
    except (Refused, OutcomeUnknown) as error:
        failed = (f"{view.target.path}: {error}",)
        undone = StepUndone(tx=tx, step=view.number, result="failed", lost=failed, reason=str(error))
        ctx.ledger.emit(undone, durable=True)
        return
    lost = (*(field for each in restored for field in each.lost), *_beyond_fields(view))
    if view.outcome == "neither" and not lost:
        lost = (f"{view.target.path}: what became of the write is unknown",)
    conflicts = tuple(change for each in restored for change in each.conflicts)
    said = ", ".join(lost)
    ctx.ledger.emit(
        StepUndone(
            tx=tx,
            step=view.number,
            result="conflict" if conflicts else "failed" if lost else "restored",
            conflicts=conflicts,
            foreign=tuple(path for each in restored for path in each.foreign),
            lost=lost,
            reason=f"somebody changed it since: {said}" if conflicts else said,
        ),
        durable=True,
    )


def _beyond_fields(view: StepView) -> tuple[str, ...]:
    """What a person had done although it has no undo: fields that read the snapshot again prove nothing of it."""
    judged, step = view.classification, view.step
    one_way = judged is not None and judged.reversibility is Reversibility.NONE
    hidden = isinstance(step, DeleteStep | EvictStep) or (isinstance(step, PatchStep) and bool(step.subresource))
    return (f"{view.target.path}: {judged.reason}",) if judged and one_way and hidden else ()


async def _restore(ctx: Context, view: StepView) -> list[Restored]:
    """Undo one step: its object and, after a delete, what went with it. Raises Refused when the server says no."""
    pre = ctx.snapshots.get(view.snapshot) if view.snapshot else None
    post = ctx.snapshots.get(view.post_image) if view.post_image else None
    if pre and post and isinstance(view.step, PatchStep) and view.step.subresource:
        pre, post = _without_status(pre), _without_status(post)  # no PUT of the object brings it back
    cascade = [ctx.snapshots.get(digest) for digest in view.cascade]
    there = await inhabitants(ctx, post) if pre is None and post is not None else []
    if there:
        others = f"{', '.join(there[:3])}{' and more' if len(there) > 3 else ''} would be deleted with it"
        return [Restored(view.target, (), (), verify(pre, post, post), refused=others)]
    if pre is None and cascade:
        return await _restore_scaled(ctx, view.target, post, cascade)
    if pre is None or not cascade:
        restored = [await _restore_object(ctx, view.target, pre, post, frozenset())]
        await replace_broken_pods(ctx, pre)
        return restored
    alive = living(pre, cascade, view.step.propagation if isinstance(view.step, DeleteStep) else "")
    died = [child for child in cascade if child not in alive]
    dead, born, done = uids_of(pre, died), dict[str, str](), []
    for obj in undo_order(pre, died):
        one = await _restore_object(ctx, ObjectRef.of(obj), under_new_owners(obj, born), None, dead)
        if one.uid:
            born[obj["metadata"]["uid"]] = one.uid
        done.append(one)
    for child in alive:  # the collector took the dead owner's reference away; naming a dead one would have it collected
        owned, orphaned = without_owners(under_new_owners(child, born), dead), without_owners(child, dead)
        done.append(await _restore_object(ctx, ObjectRef.of(child), owned, orphaned, frozenset()))
    return done


async def _restore_scaled(
    ctx: Context, target: ObjectRef, post: JsonObject | None, cascade: list[JsonObject]
) -> list[Restored]:
    """Delete a new autoscaler, then give what it scaled its replicas back."""
    autoscaler = await _get(ctx, target)
    done = [await _restore_object(ctx, target, None, post, frozenset())]
    for scaled in cascade:
        workload = ObjectRef.of(scaled)
        after = as_it_scaled(scaled, autoscaler, await _get(ctx, workload))
        if after is not None and not done[0].lost:
            done.append(await _restore_object(ctx, workload, scaled, after, frozenset()))
    return done


def _without_status(obj: JsonObject) -> JsonObject:
    return {name: value for name, value in obj.items() if name != "status"}


async def _restore_object(
    ctx: Context, target: ObjectRef, pre: JsonObject | None, post: JsonObject | None, dead: frozenset[str]
) -> Restored:
    """Plan against the live object, write, and read again until nothing is left to write.

    A conflict or a lost answer is no harm: the next plan is made from a fresh read.
    """
    controlled, live = await asyncio.gather(_controlled(ctx, target, pre or post), _get(ctx, target))
    planned = partial(plan_undo, target, pre, post, controlled=controlled, gone=dead)
    end = ctx.clock.monotonic() + ctx.settings.undo_patience
    handed_back, written, refused = 0, 0, ""
    for attempt in range(PLANS_AT_MOST):
        live = await _get(ctx, target) if attempt else live
        plan = planned(live)
        if plan.wait and ctx.clock.monotonic() >= end:
            refused = plan.wait
        elif plan.write is not None and not plan.only_ownership and written >= WRITES_AT_MOST:
            refused = "what is put back is changed again at once, by admission or by a controller"
        if refused or plan.done or (plan.only_ownership and handed_back >= OWNERSHIP_AT_MOST):
            uid = str(live["metadata"].get("uid", "")) if live else ""
            left = verify(pre, post, live, controlled=controlled)
            return Restored(target, plan.conflicts, plan.foreign, left, uid, refused)
        try:
            handed_back += await _carry_out(ctx, plan, planned)
            written += plan.write is not None and not plan.only_ownership
        except (Conflict, OutcomeUnknown):
            await ctx.wait(POLL * min(attempt, 10))
        except Refused as error:
            if isinstance(error, Absent) and not isinstance(plan.write, CreateStep):
                await ctx.wait(POLL)  # it went between plan and write: an unheard delete of ours may land late
            else:
                refused = str(error)  # absent: its namespace or its kind is gone
    raise Refused("it changes faster than it can be restored")


async def _carry_out(ctx: Context, plan: UndoPlan, planned: Callable[[JsonObject | None], UndoPlan]) -> int:
    """Send the plan's write and, at once, give back the ownership that it moved, which its answer shows.

    Returns how often ownership was given back. Only a read proves anything; that is the caller's.
    """
    if plan.write is None:
        await ctx.wait(POLL)
        return 0
    if not plan.only_ownership:
        answer = await _send(ctx, plan)
        plan = planned(answer) if answer and isinstance(plan.write, CreateStep | ReplaceStep) else plan
    if not plan.only_ownership:
        return 0
    try:
        await _send(ctx, plan)
    except (Conflict, OutcomeUnknown):
        raise
    except Refused:  # the values read the snapshot again, and whose they are is no desired state
        return OWNERSHIP_AT_MOST
    return 1


async def _send(ctx: Context, plan: UndoPlan) -> JsonObject:
    write, condition = plan.write, plan.precondition
    assert write is not None
    if not plan.only_ownership:
        # an undo can be rehearsed only now that the write is done: a webhook or a quota may have an opinion about it
        await patiently(ctx, lambda: ctx.dry_run.send(write, condition))
    answer = await patiently(ctx, lambda: ctx.writer.send(write, condition))
    ctx.reach(CrashPoint.UNDO_WRITTEN)
    return answer


async def _controlled(ctx: Context, target: ObjectRef, obj: JsonObject | None) -> tuple[Fields, ...]:
    if "replicas" not in ((obj or {}).get("spec") or {}):
        return ()
    return await patiently(ctx, lambda: controlled_fields(ctx.reader, target))


async def _get(ctx: Context, target: ObjectRef) -> JsonObject | None:
    try:
        return await patiently(ctx, lambda: ctx.reader.get(target))
    except Absent:
        return None
