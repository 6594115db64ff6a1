"""Sets of field paths, as server-side apply keeps them: from objects, from comparisons, and as FieldsV1 JSON.

A path is a tuple of FieldsV1 segments: `f:name` for a field, `k:{…}` for an item of a keyed list, `v:…` for an item of
a set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from stratus.sandbox.schema import wire
from stratus.sandbox.schema.definitions import OBJECT_META, Node

Object = dict[str, Any]
Path = tuple[str, ...]
Paths = set[Path]

_STRIPPED = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
            "resourceVersion",
        )
    }
)  # fmt: skip
_DEFAULT_KEYS = {"protocol": "TCP"}


def item_key(item: Any, keys: Iterable[str]) -> str | None:
    """The segment of an item of a keyed list, or None when it lacks a key."""
    if not isinstance(item, dict):
        return None
    found = {}
    for key in sorted(keys):
        value = item.get(key, _DEFAULT_KEYS.get(key))
        if value is None:
            return None
        found[key] = value
    return "k:" + json.dumps(found, separators=(",", ":"))


def keyed(items: Any, node: Node) -> dict[str, Any] | None:
    """Items by segment if `node` is a keyed list or a set and the keys are unique; None means treat it as one value."""
    if not isinstance(items, list):
        return None
    found: dict[str, Any] = {}
    for item in items:
        if node.list_type == "map":
            segment = item_key(item, node.map_keys)
        elif node.list_type == "set":
            segment = "v:" + json.dumps(item, separators=(",", ":"))
        else:
            return None
        if segment is None or segment in found:
            return None
        found[segment] = item
    return found


def children(value: Any, node: Node | None) -> Iterator[tuple[str, Any, Node | None]] | None:
    """The parts of a granular value with their segments; None for a leaf."""
    if node is not None and node.struct_type == "atomic":
        return None
    if isinstance(value, dict):
        return ((f"f:{key}", each, node.child(key) if node else None) for key, each in value.items())
    if isinstance(value, list) and node is not None and node.type == "array":
        items = keyed(value, node)
        if items is not None:
            return ((segment, each, node.items) for segment, each in items.items())
    return None


def of_object(obj: Object, node: Node) -> Paths:
    """The paths that an applied configuration sets."""
    found: Paths = set()
    _collect(obj, node, (), found)
    return strip(found)


def _collect(value: Any, node: Node | None, path: Path, found: Paths) -> None:
    parts = children(value, node)
    if parts is None or not value:
        found.add(path)
        return
    for segment, each, child in parts:
        below = (*path, segment)
        if not segment.startswith("f:"):
            found.add(below)
        _collect(each, child, below, found)


class Comparison:
    """What changed between two states, as paths."""

    def __init__(self) -> None:
        self.added: Paths = set()
        self.modified: Paths = set()
        self.removed: Paths = set()

    @property
    def written(self) -> Paths:
        return self.added | self.modified


def compare(old: Object, new: Object, node: Node) -> Comparison:
    """Paths that differ; containers that appear or vanish count themselves too."""
    result = Comparison()
    _compare(old, new, node, (), result)
    result.added, result.modified, result.removed = map(strip, (result.added, result.modified, result.removed))
    return result


_ABSENT = object()


def _compare(old: Any, new: Any, node: Node | None, path: Path, result: Comparison) -> None:
    if old is new or (old == new and type(old) is type(new)):
        return
    before, after = _parts(old, node), _parts(new, node)
    if before is None and after is None:
        _leaf(old, new, path, result)
        return
    if not before and not after:
        _leaf(old, new, path, result)
        return
    if new is _ABSENT and path:
        result.removed.add(path)
    implied = _implied(node) if isinstance(old, dict) else frozenset()
    before, after = before or {}, after or {}
    for segment, (value, child) in after.items():
        if segment in before or segment in implied:
            was = before[segment][0] if segment in before else _empty(value, child)
            _compare(was, value, child, (*path, segment), result)
        else:
            _add(value, child, (*path, segment), result.added)
    for segment, (value, child) in before.items():
        if segment not in after:
            _compare(value, _ABSENT, child, (*path, segment), result)


def _add(value: Any, node: Node | None, path: Path, added: Paths) -> None:
    """Everything in a value that was not there before, itself among it."""
    added.add(path)
    for segment, each, child in (value and children(value, node)) or ():
        _add(each, child, (*path, segment), added)


def _parts(value: Any, node: Node | None) -> dict[str, tuple[Any, Node | None]] | None:
    if value is _ABSENT or value is None:
        return {}
    parts = children(value, node)
    return None if parts is None else {segment: (each, child) for segment, each, child in parts}


def _implied(node: Node | None) -> frozenset[str]:
    """Fields that Go writes even when unset: they never count as added themselves."""
    if node is None or not node.definition:
        return frozenset()
    if node.definition == OBJECT_META:
        return frozenset({"f:creationTimestamp"})
    return frozenset(f"f:{name}" for name in (*wire.always(node.definition), *node.required))


def _empty(value: Any, node: Node | None) -> Any:
    if isinstance(value, dict):
        return {}
    return [] if isinstance(value, list) and node is not None and node.list_type != "atomic" else None


def _leaf(old: Any, new: Any, path: Path, result: Comparison) -> None:
    if old is _ABSENT:
        result.added.add(path)
    elif new is _ABSENT:
        result.removed.add(path)
    else:
        result.modified.add(path)


def strip(paths: Paths) -> Paths:
    """Without what no manager owns: identity and server-set metadata."""
    return {path for path in paths if path[:2] not in _STRIPPED and path not in _STRIPPED and path}


def encode(paths: Paths) -> Object:
    """The set as FieldsV1 JSON."""
    root: Object = {}
    for path in sorted(paths):
        at = root
        for segment in path:
            at = at.setdefault(segment, {})
        at["."] = {}
    return _tidy(root)


def _tidy(trie: Object) -> Object:
    """A leaf is written as `{}`, an inner member as `".": {}`."""
    if set(trie) == {"."}:
        return {}
    return {key: value if key == "." else _tidy(value) for key, value in trie.items()}


def decode(fields: Object, prefix: Path = ()) -> Paths:
    """The set that FieldsV1 JSON stands for."""
    found: Paths = set()
    if not fields and prefix:
        return {prefix}
    for segment, below in fields.items():
        if segment == ".":
            found.add(prefix)
        else:
            found |= decode(below or {}, (*prefix, segment))
    return found


def shown(path: Path) -> str:
    """A path as conflict messages write it: `.spec.containers[name="web"].image`."""
    text = ""
    for segment in path:
        kind, _, rest = segment.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
        else:
            text += f"[={rest}]"
    return text
