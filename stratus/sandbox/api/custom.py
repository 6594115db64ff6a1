"""Custom resources: pruning, defaulting and validation by the schema of their CRD."""

from __future__ import annotations

import copy
import re
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.schema.decode import Decoded, decode_value
from stratus.sandbox.schema.definitions import OBJECT_META, Node

Object = dict[str, Any]


def read(node: Node, obj: Object) -> tuple[Object, list[str]]:
    """The object without fields that the schema does not know, and their paths as strict decoding reports them."""
    strict: list[str] = []
    pruned: Object = _prune(obj, node, "", strict)
    return pruned, strict


def _prune(value: Any, node: Node | None, path: str, strict: list[str]) -> Any:
    if node is None or node.type == "any":
        return copy.deepcopy(value)
    if node.definition == OBJECT_META:
        decoded = Decoded()
        meta = decode_value(value, node, path, decoded) or {}
        meta.pop("creationTimestamp", None) if value.get("creationTimestamp") is None else None
        strict.extend(decoded.strict)
        return meta
    if isinstance(value, list) and node.type == "array":
        return [_prune(each, node.items, f"{path}[{index}]", strict) for index, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if node.type == "map":
        return {key: _prune(each, node.items, f"{path}.{key}", strict) for key, each in value.items()}
    return _prune_object(value, node, path, strict) if node.type == "object" else value


def _prune_object(value: Object, node: Node, path: str, strict: list[str]) -> Object:
    result = {}
    for key, each in value.items():
        below = f"{path}.{key}" if path else key
        child = node.fields.get(key)
        if child is not None:
            result[key] = _prune(each, child, below, strict)
        elif node.preserve:
            result[key] = copy.deepcopy(each)
        else:
            strict.append(f'unknown field "{below}"')
    return result


def default(node: Node, obj: Any) -> None:
    """Add the schema's defaults, in place."""
    if node.definition:
        return
    if isinstance(obj, dict):
        for key, child in node.fields.items():
            if key not in obj and "default" in child.raw:
                obj[key] = copy.deepcopy(child.raw["default"])
            elif obj.get(key, _MISSING) is None and "default" in child.raw and not child.raw.get("nullable"):
                obj[key] = copy.deepcopy(child.raw["default"])
            if key in obj:
                default(child, obj[key])
        if node.type == "map" and node.items is not None:
            for each in obj.values():
                default(node.items, each)
    elif isinstance(obj, list) and node.items is not None:
        for each in obj:
            default(node.items, each)


_MISSING = object()
_TYPES = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "map": dict,
}  # fmt: skip


def validate(node: Node, value: Any, path: str = "") -> list[FieldError]:
    """Errors of a custom object against its schema, in the words of the API server."""
    if node.definition or node.type == "any" or node.type == "int-or-string":
        return []
    if value is None:
        if node.raw.get("nullable"):
            return []
        return [_type_error(path, node, "null")]
    if not _is(value, node.type):
        return [_type_error(path, node, _json_type(value))]
    found = _constraints(node.raw, value, path)
    if isinstance(value, dict):
        found += _validate_object(node, value, path)
    elif isinstance(value, list) and node.items is not None:
        for index, each in enumerate(value):
            found += validate(node.items, each, f"{path}[{index}]")
    return found


def _validate_object(node: Node, value: Object, path: str) -> list[FieldError]:
    found = []
    for name in sorted(node.required):
        if name not in value:
            found.append(errors.required(f"{path}.{name}" if path else name))
    for key, each in value.items():
        child = node.child(key)
        if child is not None:
            found += validate(child, each, f"{path}.{key}" if path else key)
    return found


def _is(value: Any, type_: str) -> bool:
    if isinstance(value, bool) and type_ != "boolean":
        return False
    if type_ == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(type_, object))  # type: ignore[arg-type]


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array"}
    return names.get(type(value), "object")


def _type_error(path: str, node: Node, got: str) -> FieldError:
    wanted = "object" if node.type == "map" else node.type
    detail = f'{path} in body must be of type {wanted}: "{got}"'
    return FieldError(path, "FieldValueTypeInvalid", f'Invalid value: "{got}": {detail}')


def _constraints(raw: Object, value: Any, path: str) -> list[FieldError]:
    found = []
    if "enum" in raw and value not in raw["enum"]:
        found.append(errors.not_supported(path, value, [str(each) for each in raw["enum"]]))
    if isinstance(value, str):
        found += _string_constraints(raw, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found += _number_constraints(raw, value, path)
    elif isinstance(value, list):
        if len(value) < raw.get("minItems", 0):
            detail = f"{path} in body should have at least {raw['minItems']} items"
            found.append(errors.invalid_value(path, len(value), detail))
        if len(value) > raw.get("maxItems", len(value)):
            found.append(
                FieldError(
                    path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {raw['maxItems']} items"
                )
            )
    return found


def _string_constraints(raw: Object, value: str, path: str) -> list[FieldError]:
    found = []
    if "pattern" in raw and not re.search(raw["pattern"], value):
        found.append(errors.invalid_value(path, value, f"{path} in body should match '{raw['pattern']}'"))
    if len(value) < raw.get("minLength", 0):
        found.append(
            errors.invalid_value(path, value, f"{path} in body should be at least {raw['minLength']} chars long")
        )
    if len(value) > raw.get("maxLength", len(value)):
        found.append(errors.too_long(path, raw["maxLength"]))
    return found


def _number_constraints(raw: Object, value: float, path: str) -> list[FieldError]:
    found = []
    if "minimum" in raw and value < raw["minimum"]:
        detail = f"{path} in body should be greater than or equal to {raw['minimum']}"
        found.append(errors.invalid_value(path, value, detail))
    if "maximum" in raw and value > raw["maximum"]:
        found.append(
            errors.invalid_value(path, value, f"{path} in body should be less than or equal to {raw['maximum']}")
        )
    return found
