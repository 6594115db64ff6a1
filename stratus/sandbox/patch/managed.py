"""managedFields: which manager owns which field, kept up on every write, and server-side apply on top of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.options import Write
from stratus.sandbox.patch import fieldset, merging
from stratus.sandbox.patch.fieldset import Path, Paths
from stratus.sandbox.schema.definitions import Node
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]
Identity = tuple[str, str, str]  # manager, operation, apiVersion

MAX_UPDATERS = 10  # more Update managers than this are folded into "ancient-changes", as the API server does
ANCIENT = "ancient-changes"
BEFORE_FIRST_APPLY = "before-first-apply"  # owns what untracked objects hold when they are first applied


class Owners:
    """The decoded managedFields of one object."""

    def __init__(self, entries: list[Object] | None) -> None:
        self.sets: dict[Identity, Paths] = {}
        self.times: dict[Identity, str] = {}
        for entry in entries or ():
            identity = (entry.get("manager", ""), entry.get("operation", ""), entry.get("apiVersion", ""))
            paths = fieldset.decode(entry.get("fieldsV1") or {})
            self.sets[identity] = self.sets.get(identity, set()) | paths
            self.times[identity] = entry.get("time") or ""

    def entries(self) -> list[Object]:
        """Back to JSON: Apply managers first, then by time and name, as the API server sorts them."""
        order = sorted(self.sets, key=lambda each: (each[1] != "Apply", self.times.get(each, ""), each[0], each[2]))
        return [
            {
                "manager": identity[0],
                "operation": identity[1],
                "apiVersion": identity[2],
                "time": self.times[identity],
                "fieldsType": "FieldsV1",
                "fieldsV1": fieldset.encode(self.sets[identity]),
            }
            for identity in order
            if self.sets[identity]
        ]

    def disown(self, paths: Paths, *, but: Identity | None = None) -> None:
        """Take `paths` from everybody except `but`."""
        for identity, owned in self.sets.items():
            if identity != but and not owned.isdisjoint(paths):
                self.sets[identity] = owned - paths

    def fold_old(self) -> None:
        """Keep the number of Update managers bounded."""
        updaters = sorted(
            (each for each in self.sets if each[1] == "Update" and self.sets[each]), key=self.times.__getitem__
        )
        while len(updaters) > MAX_UPDATERS:
            oldest = updaters.pop(0)
            ancient = (ANCIENT, "Update", oldest[2])
            self.sets[ancient] = self.sets.get(ancient, set()) | self.sets.pop(oldest)
            self.times.setdefault(ancient, self.times[oldest])


def is_reset(entries: Any) -> bool:
    """Whether a client asks to erase all ownership: an empty list, or one empty entry."""
    return isinstance(entries, list) and not any(entries)


def track_update(node: Node, kind: Kind, old: Object, new: Object, write: Write, subresource: str, now: str) -> None:
    """Give the fields that this write changed to its manager, in `new`'s managedFields.

    An empty manager means that ownership is settled already (server-side apply). An object whose ownership was erased
    is not tracked again until somebody applies it.
    """
    if not write.manager:
        return
    stored = (old.get("metadata") or {}).get("managedFields")
    given = new["metadata"].pop("managedFields", None)
    if is_reset(given) or (old and not stored and not given):
        return
    owners = Owners(given if given and not subresource else stored)
    _record(owners, node, kind, old, new, write.manager, now)
    entries = owners.entries()
    if entries:
        new["metadata"]["managedFields"] = entries


def _record(owners: Owners, node: Node, kind: Kind, old: Object, new: Object, manager: str, now: str) -> None:
    bare_old = {**old, "metadata": {k: v for k, v in (old.get("metadata") or {}).items() if k != "managedFields"}}
    difference = fieldset.compare(bare_old, new, node)
    written = difference.written
    if not written and not difference.removed:
        return
    identity = (manager, "Update", kind.api_version)
    owners.disown(written, but=identity)
    owners.disown(difference.removed)
    if written:
        owners.sets[identity] = owners.sets.get(identity, set()) | written
        owners.times[identity] = now
        owners.fold_old()


def apply(node: Node, kind: Kind, live: Object, applied: Object, write: Write, now: str) -> tuple[Object, list[Object]]:
    """Server-side apply of what the client sent: the merged object and its managedFields.

    Raises ApiError 409 with one cause per field that another manager owns with another value, unless forced.
    """
    owners = Owners((live.get("metadata") or {}).get("managedFields"))
    if not owners.sets and "uid" in live["metadata"]:
        _record(owners, node, kind, {}, live, BEFORE_FIRST_APPLY, now)
    identity = (write.manager, "Apply", kind.api_version)
    config = merging.known(applied, node)
    twice = merging.repeated_key(config, node)
    if twice:
        text = f"failed to create typed patch object: {twice}"
        raise errors.ApiError(500, "", text)
    wanted = fieldset.of_object(config, node)
    merged = merging.merged(live, config, node)
    dropped = owners.sets.get(identity, set()) - wanted
    others = {who: paths for who, paths in owners.sets.items() if who != identity}
    merged = merging.without(merged, _unowned(dropped, [wanted, *others.values()]), node)
    difference = fieldset.compare(_bare(live), _bare(merged), node)
    _check_conflicts(others, difference.written, owners, write)
    owners.disown(difference.written, but=identity)
    owners.disown(difference.removed, but=identity)
    if owners.sets.get(identity) != wanted:
        owners.times[identity] = now
    owners.sets[identity] = wanted
    return merged, owners.entries()


def _bare(obj: Object) -> Object:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _unowned(dropped: Paths, kept: Iterable[Paths]) -> Paths:
    """Of the fields that the manager no longer applies, those that nobody owns, nor anything below them."""
    held: set[Path] = set()
    for paths in kept:
        for path in paths:
            held.update(path[:length] for length in range(1, len(path) + 1))
    return {path for path in dropped if path not in held}


def _check_conflicts(others: dict[Identity, Paths], written: Paths, owners: Owners, write: Write) -> None:
    causes: list[dict[str, str]] = []
    for identity in sorted(others):
        for path in sorted(others[identity] & written):
            causes.append({
                "reason": "FieldManagerConflict",
                "message": _conflict_with(identity, owners),
                "field": fieldset.shown(path),
            })  # fmt: skip
    if not causes or write.force:
        return
    raise errors.ApiError(409, "Conflict", _conflict_message(causes), {"causes": causes})


def _conflict_with(identity: Identity, owners: Owners) -> str:
    manager, operation, version = identity
    if operation != "Update":
        return f'conflict with "{manager}"'
    at = f" at {owners.times[identity]}" if owners.times.get(identity) else ""
    return f'conflict with "{manager}" using {version}{at}'


def _conflict_message(causes: list[dict[str, str]]) -> str:
    if len(causes) == 1:
        return f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    grouped: dict[str, list[str]] = {}
    for cause in causes:
        grouped.setdefault(cause["message"].replace("conflict", "conflicts", 1), []).append(cause["field"])
    lines = [f"{who}:\n" + "\n".join(f"- {field}" for field in fields) for who, fields in grouped.items()]
    return f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
