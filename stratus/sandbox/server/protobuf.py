"""Reading the protobuf bodies that newer kubectl sends for some commands; answers are always JSON.

Only what Kubernetes' messages need: varints, fixed numbers, strings, bytes, messages and maps, by a table of field
numbers.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.kernel import rfc3339, rfc3339_micro

Object = dict[str, Any]
Wire = int | bytes

MAGIC = b"k8s\x00"
_META = "k8s.io.apimachinery.pkg.apis.meta.v1."
# Messages that JSON writes into the object around them.
_INLINE = frozenset(
    """
    ingressRuleValue volumeSource handler persistentVolumeSource ephemeralContainerCommon localObjectReference
    ruleWithOperations RuleWithOperations.rule
    """.split()
)
_PACKAGES = {
    "apiextensions.k8s.io": "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "k8s.io.kube_aggregator.pkg.apis.apiregistration",
}


@cache
def _table() -> dict[str, dict[str, tuple[str, str, bool]]]:
    data = resources.files("stratus.sandbox.server").joinpath("protobuf.json.gz").read_bytes()
    loaded: dict[str, dict[str, tuple[str, str, bool]]] = json.loads(gzip.decompress(data))
    return loaded


def read_fields(data: bytes) -> Iterator[tuple[int, Wire]]:
    """The fields of one message: number and raw value. Raises ValueError or IndexError for malformed data."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        value: Wire
        if kind == 0:
            value, position = _varint(data, position)
        elif kind == 2:
            length, position = _varint(data, position)
            if position + length > len(data):
                raise ValueError("a field is longer than its message")
            value, position = data[position : position + length], position + length
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
            value, position = data[position : position + size], position + size
        else:
            raise ValueError(f"unknown wire type {kind}")
        yield tag >> 3, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, position
        shift += 7
        if shift > 63:
            raise ValueError("a varint is too long")


def decode(body: bytes) -> Object:
    """The object in a Kubernetes protobuf body; raises ApiError 400."""
    if not body.startswith(MAGIC):
        raise errors.bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        unknown = dict(read_fields(body[len(MAGIC) :]))
        meta = {number: _bytes(value).decode() for number, value in read_fields(_bytes(unknown.get(1, b"")))}
        api_version, kind = meta.get(1, ""), meta.get(2, "")
        group, _, version = api_version.rpartition("/")
        raw = _bytes(unknown.get(2, b""))
        found = _message(raw, _name(group, version, kind))
    except (ValueError, IndexError, KeyError, UnicodeDecodeError) as error:
        raise errors.bad_request(f"unable to decode the protobuf body: {error}") from None
    return {"apiVersion": api_version, "kind": kind, **found}


def _bytes(value: Wire) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("expected a length-delimited field")
    return value


def _name(group: str, version: str, kind: str) -> str:
    if kind in ("DeleteOptions", "Status"):
        return _META + kind
    package = _PACKAGES.get(group) or f"k8s.io.api.{group.partition('.')[0] or 'core'}"
    name = f"{package}.{version}.{kind}"
    if name not in _table():
        raise KeyError(f"no message {name}")
    return name


def _message(data: bytes, name: str) -> Any:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(data)
    shape = _table()[name]
    found: Object = {}
    for number, raw in read_fields(data):
        field = shape.get(str(number))
        if field is None:
            continue
        json_name, type_, repeated = field
        if repeated and _is_map(type_):
            key, value = _entry(_bytes(raw), type_)
            found.setdefault(json_name, {})[key] = value
        elif repeated:
            found.setdefault(json_name, []).append(_value(raw, type_))
        elif f"{name.rpartition('.')[2]}.{json_name}" in _INLINE or json_name in _INLINE:
            found.update(_value(raw, type_))
        else:
            found[json_name] = _value(raw, type_)
    return found


def _is_map(type_: str) -> bool:
    return type_.endswith("Entry") and type_ in _table() and set(_table()[type_]) == {"1", "2"}


def _entry(data: bytes, type_: str) -> tuple[Any, Any]:
    entry = _message(data, type_)
    value_type = _table()[type_]["2"][1]
    return entry.get("key", ""), entry.get("value", "" if value_type in ("string", "bytes") else {})


def _value(raw: Wire, type_: str) -> Any:
    if type_ == "string":
        return _bytes(raw).decode()
    if type_ == "bytes":
        return base64.b64encode(_bytes(raw)).decode()
    if type_ == "bool":
        return bool(raw)
    if type_ == "double":
        return struct.unpack("<d", _bytes(raw))[0]
    if type_ == "int":
        number = raw if isinstance(raw, int) else int.from_bytes(raw, "little")
        return number - (1 << 64) if number >= 1 << 63 else number
    return _message(_bytes(raw), type_)


def _int(fields: dict[int, Wire], number: int) -> int:
    value = _value(fields.get(number, 0), "int")
    return int(value)


def _time(data: bytes) -> str | None:
    fields = dict(read_fields(data))
    return rfc3339(_int(fields, 1)) if fields else None


def _micro_time(data: bytes) -> str | None:
    fields = dict(read_fields(data))
    return rfc3339_micro(_int(fields, 1) + _int(fields, 2) / 1e9) if fields else None


def _quantity(data: bytes) -> str:
    return _bytes(dict(read_fields(data)).get(1, b"0")).decode()


def _int_or_string(data: bytes) -> int | str:
    fields = dict(read_fields(data))
    if _int(fields, 1) == 1:
        return _bytes(fields.get(3, b"")).decode()
    return _int(fields, 2)


def _raw_json(data: bytes) -> Any:
    raw = _bytes(dict(read_fields(data)).get(1, b""))
    return json.loads(raw) if raw else None


def _strings(data: bytes) -> list[str]:
    return [_bytes(value).decode() for _, value in read_fields(data)]


_SPECIAL = {
    _META + "Time": _time,
    _META + "MicroTime": _micro_time,
    _META + "FieldsV1": _raw_json,
    _META + "Verbs": _strings,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _raw_json,
}
