"""The object half of server-side apply: laying a configuration over the live object, and dropping fields from it."""

from __future__ import annotations

import json
from typing import Any

from stratus.sandbox.patch import fieldset
from stratus.sandbox.patch.fieldset import Path, Paths
from stratus.sandbox.schema.definitions import Node

Object = dict[str, Any]


def known(applied: Any, node: Node | None) -> Any:
    """The configuration as the client wrote it, less the fields that the schema does not know."""
    if node is None or node.type == "any":
        return applied
    if isinstance(applied, dict) and node.type == "object":
        return {key: known(value, node.child(key)) for key, value in applied.items() if _has(node, key)}
    if isinstance(applied, dict) and node.type == "map":
        return {key: known(value, node.items) for key, value in applied.items()}
    if isinstance(applied, list) and node.type == "array":
        return [known(each, node.items) for each in applied]
    return applied


def _has(node: Node, key: str) -> bool:
    return node.preserve or node.child(key) is not None


def repeated_key(config: Any, node: Node | None, path: str = "") -> str:
    """What is wrong with a keyed list that names an item twice or leaves out a key; empty if nothing is."""
    if isinstance(config, dict) and node is not None and node.type in ("object", "map"):
        found = (repeated_key(value, node.child(key), f"{path}.{key}") for key, value in config.items())
        return next(filter(None, found), "")
    if not isinstance(config, list) or node is None or node.type != "array":
        return ""
    if node.list_type == "map" and fieldset.keyed(config, node) is None:
        return f"{path}: duplicate entries, or an entry that omits a key field of {list(node.map_keys)}"
    return next(filter(None, (repeated_key(each, node.items, path) for each in config)), "")


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
