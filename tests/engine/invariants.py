"""The invariants of tnr.md as checks on a finished run: each returns what is wrong, "" when nothing is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratus.domain import events as e
from stratus.domain.events import EVENT
from stratus.domain.machine import TxState
from stratus.domain.projection import Board
from tests.engine.harness import Run

OURS = "stratus"


def _ours(run: Run) -> list[Any]:
    return [write for write in run.world.writes if write.by == OURS]


def i1_writes_only_inside_an_open_transaction_with_the_lease(run: Run) -> str:
    for write in _ours(run):
        board = run.boards[write.log_head]
        if board.open_tx is None or not board.lease_held:
            return f"a write to {write.target} outside an open transaction or without the lease"
    return ""


def i2_no_write_without_snapshot_dry_run_and_intent(run: Run) -> str:
    for write in _ours(run):
        tx = run.boards[write.log_head].open_tx
        if tx is None:
            return "a write without a transaction"
        if tx.state is TxState.UNDOING:
            continue
        step = next((step for step in reversed(tx.steps) if step.intent is not None and not step.outcome), None)
        if tx.state is not TxState.INTENDED or step is None or step.target.name != write.target:
            return f"a write to {write.target} without a durable intent, in state {tx.state}"
        if step.diff is None or (write.before is not None and not step.intent.pre_image):
            return f"a write to {write.target} without its dry run or snapshot"
        known = run.store.snapshots.objects.get(step.intent.pre_image)
        if write.before is not None and known != write.before:
            return f"the snapshot of {write.target} is not what was there"
    return ""


def i3_what_was_cancelled_wrote_nothing(run: Run) -> str:
    board = run.boards[-1]
    for tx in board.transactions.values():
        if tx.state is TxState.CANCELLED and _ours(run):
            return f"{tx.id} was cancelled ({tx.cancel_cause}) and wrote"
    for posted in run.store.inbox.posted:
        accepted = run.store.inbox.outcomes.get(posted.id, (False, ""))[0]
        tx = board.transactions.get(posted.command.tx)
        if accepted and tx is not None and tx.state is TxState.COMMITTED:
            return f"{tx.id} committed against an accepted veto"
    return ""


def i4_everything_ends(run: Run) -> str:
    board = run.boards[-1]
    still_open = [tx.id for tx in board.transactions.values() if not tx.ended]
    return f"open at the end: {still_open}" if still_open else ""


def i5_no_visible_state_is_worse_than_b(run: Run) -> str:
    tx = next(iter(run.boards[-1].transactions.values()), None)
    foreign = any(write.by == "foreign" for write in run.world.writes)
    if tx is None or tx.state is TxState.DIVERGED or foreign:
        return ""
    after = run.world.truth().severity
    return f"severity {after} at the end, b was 2" if after > 2 else ""


def i6_undo_runs_newest_first_each_step_once(run: Run) -> str:
    undone = [
        r.event.step for r in run.store.recorded if isinstance(r.event, e.StepUndone) and r.event.result == "restored"
    ]
    if undone != sorted(set(undone), reverse=True):
        return f"undone in the order {undone}"
    return ""


def i7_newer_edits_of_others_stay(run: Run) -> str:
    """The world remembers who wrote each field last: what is a foreigner's, no undo of ours may change."""
    theirs: set[tuple[str, str]] = set()
    for write in run.world.writes:
        before, after = (write.before or {}).get("data", {}), (write.after or {}).get("data", {})
        changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
        if write.by == "foreign":
            theirs |= {(write.target, key) for key in changed}
            continue
        undoing = run.boards[write.log_head].open_tx
        if undoing is not None and undoing.state is TxState.UNDOING:
            for key in changed:
                if (write.target, key) in theirs:
                    return f"our undo of {write.target} took a foreign edit of {key} away"
        theirs -= {(write.target, key) for key in changed}
    return ""


def i8_limits_hold(run: Run) -> str:
    limits = 20
    for tx in run.boards[-1].transactions.values():
        intents = {
            (r.event.step) for r in run.store.recorded if isinstance(r.event, e.StepIntended) and r.event.tx == tx.id
        }
        if len(intents) > limits:
            return f"{tx.id} wrote {len(intents)} steps"
    return ""


def i9_classification_follows_the_steps_alone(run: Run) -> str:
    for tx in run.boards[-1].transactions.values():
        for step in tx.steps:
            verdict = step.classification
            if verdict is not None and step.step.kind == "delete" and verdict.tier == "workload":
                return f"a delete was classified {verdict.tier}"
    return ""


def i10_what_is_not_observed_never_commits(run: Run) -> str:
    last: e.TxSettled | None = None
    for recorded in run.store.recorded:
        if isinstance(recorded.event, e.TxSettled):
            last = recorded.event
        if isinstance(recorded.event, e.TxCommitted) and (last is None or last.severity is None or not last.commit):
            return "committed without a good observation"
    return ""


def i11_only_the_engine_writes(run: Run) -> str:
    strangers = {write.by for write in run.world.writes} - {OURS, "foreign", "setup"}
    return f"writes by {strangers}" if strangers else ""


def i12_the_log_is_the_state(run: Run) -> str:
    whole, board = run.boards[-1], Board()
    for recorded in run.store.recorded:
        again = EVENT.validate_json(EVENT.dump_json(recorded.event))
        board = board.apply(recorded.model_copy(update={"event": again}))
    if board != whole:
        return "the log read back gives another state"
    return (
        "" if [r.seq for r in run.store.recorded] == list(range(1, len(run.store.recorded) + 1)) else "gaps in the log"
    )


def restored_means_restored(run: Run) -> str:
    """A2: after RESTORED, what nobody else edited reads its pre-image; after CANCELLED everything does."""
    tx = next(iter(run.boards[-1].transactions.values()), None)
    if tx is None or tx.state not in (TxState.RESTORED, TxState.CANCELLED):
        return ""
    foreign = {(w.target, key) for w in run.world.writes if w.by == "foreign" for key in ("x", "y")}
    now = {name: dict(obj["data"]) for name, obj in run.world.objects.items()}
    for name, data in run.start.items():
        for key, value in data.items():
            if (name, key) not in foreign and now.get(name, {}).get(key) != value:
                return f"{tx.state}, and {name}.{key} is {now.get(name, {}).get(key)} instead of {value}"
    extra = set(now) - set(run.start)
    return f"{tx.state}, and {extra} stayed" if extra else ""


INVARIANTS: dict[str, Callable[[Run], str]] = {
    "I1": i1_writes_only_inside_an_open_transaction_with_the_lease,
    "I2": i2_no_write_without_snapshot_dry_run_and_intent,
    "I3": i3_what_was_cancelled_wrote_nothing,
    "I4": i4_everything_ends,
    "I5": i5_no_visible_state_is_worse_than_b,
    "I6": i6_undo_runs_newest_first_each_step_once,
    "I7": i7_newer_edits_of_others_stay,
    "I8": i8_limits_hold,
    "I9": i9_classification_follows_the_steps_alone,
    "I10": i10_what_is_not_observed_never_commits,
    "I11": i11_only_the_engine_writes,
    "I12": i12_the_log_is_the_state,
    "A2": restored_means_restored,
}


def broken(run: Run) -> list[str]:
    """Every invariant that does not hold after the run."""
    return [f"{name}: {wrong}" for name, check in INVARIANTS.items() if (wrong := check(run))]
