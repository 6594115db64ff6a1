"""Patches as kubectl computes them: two-way between two versions of an object, three-way from what was applied last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stratus.cluster.kubectl.shapes import VALUE, Shape
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject


class AmbiguousList(Exception):
    """Two items of a list have the same merge key, or one has none: only its index addresses an item."""


def two_way(before: JsonObject, after: JsonObject, shape: Shape = VALUE) -> JsonObject:
    """The smallest patch that makes ``before`` into ``after``; {} when they are equal.

    With a ``shape`` it is a strategic merge patch, without one a JSON merge patch. Raises AmbiguousList.
    """
    return three_way(before, after, before, shape)


def three_way(
    original: Mapping[str, Any], modified: Mapping[str, Any], current: Mapping[str, Any], shape: Shape = VALUE
) -> JsonObject:
    """The patch to ``current`` that sets all of ``modified`` and removes what only ``original`` had.

    What others added to ``current`` stays. Raises AmbiguousList.
    """
    patch: JsonObject = {}
    for name, value in modified.items():
        before = original.get(name)
        below = shape.fields.get(name, VALUE)
        if name not in current:
            if value is not None:
                patch[name] = value
        else:
            _set(patch, name, (before, value, current[name]), below)
    for name in original:
        if name not in modified and name in current:
            patch[name] = None
    return patch


def _set(patch: JsonObject, name: str, versions: tuple[Any, Any, Any], shape: Shape) -> None:
    original, modified, current = versions
    if same(modified, current):
        return
    if isinstance(modified, Mapping) and isinstance(current, Mapping) and not shape.whole:
        inner = three_way(original if isinstance(original, Mapping) else {}, modified, current, shape)
        if inner and shape.retain_keys:
            inner["$retainKeys"] = sorted(modified)
        if shape.drops:
            inner = {key: None for key in current if key not in modified} | inner
        if inner:
            patch[name] = inner
    elif isinstance(modified, list) and isinstance(current, list) and (shape.key or shape.union):
        before = original if isinstance(original, list) else []
        patch.update(
            _keyed(name, before, modified, current, shape) if shape.key else _union(name, before, modified, current)
        )
    else:
        patch[name] = modified


def _keyed(
    name: str, original: Sequence[Any], modified: Sequence[Any], current: Sequence[Any], shape: Shape
) -> JsonObject:
    before, wanted, live = (_by_key(items, shape.key) for items in (original, modified, current))
    changes: list[JsonObject] = []
    for key, item in wanted.items():
        if key not in live:
            changes.append(item)
            continue
        inner = three_way(before.get(key, {}), item, live[key], Shape(fields=shape.fields))
        if inner and shape.retain_keys:
            inner["$retainKeys"] = sorted(item)
        if inner:
            changes.append({shape.key: key, **inner})
    removed = [key for key in before if key not in wanted and key in live]
    changes += [{"$patch": "delete", shape.key: key} for key in removed]
    kept = [key for key in live if key in wanted]
    found: JsonObject = {name: changes} if changes else {}
    if kept != list(wanted):  # something is new or moved, and its place must be said
        found[f"$setElementOrder/{name}"] = [{shape.key: key} for key in wanted]
    return found


def _union(name: str, original: Sequence[Any], modified: Sequence[Any], current: Sequence[Any]) -> JsonObject:
    found: JsonObject = {}
    if added := [item for item in modified if item not in current]:
        found[name] = added
    if removed := [item for item in original if item not in modified and item in current]:
        found[f"$deleteFromPrimitiveList/{name}"] = removed
    return found


def _by_key(items: Sequence[Any], key: str) -> dict[Any, JsonObject]:
    found = {item[key]: item for item in items if isinstance(item, Mapping) and key in item}
    if len(found) != len(items):
        raise AmbiguousList(key)
    return found  # type: ignore[return-value]
