"""The writes: each one durable as an intent before it is sent, and settled by reading when its answer is lost."""

from __future__ import annotations

from stratus.cluster.fieldsets import owners, touches
from stratus.cluster.normal import desired
from stratus.cluster.requests import FIELD_MANAGER
from stratus.cluster.restore import verify
from stratus.cluster.tree import MISSING, differences
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, LeaseLost, OutcomeUnknown, Refused, Retryable, Unobservable
from stratus.domain.events import StepExecuted, StepIntended, StepSettledByReading
from stratus.domain.steps import ApplyStep, DeleteStep, EvictStep, ReplaceStep, Step
from stratus.engine.context import Context
from stratus.engine.crashpoints import CrashPoint
from stratus.engine.redact import redacted_step
from stratus.engine.rehearsal import Image, read, rehearse, same_desire, snapshot

CONFLICTS_AT_MOST = 8
"""How often a write is sent again because only the object's status moved in between."""
SERVER_TIMEOUT = 35.0
"""Seconds after which a request that the server has accepted cannot land any more (its own default is 34 s for writes
that pass admission webhooks at their longest default, 10 s, and less otherwise)."""
POLL = 0.5


async def execute(ctx: Context, tx: str, number: int, step: Step, image: Image, expected: JsonObject) -> None:
    """Write one step. Raises Refused when the server said no, OutcomeUnknown when reading could not settle a lost answer.

    Both are recorded first; LeaseLost is raised with the intent recorded as not sent.
    """
    for attempt in range(CONFLICTS_AT_MOST):
        _intend(ctx, tx, number, step, image, expected)
        ctx.reach(CrashPoint.INTENDED)
        try:
            answer = await ctx.writer.send(step, image.precondition)
        except Conflict as error:
            _executed(ctx, tx, number, "refused", reason=str(error))
            image, expected = await _again(ctx, tx, number, step, image, expected, error, attempt)
            continue
        except (Refused, Retryable) as error:
            _executed(ctx, tx, number, "refused", reason=str(error))
            raise Refused(str(error)) from error
        except LeaseLost as error:
            _executed(ctx, tx, number, "not_sent", reason=str(error))
            raise
        except OutcomeUnknown as error:
            _executed(ctx, tx, number, "unknown", reason=str(error))
            await settle_unknown(ctx, tx, number)
            return
        ctx.reach(CrashPoint.WRITTEN)
        _applied(ctx, tx, number, step, answer)
        return
    raise Refused(f"{step.target.path} changes faster than it can be written to")


async def _again(
    ctx: Context, tx: str, number: int, step: Step, before: Image, expected: JsonObject, error: Conflict, attempt: int
) -> tuple[Image, JsonObject]:
    """After a 409: the fresh object when only its status moved; otherwise somebody else is at work and we stop."""
    now = await read(ctx, step.target)
    if attempt == CONFLICTS_AT_MOST - 1 or not same_desire(before, now) or now.obj is None:
        raise Refused(f"{step.target.path} was changed by somebody else meanwhile: {error}") from error
    if isinstance(step, ReplaceStep):
        raise Refused(f"{step.target.path} moved on since the manifest was read: {error}") from error
    return now, expected


def _intend(ctx: Context, tx: str, number: int, step: Step, image: Image, expected: JsonObject) -> None:
    condition = image.precondition
    ctx.ledger.emit(
        StepIntended(
            tx=tx,
            step=number,
            write=redacted_step(step),
            pre_image=ctx.snapshots.put(image.obj) if image.obj is not None else "",
            post_image=ctx.snapshots.put(expected) if expected else "",
            uid=condition.uid,
            resource_version=condition.resource_version,
            lease=ctx.writer.holder,
        ),
        durable=True,
    )


def _executed(ctx: Context, tx: str, number: int, outcome: str, *, reason: str = "") -> None:
    event = StepExecuted(tx=tx, step=number, outcome=outcome, reason=reason)
    ctx.ledger.emit(event, durable=True)


def _applied(ctx: Context, tx: str, number: int, step: Step, answer: JsonObject) -> None:
    stored = {} if isinstance(step, DeleteStep | EvictStep) else answer
    version = stored.get("metadata", {}).get("resourceVersion", "")
    digest = ctx.snapshots.put(stored) if stored else ""
    ctx.ledger.emit(
        StepExecuted(tx=tx, step=number, outcome="applied", post_image=digest, resource_version=version), durable=True
    )


async def settle_unknown(ctx: Context, tx: str, number: int) -> None:
    """Find out by reading whether a write landed. Raises Refused when it did not, OutcomeUnknown when it is neither.

    The request may still land after a first read: a state that is unchanged counts only once the server's own time-out
    has passed since the intent.
    """
    view = ctx.ledger.transaction(tx).steps[number - 1]
    intent = view.intent
    assert intent is not None
    before = ctx.snapshots.get(intent.pre_image) if intent.pre_image else None
    expected = ctx.snapshots.get(intent.post_image) if intent.post_image else None
    end = ctx.clock.monotonic() + SERVER_TIMEOUT
    while True:
        live = await _read_patiently(ctx, view.step)
        verdict = landed(view.step, before, expected, live)
        if verdict == "applied":
            post = _stored(ctx, view.step, expected, live)
            ctx.ledger.emit(StepSettledByReading(tx=tx, step=number, outcome="applied", post_image=post), durable=True)
            return
        if verdict == "neither":
            reason = "the object is neither as before nor as intended"
            ctx.ledger.emit(
                StepSettledByReading(
                    tx=tx, step=number, outcome="neither", post_image=intent.post_image, reason=reason
                ),
                durable=True,
            )
            raise OutcomeUnknown(reason)
        if ctx.clock.monotonic() >= end:
            reason = "the answer was lost, and the write did not land"
            ctx.ledger.emit(StepSettledByReading(tx=tx, step=number, outcome="refused", reason=reason), durable=True)
            raise Refused(reason)
        await ctx.wait(POLL)


def landed(step: Step, before: JsonObject | None, expected: JsonObject | None, live: JsonObject | None) -> str:
    """ "applied", "not" or "neither", judged on the paths that the step was to change."""
    if before is None:
        return "not" if live is None or not _is_ours(step, live) else "applied"
    if isinstance(step, DeleteStep | EvictStep):
        gone = live is None or live["metadata"].get("deletionTimestamp") or live["metadata"]["uid"] != _uid(before)
        return "applied" if gone else "not"
    if live is None or live["metadata"]["uid"] != _uid(before):
        return "neither"
    if not verify(expected, before, live):
        return "applied"
    return "not" if not verify(before, expected, live) else "neither"


def _uid(obj: JsonObject) -> str:
    return str(obj["metadata"].get("uid", ""))


def _is_ours(step: Step, live: JsonObject) -> bool:
    """Two writers may create the same object at the same time: the server notes whose request it stored."""
    managers = {entry.get("manager") for entry in live["metadata"].get("managedFields") or []}
    return not managers or _manager(step) in managers


def _manager(step: Step) -> str:
    return step.field_manager if isinstance(step, ApplyStep) else FIELD_MANAGER


def _stored(ctx: Context, step: Step, expected: JsonObject | None, live: JsonObject | None) -> str:
    """Q of a write whose answer was lost: the live object, unless somebody has written since; then the rehearsal's, as far
    as it can know: a new object's uid is the server's.
    """
    if expected is None or live is None:
        return ""
    if not _edited_since(step, expected, live):
        return ctx.snapshots.put(live)
    return ctx.snapshots.put({**expected, "metadata": {**expected["metadata"], "uid": _uid(live)}})


def _edited_since(step: Step, expected: JsonObject, live: JsonObject) -> bool:
    """Whether what differs from the rehearsal is somebody's doing: what nobody owns the server chose, as a Service's
    address, and it chooses anew after each dry run. Where fields are not tracked, every difference counts.
    """
    differing = list(differences((), desired(expected), desired(live)))
    places = [path for path, _, _ in differing]
    tracked = owners(live)
    others = [paths for owner, paths in tracked.items() if owner[0] != _manager(step)]
    if differing and not (tracked and all(others)):
        return True
    touched = any(touches(path, places) for paths in others for path in paths)
    return touched or any(now is MISSING for _, _, now in differing)


async def _read_patiently(ctx: Context, step: Step) -> JsonObject | None:
    """The live object, however long the API is away."""
    while True:
        try:
            return await ctx.reader.get(step.target)
        except Absent:
            return None
        except (Retryable, Unobservable) as error:
            if ctx.stopping():
                raise
            await ctx.wait(getattr(error, "delay", POLL))


async def prepare_again(
    ctx: Context, tx: str, number: int, step: Step, *, irreversible_ok: bool
) -> tuple[Image, JsonObject]:
    """Snapshot and rehearse a step right before it is written, because an earlier step changed what it writes to."""
    image = await read(ctx, step.target)
    await snapshot(ctx, tx, number, step, image)
    return image, await rehearse(ctx, tx, number, step, image, irreversible_ok=irreversible_ok)
