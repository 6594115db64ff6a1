"""Addresses of fields inside raw objects. A list's element is addressed by its merge key where it has a unique one, so
that an address found in one version of an object still holds in another."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MERGE_KEYS: Final = ("name", "containerPort", "mountPath", "port", "key", "ip", "topologyKey", "path")
"""Fields by which Kubernetes lists are merged, in the order in which they are tried."""


class Missing:
    """The value of a field that is not there; None is a value."""

    def __repr__(self) -> str:
        return "absent"

    def __bool__(self) -> bool:
        return False

    def __deepcopy__(self, memo: object) -> Missing:
        return self  # there is one, and it is compared by identity


MISSING: Final = Missing()


@dataclass(frozen=True)
class At:
    """The element of a list whose ``field`` equals ``value``."""

    field: str
    value: Any

    def __str__(self) -> str:
        return f"[{self.field}={self.value}]"


Part = str | int | At
Path = tuple[Part, ...]


def show(path: Path) -> str:
    """``spec.template.spec.containers[name=geo].image``."""
    text = ""
    for part in path:
        if isinstance(part, At):
            text += str(part)
        elif isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def merge_key(*lists: Sequence[Any]) -> str:
    """The field that identifies the elements of all these lists; "" when there is none that is unique in each."""
    elements = [item for items in lists for item in items]
    if not elements or not all(isinstance(item, dict) for item in elements):
        return ""
    for field in MERGE_KEYS:
        if all(_unique(field, items) for items in lists):
            return field
    return ""


def _unique(field: str, items: Sequence[Any]) -> bool:
    values = [json.dumps(item.get(field)) for item in items]
    return all(field in item for item in items) and len(set(values)) == len(values)


def read(obj: Any, path: Path) -> Any:
    """The value at ``path``, or MISSING."""
    for part in path:
        obj = _step(obj, part)
        if obj is MISSING:
            return MISSING
    return obj


def _step(obj: Any, part: Part) -> Any:
    if isinstance(part, At):
        index = _index(obj, part)
        return MISSING if index is None else obj[index]
    if isinstance(part, int):
        return obj[part] if isinstance(obj, list) and part < len(obj) else MISSING
    return obj.get(part, MISSING) if isinstance(obj, Mapping) else MISSING


def _index(obj: Any, part: At) -> int | None:
    if not isinstance(obj, list):
        return None
    found = [i for i, item in enumerate(obj) if isinstance(item, dict) and item.get(part.field) == part.value]
    return found[0] if found else None


def write(obj: Any, path: Path, value: Any) -> None:
    """Set the value at ``path`` in place, making what is missing on the way; MISSING removes it.

    A keyed element that is not there is appended. Empty containers left by a removal go too, as the server drops them.
    """
    if value is MISSING:
        _remove(obj, path)
        return
    for part, following in itertools.pairwise(path):
        child = _step(obj, part)
        if child is MISSING or child is None:
            child = [] if isinstance(following, At | int) else {}
            _place(obj, part, child)
        obj = child
    _place(obj, path[-1], value)


def _place(obj: Any, part: Part, value: Any) -> None:
    if isinstance(part, At):
        index = _index(obj, part)
        if index is None:
            obj.append(value if isinstance(value, dict) and value else {part.field: part.value})
        else:
            obj[index] = value
    elif isinstance(part, int):
        obj[part : part + 1] = [value]
    else:
        obj[part] = value


def _remove(obj: Any, path: Path) -> None:
    holder = read(obj, path[:-1])
    if holder is MISSING or _step(holder, path[-1]) is MISSING:
        return
    last = path[-1]
    if isinstance(last, At):
        del holder[_index(holder, last)]
    else:
        del holder[last]
    if not holder and len(path) > 1 and path[-2] not in ("spec", "metadata", "data", "podSelector"):
        _remove(obj, path[:-1])


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: unlike in Python, false is not 0."""
    if one is MISSING or other is MISSING or one != other:
        return one is other
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def leaves(before: Any, after: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Every place where two values differ, as deep as their shapes agree: (path, before, after)."""
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _union(path):
        for name in [*before, *(key for key in after if key not in before)]:
            yield from leaves(before.get(name, MISSING), after.get(name, MISSING), (*path, name))
    elif isinstance(before, list) and isinstance(after, list) and (field := merge_key(before, after)):
        for value in _keys(field, before, after):
            at = At(field, value)
            yield from leaves(_step(before, at), _step(after, at), (*path, at))
    else:
        yield path, before, after


def _keys(field: str, before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    values = [item[field] for item in before]
    return values + [item[field] for item in after if item[field] not in values]


def _union(path: Path) -> bool:
    """Whether ``path`` is one value of several exclusive forms, compared whole: an environment variable, a volume."""
    return len(path) >= 2 and isinstance(path[-1], At) and path[-2] in ("env", "volumes")
