"""The undo of one step, pure: from pre-image P, post-image Q and live object L to the next write, or to none.

The engine repeats plan → write → re-read until no write is left: values first, then the ownership that the value write
moved. Every plan is made from a fresh read and carries its preconditions, so it can be repeated after a 409 or a crash.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from stratus.cluster import fieldsets
from stratus.cluster.diff import changes, shown
from stratus.cluster.merge import Merge, merge
from stratus.cluster.normal import (
    Fields,
    built_in,
    controller_of,
    desired,
    put,
    recreation,
    rows_for,
    take,
    without_server_fields,
)
from stratus.cluster.requests import FIELD_MANAGER
from stratus.cluster.tree import MISSING, Path, differences, dotted, same
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, FieldChange, ReplaceStep, Step
from stratus.ports import Precondition

UNCHECKED = Precondition()
OWNERSHIP = "give ownership back"


@dataclass(frozen=True)
class UndoPlan:
    """What undo does next for one step."""

    write: Step | None = None
    precondition: Precondition = UNCHECKED
    conflicts: tuple[FieldChange, ...] = ()
    """Fields of ours that somebody changed since: kept as they are. before: P, after: L."""
    foreign: tuple[str, ...] = ()
    """Others' edits elsewhere in the object: kept, not ours."""
    wait: str = ""
    """Why nothing can be written yet: read again later."""
    about: str = ""
    """What the write does, for people: "restore", "delete", "create again", "give ownership back"."""

    @property
    def only_ownership(self) -> bool:
        """The values read the pre-image; the write only says whose they are."""
        return self.write is not None and self.about == OWNERSHIP

    @property
    def done(self) -> bool:
        """Nothing is left to write or to wait for."""
        return self.write is None and not self.wait


def plan_undo(
    target: ObjectRef,
    pre: JsonObject | None,
    post: JsonObject | None,
    live: JsonObject | None,
    *,
    controlled: Collection[Fields] = (),
    gone: frozenset[str] = frozenset(),
) -> UndoPlan:
    """The next write that takes a step back.

    ``pre`` None: the object did not exist. ``post`` None: the step removed it (an object that lingers with a
    deletionTimestamp counts as removed). ``controlled``: fields that an autoscaler sets; a newer value there is no conflict
    (`ownership.controlled`). ``gone``: uids of owners that were deleted with the object.
    """
    if pre is None:
        return UndoPlan() if post is None or live is None else _undo_create(target, post, live, controlled)
    if _removed(pre, post):
        return _undo_delete(target, pre, live, controlled, gone)
    assert post is not None
    if live is None or (_terminating(live) and not _terminating(pre)):
        return UndoPlan(conflicts=(_lost(pre, live),))
    return _undo_change(target, pre, post, live, controlled)


def verify(
    pre: JsonObject | None,
    post: JsonObject | None,
    live: JsonObject | None,
    *,
    controlled: Collection[Fields] = (),
) -> tuple[FieldChange, ...]:
    """What does not read the pre-image again, of all that the step changed; () proves RESTORED. before: P, after: L."""
    if pre is None:
        if post is None or live is None:
            return ()
        return (shown(post["kind"], ("metadata", "name"), MISSING, live["metadata"]["name"]),)
    removed = _removed(pre, post)
    if removed and replaced_by_owner(pre):
        return ()
    if live is None or (_terminating(live) and not _terminating(pre)):
        return (_lost(pre, live),)
    if removed:
        return _edits_of_recreated(pre, live, controlled)
    assert post is not None
    found = _merged(pre, post, live, controlled)
    left = [(d.path, d.pre, d.live) for d in (*found.restored, *found.disputed)]
    return tuple(shown(pre["kind"], *leaf) for place in left for leaf in differences(*place))


def replaced_by_owner(obj: JsonObject) -> bool:
    """Whether a controller makes another one when it goes: a pod of a ReplicaSet is equivalent to its successor."""
    return obj.get("kind") == "Pod" and controller_of(obj) is not None


def _removed(pre: JsonObject, post: JsonObject | None) -> bool:
    return post is None or (_terminating(post) and not _terminating(pre))


def _lost(pre: JsonObject, live: JsonObject | None) -> FieldChange:
    """Somebody deleted the object since."""
    if live is None:
        return shown(pre["kind"], ("metadata", "name"), pre["metadata"]["name"], MISSING)
    return shown(pre["kind"], ("metadata", "deletionTimestamp"), MISSING, live["metadata"]["deletionTimestamp"])


def _terminating(obj: JsonObject) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def _pin(live: JsonObject) -> Precondition:
    meta = live["metadata"]
    return Precondition(uid=meta.get("uid", ""), resource_version=meta.get("resourceVersion", ""))


def _undo_create(target: ObjectRef, post: JsonObject, live: JsonObject, controlled: Collection[Fields]) -> UndoPlan:
    if live["metadata"].get("uid") != post["metadata"].get("uid"):
        return UndoPlan(conflicts=(shown(target.kind, ("metadata", "uid"), MISSING, live["metadata"].get("uid")),))
    if _terminating(live):
        return UndoPlan(wait=f"{target} is being deleted")
    edits = changes(_compared(post, controlled), _compared(live, controlled))
    if edits:
        return UndoPlan(conflicts=edits)
    return UndoPlan(write=DeleteStep(target=target), precondition=_pin(live), about="delete")


def _compared(obj: JsonObject, controlled: Collection[Fields]) -> JsonObject:
    """Without what controllers add to a new object: finalizers are honoured by the delete itself."""
    result = desired(obj)
    for fields in (*controlled, ("metadata", "finalizers")):
        take(result, fields)
    return result


def _undo_delete(
    target: ObjectRef,
    pre: JsonObject,
    live: JsonObject | None,
    controlled: Collection[Fields],
    gone: frozenset[str],
) -> UndoPlan:
    if replaced_by_owner(pre):
        return UndoPlan()
    if live is None and _terminating(
        pre
    ):  # it was dying before our step: bringing it back would undo somebody's delete
        return UndoPlan(conflicts=(_lost(pre, live),))
    if live is None:
        return UndoPlan(write=CreateStep(target=target, manifest=recreation(pre, gone)), about="create again")
    if _terminating(live) and not _terminating(pre):
        return UndoPlan(wait=f"{target} is still being deleted; it is created again once it is gone")
    owners = [ref.get("uid") for ref in live["metadata"].get("ownerReferences") or []]
    if owners and gone.issuperset(owners):
        return UndoPlan(wait=f"{target} is about to be collected with its owner; it is created again once it is gone")
    if live["metadata"].get("uid") == pre["metadata"].get("uid"):
        return UndoPlan()
    edits = _edits_of_recreated(pre, live, controlled)
    if edits:
        return UndoPlan(conflicts=edits)
    return _ownership(target, pre, {"metadata": {}}, live, ours=[()], theirs=[])


def _edits_of_recreated(pre: JsonObject, live: JsonObject, controlled: Collection[Fields]) -> tuple[FieldChange, ...]:
    """How another life of the object differs from P; its owners may have been created again too."""
    sides = [desired(obj) for obj in (pre, live)]
    for side in sides:
        for fields in (*controlled, *(row.path for obj in (pre, live) for row in rows_for(obj))):
            take(side, fields)
        for reference in side["metadata"].get("ownerReferences") or []:
            reference.pop("uid", None)
    return changes(*sides)


def _undo_change(
    target: ObjectRef, pre: JsonObject, post: JsonObject, live: JsonObject, controlled: Collection[Fields]
) -> UndoPlan:
    found = _merged(pre, post, live, controlled)
    conflicts = tuple(shown(target.kind, d.path, d.pre, d.live) for d in found.disputed)
    foreign = tuple(sorted({dotted(path) for place in found.foreign for path, _, _ in differences(*place)}))
    if found.restored:
        write = ReplaceStep(target=target, manifest=found.result)
        return UndoPlan(write, _pin(live), conflicts, foreign, about="restore")
    theirs = [d.path for d in found.disputed] + [path for path, _, _ in found.foreign]
    plan = _ownership(target, pre, post, live, ours=found.settled, theirs=theirs)
    return UndoPlan(plan.write, plan.precondition, conflicts, foreign, about=plan.about)


def _ownership(
    target: ObjectRef, pre: JsonObject, post: JsonObject, live: JsonObject, *, ours: list[Path], theirs: list[Path]
) -> UndoPlan:
    entries = fieldsets.handed_back(pre, post, live, ours=ours, theirs=theirs, undo_manager=FIELD_MANAGER)
    if entries is None or not entries:
        return UndoPlan()
    manifest = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
    return UndoPlan(ReplaceStep(target=target, manifest=manifest), _pin(live), about=OWNERSHIP)


def _merged(pre: JsonObject, post: JsonObject, live: JsonObject, controlled: Collection[Fields]) -> Merge:
    """The merge of the desired states; its result is L with ours taken back and L's own server fields."""
    sides = [without_server_fields(obj) for obj in (pre, post, live)]
    if not built_in(pre["apiVersion"]) and not same(pre.get("status", MISSING), post.get("status", MISSING)):
        for side, obj in zip(sides, (pre, post, live), strict=True):  # no subresource: a field like any other
            side |= {"status": copy.deepcopy(obj["status"])} if "status" in obj else {}
    for fields in controlled:
        if not same(_at(sides[1], fields), _at(sides[2], fields)):
            for side in sides:
                take(side, fields)
    found = merge(*sides)
    result = copy.deepcopy(found.result)
    for fields in (*(row.path for row in rows_for(live)), *controlled):
        value = _at(live, fields)
        if value is not MISSING and _at(result, fields) is MISSING and _at(sides[2], fields) is MISSING:
            put(result, fields, copy.deepcopy(value))
    found.result = result
    return found


def _at(obj: Any, fields: Fields) -> Any:
    for name in fields:
        if not isinstance(obj, dict) or name not in obj:
            return MISSING
        obj = obj[name]
    return obj
