"""Before the first write: judge, snapshot, rehearse (tnr.md, "A proposal's life"). Nothing here changes the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from stratus.cluster.cascade import cascade_of, living
from stratus.cluster.classify import classify
from stratus.cluster.diff import changes
from stratus.cluster.normal import desired, recreation
from stratus.cluster.ownership import managers
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused
from stratus.domain.events import SnapshotTaken, StepRefused, StepRehearsed, TxClassified
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Classification, Mode, Reversibility
from stratus.domain.steps import ApplyStep, CreateStep, DeleteStep, EvictStep, Step
from stratus.engine.autoscaler import scaled_by
from stratus.engine.context import Context
from stratus.engine.limits import controller_uid, over_share
from stratus.engine.patience import patiently
from stratus.ports import Precondition

UNDO_VERB = {"create": "delete", "delete": "create", "evict": "create", "scale": "update", "patch": "update"}
"""The permission that undo needs; apply and replace may need to update or, when they created, to delete."""

GRANTS = ("rules", "aggregationRule", "subjects", "roleRef")
"""Fields of roles and bindings that the server lets nobody set beyond their own rights."""


@dataclass(frozen=True)
class Image:
    """One object as it was just read; ``obj`` None when it does not exist."""

    obj: JsonObject | None

    @property
    def precondition(self) -> Precondition:
        """A write is for exactly this object in exactly this version."""
        meta = self.obj["metadata"] if self.obj else {}
        return Precondition(uid=meta.get("uid", ""), resource_version=meta.get("resourceVersion", ""))


async def read(ctx: Context, ref: ObjectRef) -> Image:
    """The object now. A failed read raises: it is never a snapshot."""
    try:
        return Image(await patiently(ctx, lambda: ctx.reader.get(ref), ctx.settings.read_patience))
    except Absent:
        return Image(None)


def classified(ctx: Context, tx: str, steps: tuple[Step, ...], images: list[Image], author_approves: bool) -> Mode:
    """Record the engine's judgement; returns the mode that governs the proposal."""
    verdicts = tuple(_judged(step, image) for step, image in zip(steps, images, strict=True))
    modes = []
    for step, verdict in zip(steps, verdicts, strict=True):
        mode = ctx.policy.mode_for(verdict.tier, step.target.namespace)
        if verdict.reversibility is Reversibility.NONE:
            mode = min(mode, Mode.APPROVE, key=lambda each: each.freedom)  # no configuration makes that automatic
        asked = ctx.desk.mode_of(step.target.namespace)
        modes.append(mode if author_approves else min(mode, asked, key=lambda each: each.freedom))
    mode = min(modes, key=lambda each: each.freedom)
    if author_approves:
        configured = min((ctx.policy.ceiling, *ctx.policy.namespaces.values()), key=lambda each: each.freedom)
        mode = Mode.OBSERVE if configured is Mode.OBSERVE else Mode.AUTO
    owners = sorted({name for image in images if image.obj for name in managers(image.obj)})
    ctx.ledger.emit(TxClassified(tx=tx, steps=verdicts, mode=mode, owners=tuple(owners)))
    return mode


async def snapshot(ctx: Context, tx: str, number: int, step: Step, image: Image, *, deferred: bool = False) -> None:
    """Store the pre-image and what the step changes besides: what a delete takes along, what an autoscaler scales.

    Raises Refused when there is nothing to write to.

    ``deferred``: an earlier step of the same transaction may still create the object; it is read again before the write.
    """
    if ctx.writer.stands_on(step):
        raise Refused(f"{step.kind} {step.target.path}: the writer's lease is there, without which nobody may write")
    if image.obj is None and not deferred and not isinstance(step, CreateStep | ApplyStep):
        raise Refused(f"there is no {step.target.path} to {step.kind}")
    if image.obj is not None and isinstance(step, CreateStep):
        raise Refused(f"{step.target.path} exists already")
    if image.obj is not None and image.obj["metadata"].get("deletionTimestamp"):
        raise Refused(f"{step.target.path} is being deleted: wait until it is gone")
    taken: list[str] = []
    if isinstance(step, DeleteStep) and image.obj is not None:
        taken = [ctx.snapshots.put(child) for child in await cascade_of(ctx.reader, image.obj, step.propagation)]
    elif image.obj is None:
        taken = [ctx.snapshots.put(scaled) for scaled in await scaled_by(ctx, step)]
    digest = ctx.snapshots.put(image.obj) if image.obj is not None else ""
    condition = image.precondition
    ctx.ledger.emit(
        SnapshotTaken(
            tx=tx,
            step=number,
            target=step.target,
            snapshot=digest,
            uid=condition.uid,
            resource_version=condition.resource_version,
            cascade=tuple(taken),
        )
    )


async def rehearse(
    ctx: Context, tx: str, number: int, step: Step, image: Image, *, irreversible_ok: bool
) -> JsonObject:
    """Send the write as a dry run; returns its answer, the expected post-image.

    Raises Refused (recorded) when the server, a permission or the table of one-way changes says no.
    """
    try:
        answer = await patiently(ctx, lambda: ctx.dry_run.send(step, image.precondition), ctx.settings.read_patience)
        expected = {} if isinstance(step, DeleteStep | EvictStep) else answer
        verdict = _judged(step, image, expected)
        if verdict.reversibility is Reversibility.NONE and not irreversible_ok:
            raise Refused(f"{step.kind} {step.target.path} cannot be undone: {verdict.reason}")
        await _keeps_an_owner(ctx, image, expected)
        await _may_grant_again(ctx, step, image, expected)
        await _may_undo(ctx, step, image, ctx.ledger.transaction(tx).steps[number - 1].cascade)
    except Refused as error:
        ctx.ledger.emit(StepRefused(tx=tx, step=number, reason=str(error)))
        raise
    diff = changes(image.obj, expected or None)
    digest = ctx.snapshots.put(expected) if expected else ""
    plan = _undo_plan(step, image)
    ctx.ledger.emit(StepRehearsed(tx=tx, step=number, diff=diff, post_image=digest, undo=plan))
    return expected


def defer(ctx: Context, tx: str, number: int) -> JsonObject:
    """Mark a step as one that is rehearsed right before it is written."""
    undo = "rehearsed right before it is written: it builds on an earlier step"
    ctx.ledger.emit(StepRehearsed(tx=tx, step=number, diff=(), post_image="", undo=undo))
    return {}


def _judged(step: Step, image: Image, expected: JsonObject | None = None) -> Classification:
    return classify(step, image.obj, expected or None)


async def _keeps_an_owner(ctx: Context, image: Image, expected: JsonObject) -> None:
    """Raises Refused for a new owner that does not exist: the garbage collector would delete the object at once."""
    had = [ref.get("uid") for ref in ((image.obj or {}).get("metadata") or {}).get("ownerReferences") or []]
    for ref in (expected.get("metadata") or {}).get("ownerReferences") or []:
        if image.obj is None or ref.get("uid") in had:
            continue
        namespace = expected["metadata"].get("namespace", "")
        namespaced = ObjectRef(api_version=ref["apiVersion"], kind=ref["kind"], namespace=namespace, name=ref["name"])
        owner = (await read(ctx, namespaced)).obj
        if owner is None or owner["metadata"].get("uid") != ref.get("uid"):
            raise Refused(
                f"its new owner {namespaced} does not exist under that uid: it would be deleted with it at once"
            )


async def _may_grant_again(ctx: Context, step: Step, image: Image, expected: JsonObject) -> None:
    """Nobody may grant what they do not hold, so undoing a change of rights needs them: a twin of the object before,
    under another name, is rehearsed as new. Raises Refused.
    """
    if image.obj is None or step.target.group != "rbac.authorization.k8s.io":
        return
    if expected and all(image.obj.get(field) == expected.get(field) for field in GRANTS):
        return
    name = f"{step.target.name}-before-{image.precondition.resource_version}"
    twin = recreation(image.obj)
    twin["metadata"]["name"] = name
    create = CreateStep(target=step.target.model_copy(update={"name": name}), manifest=twin)
    if not await ctx.reader.can_i("create", create.target):
        return
    try:
        await patiently(ctx, lambda: ctx.dry_run.send(create, Precondition()), ctx.settings.read_patience)
    except Refused as error:
        raise Refused(f"undo would have to grant what this identity does not hold: {error}") from error


async def _may_undo(ctx: Context, step: Step, image: Image, cascade: tuple[str, ...]) -> None:
    needed = list(_undo_writes(step, image, [ctx.snapshots.get(digest) for digest in cascade]))
    allowed = await asyncio.gather(*(ctx.reader.can_i(verb, target) for verb, target in needed))
    for (verb, target), granted in zip(needed, allowed, strict=True):
        if not granted:
            raise Refused(f"undo would need the permission to {verb} {target.path}, which this identity lacks")


def _undo_writes(step: Step, image: Image, cascade: list[JsonObject]) -> Iterator[tuple[str, ObjectRef]]:
    """What undo may have to do: one (verb, object) for each permission that it needs."""
    verb = UNDO_VERB.get(step.kind) or ("update" if image.obj is not None else "delete")
    yield verb, step.target
    if verb == "update" and step.target.kind == "StatefulSet":  # its broken pods, see statefulset.py
        yield (
            "delete",
            ObjectRef(api_version="v1", kind="Pod", namespace=step.target.namespace, name=f"{step.target.name}-0"),
        )
    if image.obj is None:
        yield from (("update", ObjectRef.of(scaled)) for scaled in cascade)
    if image.obj is None or not isinstance(step, DeleteStep):
        return
    alive = living(image.obj, cascade, step.propagation)
    needed = [("update" if child in alive else "create", ObjectRef.of(child)) for child in cascade]
    yield from {(verb, ref.api_version, ref.kind, ref.namespace): (verb, ref) for verb, ref in needed}.values()


def _undo_plan(step: Step, image: Image) -> str:
    if image.obj is None:
        return f"delete {step.target}, if nobody has changed it"
    if isinstance(step, EvictStep) or (isinstance(step, DeleteStep) and step.target.kind == "Pod"):
        return "its owner replaces the pod" if controller_uid(image.obj) else "create the pod again from its snapshot"
    if isinstance(step, DeleteStep):
        return f"create {step.target} again from its snapshot"
    return f"put the changed fields of {step.target} back"


async def check_share(ctx: Context, steps: tuple[Step, ...], images: list[Image]) -> None:
    """Raises Refused when too many replicas of one workload would be away at once."""
    owners: dict[str, int] = {}
    for step, image in zip(steps, images, strict=True):
        if step.target.kind == "Pod" and isinstance(step, DeleteStep | EvictStep) and image.obj is not None:
            for ref in image.obj["metadata"].get("ownerReferences") or []:
                if ref.get("controller") and ref["uid"] not in owners:
                    target = ObjectRef(
                        api_version=ref["apiVersion"],
                        kind=ref["kind"],
                        namespace=step.target.namespace,
                        name=ref["name"],
                    )
                    owner = (await read(ctx, target)).obj or {}
                    owners[ref["uid"]] = int(owner.get("spec", {}).get("replicas") or 1)
    reason = over_share(steps, [image.obj for image in images], owners, ctx.policy.limits)
    if reason:
        raise Refused(reason)


def depends_on_earlier(steps: tuple[Step, ...], number: int) -> bool:
    """Whether a step can only be rehearsed once an earlier one is written: the same object, or its new namespace or CRD."""
    step = steps[number - 1]
    for earlier in steps[: number - 1]:
        same = earlier.target.path == step.target.path and earlier.target.kind == step.target.kind
        creates = isinstance(earlier, CreateStep | ApplyStep)
        home = creates and earlier.target.kind == "Namespace" and earlier.target.name == step.target.namespace
        if same or home or (creates and earlier.target.kind == "CustomResourceDefinition"):
            return True
    return False


def same_desire(before: Image, now: Image) -> bool:
    """Whether only status or other server-owned fields differ."""
    if before.obj is None or now.obj is None:
        return before.obj is None and now.obj is None
    same_object = before.obj["metadata"].get("uid") == now.obj["metadata"].get("uid")
    return same_object and desired(before.obj) == desired(now.obj)
