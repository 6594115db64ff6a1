"""What must be true after every run, whatever went wrong: each check returns what is wrong, "" when nothing is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from stratus.domain import events as e
from stratus.domain.errors import Bug
from stratus.domain.events import EVENT
from stratus.domain.machine import TX_TRANSITIONS, TxState
from stratus.domain.objects import ObjectRef
from stratus.domain.projection import Board
from stratus.journal.chain import GENESIS, link
from tests.properties.application import fields
from tests.properties.run import Run

Edited = dict[tuple[ObjectRef, str], Any]


def it_ends(run: Run) -> str:
    """I4."""
    ended = {TxState.COMMITTED, TxState.RESTORED, TxState.DIVERGED, TxState.CANCELLED}
    states = [tx.state for tx in run.board.transactions.values()]
    return "" if len(states) == 1 and set(states) <= ended else f"ended as {states}"


def every_pre_image_is_back(run: Run) -> str:
    """A2, I7: what nobody else edited reads as before; what somebody else edited reads what they wrote."""
    if run.tx.state not in (TxState.RESTORED, TxState.CANCELLED):
        return ""
    edited = _edited(run)
    wrong = [place for place in _differences(run) if place not in edited]
    return f"{run.tx.state}, and not as before: {_said(wrong)}" if wrong else _overwritten(run, edited)


def what_diverged_is_named(run: Run) -> str:
    """DIVERGED needs a reason, names every field that is not as before, and keeps the edits of others too."""
    if run.tx.state is not TxState.DIVERGED:
        return ""
    edited, lost = _edited(run), run.tx.diverged_fields
    if not edited and not run.adversary.denied and not _unknown(run):
        return f"diverged without anybody's doing: {lost}"
    objects = {field.split(":")[0] for field in lost}
    wrong = [(ref, path) for ref, path in _differences(run) if ref.path not in objects and (ref, path) not in edited]
    return f"not as before and not named: {_said(wrong)}, named {lost}" if wrong else _overwritten(run, edited)


def what_is_committed_is_there(run: Run) -> str:
    """Every object reads what the server stored for its last step, the edits of others aside."""
    if run.tx.state is not TxState.COMMITTED:
        return ""
    edited = _edited(run)
    last = {step.target: step for step in run.tx.steps if step.target.kind != "Pod"}
    for target, step in last.items():
        stored, live = run.snapshots.get(step.post_image), run.after.get(target)
        wanted, found = (fields(obj) if obj else {} for obj in (stored, live))
        wrong = [(target, path) for path in _unequal(wanted, found) if (target, path) not in edited]
        if wrong:
            return f"committed, and not as written: {_said(wrong)}"
    return ""


def it_works_afterwards(run: Run) -> str:
    """I5: every workload is as ready as its spec says, and no oracle finds anything."""
    return "" if run.ready or run.tx.state is TxState.DIVERGED else f"{run.tx.state}, and the application does not work"


def writes_only_inside_a_transaction(run: Run) -> str:
    """I1, I2: each with the lease, in an undo or right after the durable intent for exactly this object."""
    boards = _boards(run)
    for write in run.adversary.writes:
        board = boards[write.head]
        tx = board.open_tx
        if tx is None or not board.lease_held:
            return f"{write.request.method} {write.request.path} outside a transaction or without the lease"
        if tx.state is TxState.UNDOING:
            continue
        step = next((s for s in reversed(tx.steps) if s.intent is not None and not s.outcome), None)
        if tx.state is not TxState.INTENDED or step is None or step.target.kind.lower() not in write.request.path:
            return f"{write.request.method} {write.request.path} in state {tx.state} without its intent"
        creates = step.step.kind == "create" and write.request.method == "POST"
        if not creates and f"/{step.target.name}" not in write.request.path:
            return f"{write.request.method} {write.request.path}, and the intent is for {step.target.path}"
        if step.diff is None or step.snapshot is None:
            return f"{step.target.path} was written without snapshot or dry run"
    return ""


def what_was_cancelled_wrote_nothing(run: Run) -> str:
    """I3."""
    if run.tx.state is TxState.CANCELLED and run.adversary.writes:
        return f"cancelled ({run.tx.cancel_cause}) after {len(run.adversary.writes)} writes"
    accepted = [r.event for r in run.log if isinstance(r.event, e.CommandHandled) and r.event.accepted]
    if run.tx.state is TxState.COMMITTED and accepted:
        return "committed against an accepted veto"
    return ""


def undo_runs_backwards(run: Run) -> str:
    """I6: newest first, no step restored twice."""
    undone: list[int] = []
    for recorded in run.log:
        if isinstance(recorded.event, e.StepUndone):
            undone.append(recorded.event.step)
    return "" if undone == sorted(set(undone), reverse=True) else f"undone in the order {undone}"


def commits_are_observed(run: Run) -> str:
    """I10."""
    last: e.TxSettled | None = None
    for recorded in run.log:
        if isinstance(recorded.event, e.TxSettled):
            last = recorded.event
        if isinstance(recorded.event, e.TxCommitted) and (last is None or last.severity is None or not last.commit):
            return "committed without a good observation"
    return ""


def the_log_replays(run: Run) -> str:
    """I12: chained without gaps, folds to the same state, and every move is one of the table's."""
    board, digest, state = Board(), GENESIS, dict[str, TxState]()
    for seq, recorded in enumerate(run.log, start=1):
        body = EVENT.dump_json(recorded.event).decode()
        digest = link(digest, seq, recorded.at.isoformat(), recorded.stream, recorded.version, body)
        if recorded.seq != seq or recorded.hash != digest:
            return f"event {seq} breaks the chain"
        try:
            board = board.apply(recorded.model_copy(update={"event": EVENT.validate_json(body)}))
        except Bug as error:
            return f"event {seq} is not allowed: {error}"
        for tx in board.transactions.values():
            before = state.get(tx.id, tx.state)
            if tx.state is not before and tx.state not in TX_TRANSITIONS[before]:
                return f"event {seq} moves {tx.id} from {before} to {tx.state}"
            state[tx.id] = tx.state
    return "" if board.transactions == run.board.transactions else "the log read back gives another state"


CHECKS: tuple[Callable[[Run], str], ...] = (
    it_ends,
    every_pre_image_is_back,
    what_diverged_is_named,
    what_is_committed_is_there,
    it_works_afterwards,
    writes_only_inside_a_transaction,
    what_was_cancelled_wrote_nothing,
    undo_runs_backwards,
    commits_are_observed,
    the_log_replays,
)


def broken(run: Run) -> list[str]:
    """Every check that does not hold."""
    return [f"{check.__name__}: {wrong}" for check in CHECKS if (wrong := check(run))]


def _boards(run: Run) -> list[Board]:
    boards = [Board()]
    for recorded in run.log:
        boards.append(boards[-1].apply(recorded))
    return boards


def _edited(run: Run) -> Edited:
    return {(edit.target, edit.path): edit.value for edit in run.adversary.edited}


def _differences(run: Run) -> Iterator[tuple[ObjectRef, str]]:
    for target in {**run.before, **run.after}:
        sides = (fields(side[target]) if target in side else {} for side in (run.before, run.after))
        for path in _unequal(*sides):
            yield target, path


def _unequal(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    return [path for path in {**a, **b} if (path in a, a.get(path)) != (path in b, b.get(path))]


def _overwritten(run: Run, edited: Edited) -> str:
    for (target, path), value in edited.items():
        now = fields(run.after[target]).get(path) if target in run.after else None
        if now != value:
            return f"somebody wrote {value} to {target.path} {path}, and it reads {now}"
    return ""


def _unknown(run: Run) -> bool:
    return any(step.outcome == "neither" for step in run.tx.steps)


def _said(places: list[tuple[ObjectRef, str]]) -> str:
    return ", ".join(f"{ref.path} {path}" for ref, path in places)
