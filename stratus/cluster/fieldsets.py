"""Who owns which field (metadata.managedFields), and how ownership returns to whoever held it before our write.

A write by the undo makes "stratus" the owner of every field that it changes, and the next server-side apply of the
former owner would meet a conflict. So the undo writes twice: the values, then only the managedFields; a PUT that changes
nothing else keeps the entries it carries (observed on a real API server).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stratus.cluster.tree import Key, Path
from stratus.domain.base import JsonObject

Owner = tuple[str, str, str, str]
"""manager, operation, apiVersion, subresource"""
Owned = tuple[str, ...]
"""A path in fieldsV1: f:NAME, k:{JSON}, v:JSON, and "." for an item or a mapping itself."""
Sets = dict[Owner, frozenset[Owned]]


def handed_back(
    pre: JsonObject,
    post: JsonObject,
    live: JsonObject,
    *,
    ours: Iterable[Path],
    theirs: Iterable[Path],
    undo_manager: str,
) -> list[JsonObject] | None:
    """managedFields as they should be, or None when they are (or nobody tracked them).

    ``ours``: places that our step changed and that read P again. There, and wherever our step moved ownership, P's owners
    return, and those that took it with our step or our undo lose it. ``theirs``: places changed since by others, whose
    ownership stays as it is, like everything else.
    """
    had, then, now = owners(pre), owners(post), owners(live)
    if not had or not now:
        return None
    ours, theirs = tuple(ours), tuple(theirs)
    takers = {owner for owner in then if then[owner] - had.get(owner, frozenset())}
    takers |= {owner for owner in now if owner[:2] == (undo_manager, "Update")}
    wanted: Sets = {}
    for owner in had.keys() | now.keys():
        was, is_now = had.get(owner, frozenset()), now.get(owner, frozenset())
        moved = was ^ then.get(owner, frozenset())
        wrong = _missing(was, is_now)
        if owner in takers:
            wrong |= {path for path in _missing(is_now, was) if not _under_bare(path, was)}
        wanted[owner] = is_now ^ {
            path for path in wrong if (path in moved or touches(path, ours)) and not _beyond(path, theirs)
        }
    if _filled(wanted) == _filled(now):
        return None
    return list(_entries(_filled(wanted), pre, live))


def _missing(some: frozenset[Owned], other: frozenset[Owned]) -> frozenset[Owned]:
    """Paths that ``other`` lacks. ``f:ports: {}`` and ``f:ports: {".": {}}`` are the same member, written in two ways."""
    members = {_member(path) for path in other}
    return frozenset(path for path in some if _member(path) not in members)


def _member(path: Owned) -> Owned:
    return path[:-1] if path[-1] == "." else path


def _under_bare(path: Owned, owned: frozenset[Owned]) -> bool:
    """Whether it lies below a mapping or list of which ``owned`` has the place alone. The server cannot keep such a set:
    at the next write it takes it for a formerly atomic value and adds everything below (schema reconciliation).
    """
    return any(path[: len(bare)] == bare and len(path) > len(bare) for bare in owned)


def _beyond(path: Owned, theirs: tuple[Path, ...]) -> bool:
    """Not ours to move: the status, and what others changed."""
    return path[0] == "f:status" or touches(path, theirs)


def _filled(sets: Sets) -> Sets:
    return {owner: paths for owner, paths in sets.items() if paths}


def owners(obj: JsonObject) -> Sets:
    """Every owner's fields."""
    result: Sets = {}
    for entry in obj.get("metadata", {}).get("managedFields") or []:
        owner = _owner(entry)
        result[owner] = result.get(owner, frozenset()) | frozenset(_paths(entry.get("fieldsV1") or {}))
    return result


def _owner(entry: Mapping[str, Any]) -> Owner:
    manager, operation, version, below = (
        str(entry.get(name, "")) for name in ("manager", "operation", "apiVersion", "subresource")
    )
    return manager, operation, version, below


def _paths(tree: Mapping[str, Any], above: Owned = ()) -> Iterator[Owned]:
    for name, below in tree.items():
        if below:
            yield from _paths(below, (*above, name))
        else:
            yield (*above, name)


def _entries(sets: Sets, pre: JsonObject, live: JsonObject) -> Iterator[JsonObject]:
    """Entries of L first, in its order, then those that only P has."""
    done: set[Owner] = set()
    for obj in (live, pre):
        for entry in obj["metadata"].get("managedFields") or []:
            owner = _owner(entry)
            if owner in sets and owner not in done:
                done.add(owner)
                yield {**entry, "fieldsV1": _tree(sets[owner])}


def _tree(paths: Iterable[Owned]) -> JsonObject:
    root: JsonObject = {}
    for path in sorted(paths):
        node = root
        for name in path:
            node = node.setdefault(name, {})
    return root


def touches(path: Owned, places: Iterable[Path]) -> bool:
    """Whether an owned field lies at or below one of the places, or is an atomic value that contains one."""
    itself = path[-1] == "."
    fields = path[:-1] if itself else path
    for place in places:
        if itself and len(place) > len(fields):
            continue
        if all(_fits(field, segment) for field, segment in zip(fields, place, strict=False)):
            return True
    return False


def _fits(field: str, segment: str | Key) -> bool:
    mark, _, rest = field.partition(":")
    if isinstance(segment, str):
        return mark == "f" and rest == segment
    if mark == "v":
        return any(json.loads(rest) == value for _, value in segment.fields)
    if mark != "k":
        return mark == "i"
    item = json.loads(rest)
    return all(item[name] == value for name, value in segment.fields if name in item)
