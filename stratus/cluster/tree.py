"""How a place inside a Kubernetes object is named: field names, and list items by their merge keys where those are unique.

A list whose items have no unique key (duplicate env names exist, and one containerPort with two protocols) is one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Key:
    """One item of a keyed list: ``[name=geo]``, ``[containerPort=80,protocol=TCP]``; a set's item has the field ""."""

    fields: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return "[" + ",".join(f"{name}={value}" if name else f"{value}" for name, value in self.fields) + "]"


Path = tuple[str | Key, ...]


class Missing:
    """The value of a field that is not there (null is a value)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()

MERGE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "ports": (("containerPort", "protocol"), ("port", "protocol"), ("port",)),
    "volumeMounts": (("mountPath",),),
    "volumeDevices": (("devicePath",),),
    "taints": (("key", "effect"),),
    "ownerReferences": (("uid",),),
    "conditions": (("type",),),
    "hostAliases": (("ip",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
}
"""Keys of built-in lists, the first that identifies every item wins; every other list is tried with ``name``."""
SETS = frozenset({"finalizers"})
"""Lists of scalars whose order means nothing."""


def same(a: Any, b: Any) -> bool:
    """Equal as JSON: true is not 1, but 1 is 1.0."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b) if a is not MISSING and b is not MISSING else a is b


def dotted(path: Path) -> str:
    """As people write it: ``spec.containers[name=geo].image``, ``metadata.labels["example.com/a"]``."""
    text = ""
    for segment in path:
        if isinstance(segment, Key):
            text += str(segment)
        elif any(sign in segment for sign in "./[]"):
            text += f'["{segment}"]'
        else:
            text += f".{segment}" if text else segment
    return text


def keyed(field: str, *lists: Any) -> list[dict[Key, Any]] | None:
    """Each list as a mapping by merge key, in order; None unless one key identifies every item of all of them."""
    sequences: list[Sequence[Any]] = [[] if items is MISSING else items for items in lists]
    if not all(isinstance(items, list) for items in sequences):
        return None
    if field in SETS:
        return _by(("",), sequences)
    for names in MERGE_KEYS.get(field, (("name",),)):
        found = _by(names, sequences)
        if found is not None:
            return found
    return None


def _by(names: tuple[str, ...], lists: Sequence[Sequence[Any]]) -> list[dict[Key, Any]] | None:
    result = []
    for items in lists:
        mapping: dict[Key, Any] = {}
        for item in items:
            key = _key(names, item)
            if key is None or key in mapping:
                return None
            mapping[key] = item
        result.append(mapping)
    return result


def _key(names: tuple[str, ...], item: Any) -> Key | None:
    if names == ("",):
        return Key((("", item),)) if isinstance(item, str) else None
    if not isinstance(item, dict) or not all(isinstance(item.get(name), str | int) for name in names):
        return None
    return Key(tuple((name, item[name]) for name in names))


def differences(path: Path, before: Any, after: Any) -> Iterator[tuple[Path, Any, Any]]:
    """The leaves at which two values differ, in a stable order; MISSING where there is none."""
    if same(before, after):
        return
    if path and isinstance(path[-1], Key) and (before is MISSING or after is MISSING):
        before, after = _beyond_key(path[-1], before), _beyond_key(path[-1], after)
    present = [value for value in (before, after) if value is not MISSING]
    if any(present) and all(isinstance(value, dict) for value in present):
        left, right = (value if value is not MISSING else {} for value in (before, after))
        for name in sorted(left.keys() | right.keys()):
            yield from differences((*path, name), left.get(name, MISSING), right.get(name, MISSING))
        return
    items = keyed(str(path[-1]) if path else "", before, after) if any(present) else None
    if items is None or _only_order_differs(*items):
        yield path, before, after
        return
    old, new = items
    for key in [*old, *(key for key in new if key not in old)]:
        yield from differences((*path, key), old.get(key, MISSING), new.get(key, MISSING))


def _beyond_key(key: Key, item: Any) -> Any:
    """An added or removed item without the fields that its path names already, if it has others."""
    if not isinstance(item, dict):
        return item
    named = dict(key.fields)
    return {name: value for name, value in item.items() if name not in named} or item


def _only_order_differs(old: dict[Key, Any], new: dict[Key, Any]) -> bool:
    return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
