"""Strategic merge patch: lists merge by the keys of the schema, and directives say what to drop.

Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
"""

from __future__ import annotations

from typing import Any

from stratus.sandbox.schema.definitions import ANY, Node

Object = dict[str, Any]

_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


class PatchError(Exception):
    """The patch document is malformed (400)."""


def strategic_merge(target: Object, patch: Object, node: Node) -> Object:
    """`target` with `patch` merged in by the schema `node`; neither is changed. Raises PatchError."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchError(f"Unknown patch type: {directive}")
    result = _retain(target, patch)
    for key, value in patch.items():
        if not key.startswith("$"):
            _merge_field(result, key, value, node.child(key) or ANY, patch)
    _apply_list_directives(result, patch, node)
    return result


def _retain(target: Object, patch: Object) -> Object:
    retained = patch.get("$retainKeys")
    if retained is None:
        return dict(target)
    unknown = [key for key in patch if not key.startswith("$") and patch[key] is not None and key not in retained]
    if unknown:
        raise PatchError(f"the retainKeys list {retained} doesn't contain all fields of the patch: {unknown}")
    return {key: value for key, value in target.items() if key in retained}


def _merge_field(result: Object, key: str, value: Any, node: Node, patch: Object) -> None:
    if value is None:
        result.pop(key, None)
        return
    current = result.get(key)
    if isinstance(value, dict):
        if "replace" in node.merge_strategies and "$patch" not in value:
            result[key] = value
            return
        merged = strategic_merge(current if isinstance(current, dict) else {}, value, node)
        if value.get("$patch") == "delete":
            result.pop(key, None)
        else:
            result[key] = merged
    elif isinstance(value, list) and "merge" in node.merge_strategies:
        before = current if isinstance(current, list) else []
        order = patch.get(_ORDER + key)
        if order is None:
            order = [each for each in value if not (isinstance(each, dict) and "$patch" in each)]
        result[key] = _ordered(_merge_list(before, value, node), order, before, node)
    else:
        result[key] = value


def _merge_list(current: list[Any], patch: list[Any], node: Node) -> list[Any]:
    key = node.merge_key
    if not key:
        return current + [each for each in patch if each not in current]
    if any(isinstance(each, dict) and each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if not (isinstance(each, dict) and "$patch" in each)]
    result = list(current)
    items = node.items or ANY
    for each in patch:
        if not isinstance(each, dict):
            raise PatchError(f"expected a list of objects to merge by {key}")
        if key not in each:
            raise PatchError(f"map: {each} does not contain declared merge key: {key}")
        _merge_item(result, each, key, items)
    return result


def _merge_item(result: list[Any], patch: Object, key: str, items: Node) -> None:
    found = [index for index, each in enumerate(result) if isinstance(each, dict) and each.get(key) == patch[key]]
    if patch.get("$patch") == "delete":
        for index in reversed(found):
            del result[index]
    elif found:
        result[found[0]] = strategic_merge(result[found[0]], patch, items)
    else:
        result.append(strategic_merge({}, patch, items))


def _ordered(merged: list[Any], order: list[Any], current: list[Any], node: Node) -> list[Any]:
    """Elements named in `order` (keyed objects or keys) in its order; others keep their place among those they knew."""
    key = node.merge_key

    def identity(each: Any) -> str:
        return repr(each.get(key) if key and isinstance(each, dict) else each)

    ranks = {identity(each): rank for rank, each in enumerate(order)}
    named = sorted((each for each in merged if identity(each) in ranks), key=lambda each: ranks[identity(each)])
    others = [each for each in merged if identity(each) not in ranks]
    before = {identity(each): position for position, each in enumerate(current)}
    result = []
    while named and others:
        left, right = before.get(identity(others[0])), before.get(identity(named[0]))
        first = others if left is not None and right is not None and left < right else named
        result.append(first.pop(0))
    return result + named + others


def _apply_list_directives(result: Object, patch: Object, node: Node) -> None:
    for directive, values in patch.items():
        if directive.startswith(_DELETE_FROM):
            key = directive[len(_DELETE_FROM) :]
            if isinstance(result.get(key), list):
                result[key] = [each for each in result[key] if each not in values]
        elif directive.startswith(_ORDER):
            key = directive[len(_ORDER) :]
            if key not in patch and isinstance(result.get(key), list):
                child = node.child(key) or ANY
                result[key] = _ordered(result[key], values, result[key], child)
