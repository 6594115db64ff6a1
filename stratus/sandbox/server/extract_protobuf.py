"""Make protobuf.json.gz, the field numbers of Kubernetes' messages, from a kubectl binary.

    python -m stratus.sandbox.server.extract_protobuf $(which kubectl)

A Go program that speaks protobuf carries the gzipped descriptors of its messages. Field numbers never change, so one
kubectl serves all versions; see NOTICE.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stratus.sandbox.server.protobuf import Wire, read_fields

TARGET = Path(__file__).with_name("protobuf.json.gz")
_GZIP = re.compile(rb"\x1f\x8b\x08\x00\x00\x00\x00\x00[\x00\x02\x04]\xff")
_PREFIX = "k8s.io."
_LABEL_REPEATED = 3
_SCALARS = {1: "double", 2: "double", 3: "int", 4: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes", 13: "int"}
_MESSAGE = 11


def descriptors(binary: bytes) -> Iterator[bytes]:
    """Every gzipped member of the binary that unpacks."""
    for match in _GZIP.finditer(binary):
        try:
            yield zlib.decompressobj(31).decompress(binary[match.start() :], 1 << 22)
        except zlib.error:
            continue


def _one(fields: list[tuple[int, Wire]], number: int) -> Wire:
    return next((value for found, value in fields if found == number), b"")


def _text(fields: list[tuple[int, Wire]], number: int) -> str:
    value = _one(fields, number)
    return value.decode() if isinstance(value, bytes) else ""


def messages(descriptor: bytes) -> dict[str, Any]:
    """The messages of one FileDescriptorProto by full name: field number to [JSON name, type, repeated]."""
    found: dict[str, Any] = {}
    fields = list(read_fields(descriptor))
    package = _text(fields, 2)
    for number, value in fields:
        if number == 4 and isinstance(value, bytes):
            _message(package, value, found)
    return found


def _message(prefix: str, raw: bytes, found: dict[str, Any]) -> None:
    fields = list(read_fields(raw))
    name = f"{prefix}.{_text(fields, 1)}"
    shape: dict[str, Any] = {}
    for number, value in fields:
        if number == 2 and isinstance(value, bytes):
            field = list(read_fields(value))
            repeated = _one(field, 4) == _LABEL_REPEATED
            kind = _one(field, 5)
            type_ = _text(field, 6).lstrip(".") if kind == _MESSAGE else _SCALARS.get(kind, "int")  # type: ignore[arg-type]
            shape[str(_one(field, 3))] = [_text(field, 1), type_, repeated]
        elif number == 3 and isinstance(value, bytes):
            _message(name, value, found)
    found[name] = shape


def main(kubectl: Path) -> None:
    """Write the table, reproducibly."""
    table: dict[str, Any] = {}
    for descriptor in descriptors(kubectl.read_bytes()):
        try:
            table.update((name, shape) for name, shape in messages(descriptor).items() if name.startswith(_PREFIX))
        except (ValueError, IndexError, UnicodeDecodeError):
            continue
    kept = {name: shape for name, shape in table.items() if not re.search(r"\.v\d+(alpha|beta)\d+\.", name)}
    text = json.dumps(dict(sorted(kept.items())), separators=(",", ":"))
    TARGET.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{len(kept)} messages, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
