"""The object half of server-side apply: laying a configuration over the live object, and dropping fields from it."""

from __future__ import annotations

import json
from typing import Any

from stratus.sandbox.patch import fieldset
from stratus.sandbox.patch.fieldset import Path, Paths
from stratus.sandbox.schema.definitions import Node

Object = dict[str, Any]


def only_given(checked: Any, applied: Any) -> Any:
    """The decoded configuration without what decoding added: only fields that the client named are applied."""
    if isinstance(checked, dict) and isinstance(applied, dict):
        return {key: only_given(value, applied[key]) for key, value in checked.items() if applied.get(key) is not None}
    if isinstance(checked, list) and isinstance(applied, list) and len(checked) == len(applied):
        return [only_given(left, right) for left, right in zip(checked, applied, strict=True)]
    return checked


def merged(live: Any, config: Any, node: Node | None) -> Any:
    """`live` with `config` laid over it: objects and keyed lists merge, the rest is replaced."""
    if node is not None and node.struct_type == "atomic":
        return config
    if isinstance(config, dict) and isinstance(live, dict):
        result = dict(live)
        for key, value in config.items():
            child = node.child(key) if node else None
            result[key] = merged(live[key], value, child) if live.get(key) is not None else value
        return result
    if isinstance(config, list) and node is not None and node.list_type in ("map", "set"):
        return _merged_list(live, config, node)
    return config


def _merged_list(live: Any, config: list[Any], node: Node) -> list[Any]:
    before, after = fieldset.keyed(live, node), fieldset.keyed(config, node)
    if before is None or after is None:
        return config
    kept = {segment: item for segment, item in before.items()}
    for segment, item in after.items():
        kept[segment] = merged(before[segment], item, node.items) if segment in before else item
    return list(kept.values())


def without(obj: Object, paths: Paths, node: Node) -> Object:
    """`obj` less the fields at `paths`, and less the containers that this leaves empty."""
    for path in sorted(paths, key=len):
        obj = _drop(obj, path, node)
    return obj


def _drop(value: Any, path: Path, node: Node | None) -> Any:
    segment, rest = path[0], path[1:]
    if segment.startswith("f:") and isinstance(value, dict):
        return _drop_field(value, segment[2:], rest, node)
    if isinstance(value, list) and node is not None:
        return _drop_item(value, segment, rest, node)
    return value


def _drop_field(value: Object, name: str, rest: Path, node: Node | None) -> Object:
    if name not in value:
        return value
    left = {key: each for key, each in value.items() if key != name}
    if rest:
        below = _drop(value[name], rest, node.child(name) if node else None)
        if below or below == value[name]:
            return {**value, name: below}
    return left


def _drop_item(value: list[Any], segment: str, rest: Path, node: Node) -> list[Any]:
    result = []
    for item in value:
        own = (
            fieldset.item_key(item, node.map_keys)
            if node.list_type == "map"
            else "v:" + json.dumps(item, separators=(",", ":"))
        )
        if own != segment:
            result.append(item)
        elif rest:
            below = _drop(item, rest, node.items)
            result.append(below)
    return result
