"""Three-way comparison: given what was (P), what we made of it (Q) and what is (L), take back ours and keep others'.

Pure, over plain JSON. For every place where P and Q differ: if L is Q there, it becomes P; if L is P, nothing is left to
do; else somebody changed it since, and it stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from stratus.cluster.tree import MISSING, Key, Path, keyed, same

WHOLE = frozenset({"strategy", "updateStrategy"})
"""Mappings in which one field decides which others may exist."""
WHOLE_ITEMS = frozenset({"volumes"})
"""Lists whose items are a name and exactly one of many sources."""
UNIONS = (
    frozenset({"value", "valueFrom"}),
    frozenset({"configMapKeyRef", "secretKeyRef", "fieldRef", "resourceFieldRef"}),
    frozenset({"exec", "httpGet", "tcpSocket", "grpc"}),
    frozenset({"service", "resource", "url"}),
    frozenset({"number", "name"}),
    frozenset({"minAvailable", "maxUnavailable"}),
)
"""Fields of which one excludes the others: sources of env values, handlers of probes, backends and their ports, budgets."""


Outcome = Literal["foreign", "restored", "settled", "disputed"]


@dataclass(frozen=True, slots=True)
class Disputed:
    """One place that we changed and somebody else changed after us."""

    path: Path
    pre: Any
    live: Any


@dataclass
class Merge:
    """The outcome, and what was found on the way."""

    result: Any = MISSING
    """L with our changes taken back."""
    restored: list[Disputed] = field(default_factory=list)
    """Places that still read Q and must become P."""
    settled: list[Path] = field(default_factory=list)
    """Places that we changed and that already read P."""
    disputed: list[Disputed] = field(default_factory=list)
    foreign: list[tuple[Path, Any, Any]] = field(default_factory=list)
    """(path, Q, L) of places that are not ours and changed since."""


def merge(pre: Any, post: Any, live: Any) -> Merge:
    """The three-way merge of whole values."""
    found = Merge()
    found.result = _value(found, (), pre, post, live)
    return found


def _value(found: Merge, path: Path, p: Any, q: Any, live: Any) -> Any:
    outcome = _outcome(p, q, live)
    if outcome != "disputed":
        _note(found, outcome, path, p, q, live)
        return p if outcome == "restored" else live
    if _mappings(path, p, q, live):
        return _kept(_mapping(found, path, *({} if v is MISSING else v for v in (p, q, live))), p, live)
    items = _items(path, p, q, live)
    if items is not None:
        return _kept(_list(found, path, *items), p, live)
    _note(found, outcome, path, p, q, live)
    return live


def _kept(merged: Any, p: Any, live: Any) -> Any:
    """An empty mapping or list stays only where P and L both have one."""
    return merged if merged or (p is not MISSING and live is not MISSING) else MISSING


def _outcome(p: Any, q: Any, live: Any) -> Outcome:
    if same(p, q):
        return "foreign"
    if same(live, q):
        return "restored"
    return "settled" if same(live, p) else "disputed"


def _note(found: Merge, outcome: Outcome, path: Path, p: Any, q: Any, live: Any) -> None:
    if outcome == "foreign" and not same(live, q):
        found.foreign.append((path, q, live))
    elif same(p, q):
        return
    elif outcome == "settled":
        found.settled.append(path)
    elif outcome != "foreign":
        (found.restored if outcome == "restored" else found.disputed).append(Disputed(path, p, live))


def _mappings(path: Path, *values: Any) -> bool:
    """Whether to go on field by field. A mapping that one side lacks is entered only when it holds plain scalars (labels,
    nodeSelector, limits): half of a probe would not be a probe.
    """
    present = [value for value in values if value is not MISSING]
    if not all(isinstance(value, dict) for value in present) or (path and path[-1] in WHOLE):
        return False
    if path and isinstance(path[-1], Key) and (len(present) < 3 or (len(path) > 1 and path[-2] in WHOLE_ITEMS)):
        return False
    return len(present) == 3 or not any(isinstance(leaf, dict | list) for value in present for leaf in value.values())


def _items(path: Path, *values: Any) -> list[dict[Key, Any]] | None:
    if not path or not all(isinstance(value, list) or value is MISSING for value in values):
        return None
    return keyed(str(path[-1]), *values)


def _mapping(found: Merge, path: Path, p: Any, q: Any, live: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    done: set[str] = set()
    for name in [*live, *(name for name in p if name not in live), *(name for name in q if name not in live | p)]:
        if name in done:
            continue
        group = next((union for union in UNIONS if name in union), None)
        if group is not None:
            done |= group
            result |= _union(found, path, group, p, q, live)
            continue
        value = _value(found, (*path, name), *(side.get(name, MISSING) for side in (p, q, live)))
        if value is not MISSING:
            result[name] = value
    return result


def _union(found: Merge, path: Path, group: Iterable[str], p: Any, q: Any, live: Any) -> dict[str, Any]:
    """All members together are one value, unless all three sides chose the same member."""
    names = [name for name in sorted(group) if name in p or name in q or name in live]
    if len(names) == 1 and all(names[0] in side for side in (p, q, live)):
        return {names[0]: _value(found, (*path, names[0]), p[names[0]], q[names[0]], live[names[0]])}
    sides = [{name: side[name] for name in names if name in side} for side in (p, q, live)]
    outcome = _outcome(*sides)
    for name in names:
        _note(found, outcome, (*path, name), *(side.get(name, MISSING) for side in sides))
    return sides[0] if outcome == "restored" else sides[2]


def _list(found: Merge, path: Path, p: dict[Key, Any], q: dict[Key, Any], live: dict[Key, Any]) -> list[Any]:
    """Item by item, then in order: P's where nobody else reordered, with others' items behind their neighbours."""
    result: dict[Key, Any] = {}
    for key in [*live, *(key for key in p if key not in live), *(key for key in q if key not in live | p)]:
        value = _value(found, (*path, key), *(side.get(key, MISSING) for side in (p, q, live)))
        if value is not MISSING:
            result[key] = value
    reordered = [key for key in live if key in q] != [key for key in q if key in live]
    main, other = (live, p) if reordered else (p, live)
    return [result[key] for key in woven([k for k in main if k in result], [k for k in other if k in result])]


def woven(main: list[Key], other: list[Key]) -> list[Key]:
    """``main`` with what only ``other`` has put behind its neighbour there."""
    order = list(main)
    for position, key in enumerate(other):
        if key not in main:
            before = next((k for k in reversed(other[:position]) if k in order), None)
            order.insert(order.index(before) + 1 if before is not None else 0, key)
    return order
