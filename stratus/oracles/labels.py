"""Label selectors, as the API server evaluates them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) matches. None matches nothing, an empty one everything."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    return equals(wanted, labels) and all(_holds(e, labels) for e in selector.get("matchExpressions") or ())


def equals(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` carries every pair of ``wanted``, as a Service's selector asks."""
    return all(labels.get(key) == value for key, value in wanted.items())


class LabelIndex(Generic[T]):
    """Items by their labels, so that matching every Service with every pod costs what matches, not their product."""

    def __init__(self, items: Iterable[tuple[str, Mapping[str, str], T]]) -> None:
        """``items``: (namespace, labels, item)."""
        self._by_pair: dict[tuple[str, str, str], list[tuple[Mapping[str, str], T]]] = defaultdict(list)
        for namespace, labels, item in items:
            for key, value in labels.items():
                self._by_pair[namespace, key, value].append((labels, item))

    def carrying(self, namespace: str, wanted: Mapping[str, str]) -> tuple[T, ...]:
        """The items that carry every pair of ``wanted``; none when nothing is wanted, as for a Service without selector."""
        if not wanted:
            return ()
        fewest = min((self._by_pair.get((namespace, *pair), []) for pair in wanted.items()), key=len)
        return tuple(item for labels, item in fewest if equals(wanted, labels))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
