"""Manifests as text: YAML and JSON as kubectl reads them, documents and Lists taken apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput


class _Loader(yaml.SafeLoader):
    """YAML without what Go's reader lacks: timestamps, base 60 and "=" are plain strings, a repeated key is an error; and
    with what it has: a bare y or n is a truth value.
    """

    bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}


_NUMBERS = {
    "tag:yaml.org,2002:int": (r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$", "-+0123456789"),
    "tag:yaml.org,2002:float": (
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.(?:inf|Inf|INF)$|^\.(?:nan|NaN|NAN)$",
        "-+.0123456789",
    ),
}
_DROPPED = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value", *_NUMBERS}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, (_pattern, _first) in _NUMBERS.items():
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))

_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    own: set[str] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = _key(loader.construct_object(key_node, deep=True))
        if key in own:
            raise InvalidInput(f'line {key_node.start_mark.line + 1}: key "{key}" is given twice')
        own.add(key)
    loader.flatten_mapping(node)  # what "<<" merges comes first, so that the mapping's own keys win
    pairs = [(loader.construct_object(key), loader.construct_object(value, deep=True)) for key, value in node.value]
    return {_key(key): value for key, value in pairs}


def _key(key: Any) -> str:
    """JSON knows only string keys: a label named 1 or true is the string."""
    return str(key).lower() if isinstance(key, bool) else str(key)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse_value(text: str, what: str) -> Any:
    """One YAML or JSON value. Raises InvalidInput."""
    try:
        return yaml.load(text, _Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise InvalidInput(f"{what} is neither JSON nor YAML: {_first_line(error)}") from error


def parse_documents(text: str, what: str) -> Iterator[JsonObject]:
    """Every object in ``text``, Lists flattened. Raises InvalidInput for what is no object."""
    for document in _values(text, what):
        if document is None:
            continue
        if not isinstance(document, dict):
            raise InvalidInput(f"{what}: a manifest is a mapping, this is {type(document).__name__}")
        yield from _flattened(document, what)


def _values(text: str, what: str) -> Iterator[Any]:
    if text.lstrip().startswith("{"):
        try:
            yield from _json_values(text)
            return
        except json.JSONDecodeError:
            pass  # a YAML flow mapping also starts with a brace
    try:
        yield from list(yaml.load_all(text, _Loader))
    except yaml.YAMLError as error:
        raise InvalidInput(f"{what} is neither JSON nor YAML: {_first_line(error)}") from error


def _json_values(text: str) -> list[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    values = []
    text = text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:].strip()
    return values


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput(f'key "{key}" is given twice')
        found[key] = value
    return found


def _flattened(document: JsonObject, what: str) -> Iterator[JsonObject]:
    kind = document.get("kind")
    if not kind or not document.get("apiVersion"):
        raise InvalidInput(f"{what}: a manifest needs apiVersion and kind")
    if str(kind).endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _flattened(item, what)
        return
    if not isinstance(document.get("metadata"), dict):
        raise InvalidInput(f"{what}: {kind} has no metadata")
    yield document


def _first_line(error: yaml.YAMLError) -> str:
    return " ".join(str(error).split())[:200]
