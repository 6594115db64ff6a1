"""Reading a client's object the way the API server's Go decoder does.

Unknown fields are pruned and reported, nulls and zero values vanish, quantities and times become canonical, and a
value of the wrong type is an error of its own (400), before any validation (422).
"""

from __future__ import annotations

import binascii
import copy
import re
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.kernel import parse_time, rfc3339, rfc3339_micro
from stratus.sandbox.schema import wire
from stratus.sandbox.schema.definitions import OBJECT_META, Node

_GO_TYPES = {"int32": "int32", "int64": "int64", "": "int64", "double": "float64"}
_LIMITS = {"int32": 2**31, "int64": 2**63}
_DROP = object()
_MICROSECONDS = re.compile(r"\.\d{6}(Z|[+-]\d\d:\d\d)$")
_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


class DecodeError(Exception):
    """The object cannot be read as its kind (400 BadRequest)."""


class DuplicateKeys(dict[str, Any]):
    """A JSON object that named a key more than once; the last value counts, as in Go."""

    duplicates: tuple[str, ...] = ()


def object_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """`object_pairs_hook` for json.loads that remembers duplicate keys."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    marked = DuplicateKeys(found)
    marked.duplicates = tuple(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return marked


@dataclass
class Decoded:
    """An object as read: `strict` lists unknown and duplicate fields, `missing` the paths of absent required ones."""

    object: dict[str, Any] = field(default_factory=dict)
    strict: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)


def decode(raw: dict[str, Any], node: Node) -> Decoded:
    """Read `raw` as the built-in kind described by `node`; raises DecodeError."""
    result = Decoded()
    result.object = _object(raw, node, "", result)
    return result


def decode_value(raw: Any, node: Node, path: str, result: Decoded) -> Any:
    """Read one value; raises DecodeError."""
    value = _value(raw, node, path, node, "", result)
    return None if value is _DROP else value


def _object(raw: Any, node: Node, path: str, result: Decoded) -> dict[str, Any]:
    out: dict[str, Any] = {}
    prefix = f"{path}." if path else ""
    fields, required = node.fields, node.required
    for key, value in raw.items():
        child = fields.get(key)
        if child is None:
            result.strict.append(f'unknown field "{prefix}{key}"')
            continue
        if value is None:
            continue
        decoded = _value(value, child, prefix + key, node, key, result)
        if decoded is not _DROP:
            out[key] = decoded
    if type(raw) is DuplicateKeys:
        result.strict.extend(f'duplicate field "{prefix}{key}"' for key in raw.duplicates)
    _add_always(out, node, prefix, result)
    for key in required:
        if key not in out or out[key] == "":
            result.missing.append((prefix + key, node.definition))
    return out


def _add_always(out: dict[str, Any], node: Node, prefix: str, result: Decoded) -> None:
    if node.definition == OBJECT_META:
        out.setdefault("creationTimestamp", None)
        return
    for key, default in wire.always(node.definition).items():
        if key in out:
            continue
        child = node.fields.get(key)
        if isinstance(default, dict) and child is not None and child.type == "object":
            out[key] = _object(default, child, prefix + key, result)
        else:
            out[key] = copy.deepcopy(default)


def _value(raw: Any, node: Node, path: str, parent: Node, key: str, result: Decoded) -> Any:
    kind = node.type
    if kind == "object":
        if not isinstance(raw, dict):
            raise _mismatch(raw, parent, path, _struct(node))
        return _object(raw, node, path, result)
    if kind == "array":
        return _array(raw, node, path, parent, result)
    if kind == "map":
        return _map(raw, node, path, parent, result)
    if kind == "any":
        return raw
    value = _scalar(raw, node, path, parent)
    if not value and value is not None and key and key not in parent.required and value != "0":
        return value if wire.keeps_zero(_struct(parent), key) else _DROP
    return value


def _array(raw: Any, node: Node, path: str, parent: Node, result: Decoded) -> Any:
    if not isinstance(raw, list):
        raise _mismatch(raw, parent, path, f"[]{_struct(node.items)}")
    if not raw:
        return _DROP
    items = node.items
    assert items is not None
    if items.type == "object":
        return [
            _object(each if each is not None else {}, items, f"{path}[{index}]", result)
            if isinstance(each, dict | None)
            else _raise(_mismatch(each, parent, path, _struct(items)))
            for index, each in enumerate(raw)
        ]
    return [_value(each, items, f"{path}[{index}]", parent, "", result) for index, each in enumerate(raw)]


def _raise(error: Exception) -> Any:
    raise error


def _map(raw: Any, node: Node, path: str, parent: Node, result: Decoded) -> Any:
    if not isinstance(raw, dict):
        raise _mismatch(raw, parent, path, f"map[string]{_struct(node.items)}")
    if not raw:
        return _DROP
    items = node.items
    assert items is not None
    out = {}
    for key, each in raw.items():
        if each is None:
            each = {"string": "", "array": []}.get(items.type, {})
        value = _value(each, items, f"{path}.{key}", parent, "", result)
        out[key] = [] if value is _DROP else value
    return out


def _scalar(raw: Any, node: Node, path: str, parent: Node) -> Any:
    kind = node.type
    if kind == "string":
        if not isinstance(raw, str):
            raise _mismatch(raw, parent, path, "[]uint8" if node.format == "byte" else "string")
        if node.format == "byte":
            _check_base64(raw)
        return raw
    if kind == "integer":
        return _integer(raw, node, path, parent)
    if kind == "boolean":
        if not isinstance(raw, bool):
            raise _mismatch(raw, parent, path, "bool")
        return raw
    if kind == "number":
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            raise _mismatch(raw, parent, path, "float64")
        return raw
    return _special(raw, node, path, parent)


def _integer(raw: Any, node: Node, path: str, parent: Node) -> int:
    go_type = _GO_TYPES.get(node.format, "int64")
    if isinstance(raw, bool) or not isinstance(raw, int):
        raise _mismatch(raw, parent, path, go_type)
    if not -_LIMITS[go_type] <= raw < _LIMITS[go_type]:
        raise DecodeError(
            f"json: cannot unmarshal number {raw} into Go struct field {_field(parent, path)} of type {go_type}"
        )
    return raw


def _special(raw: Any, node: Node, path: str, parent: Node) -> Any:
    if node.type == "int-or-string":
        if isinstance(raw, bool) or not isinstance(raw, int | str):
            raise _mismatch(raw, parent, path, "string")
        return raw
    if node.type == "quantity":
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise DecodeError(_QUANTITY)
        try:
            return quantities.canonical(raw)
        except ValueError as error:
            raise DecodeError(str(error)) from None
    if not isinstance(raw, str):
        raise _mismatch(raw, parent, path, "string")
    try:
        seconds = parse_time(raw)
        if node.type == "micro-time" and not _MICROSECONDS.search(raw):
            raise ValueError(raw)
    except ValueError:
        raise DecodeError(f'parsing time "{raw}" as "2006-01-02T15:04:05Z07:00": cannot parse "{raw}"') from None
    return rfc3339(seconds) if node.type == "time" else rfc3339_micro(seconds)


def _check_base64(raw: str) -> None:
    try:
        b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise DecodeError("illegal base64 data at input byte 0") from None


def _struct(node: Node | None) -> str:
    if node is None:
        return ""
    return node.definition.rpartition(".")[2] or node.type


def _field(parent: Node, path: str) -> str:
    return f"{_struct(parent)}.{path}"


def _mismatch(raw: Any, parent: Node, path: str, go_type: str) -> DecodeError:
    json_type = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    name = json_type.get(type(raw), "object" if isinstance(raw, dict) else "null")
    if name == "number" and go_type not in ("string", "bool"):
        name = f"number {raw}" if not isinstance(raw, int) else name
    return DecodeError(f"json: cannot unmarshal {name} into Go struct field {_field(parent, path)} of type {go_type}")
