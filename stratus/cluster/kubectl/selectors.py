"""Label selectors applied to manifests, which no server can filter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stratus.domain.errors import InvalidInput

_SET_BASED = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s!=]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[^\s!=]*)$")
_PARTS = re.compile(r",(?![^(]*\))")


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether ``labels`` satisfy every requirement of ``selector``. Raises InvalidInput for a malformed one."""
    return all(_holds(part.strip(), labels) for part in _PARTS.split(selector) if part.strip())


def equalities(selector: str) -> dict[str, str]:
    """A selector of plain ``key=value`` requirements as a map. Raises InvalidInput for anything else."""
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in selector.split(","))):
        match = _EQUALITY.match(part)
        if match is None or match["operator"] == "!=":
            raise InvalidInput(f'"{part}" is not key=value')
        found[match["key"]] = match["value"]
    return found


def _holds(part: str, labels: Mapping[str, str]) -> bool:
    if match := _SET_BASED.match(part):
        inside = labels.get(match["key"]) in [value.strip() for value in match["values"].split(",")]
        return inside if match["operator"] == "in" else not inside
    if match := _EQUALITY.match(part):
        equal = labels.get(match["key"]) == match["value"]
        return not equal if match["operator"] == "!=" else equal
    if re.fullmatch(r"!?[^\s!=(),]+", part):
        return part[1:] not in labels if part.startswith("!") else part in labels
    raise InvalidInput(f'"{part}" is not a label selector: use key=value, key!=value, key in (a,b), key or !key')


def label_selector(selector: str) -> dict[str, Any]:
    """A selector as the ``LabelSelector`` of an object. Raises InvalidInput for what that type cannot say."""
    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for part in filter(None, (part.strip() for part in _PARTS.split(selector))):
        if match := _SET_BASED.match(part):
            operator = "In" if match["operator"] == "in" else "NotIn"
            values = sorted(value.strip() for value in match["values"].split(","))
            expressions.append({"key": match["key"], "operator": operator, "values": values})
        elif (match := _EQUALITY.match(part)) and match["operator"] == "!=":
            expressions.append({"key": match["key"], "operator": "NotIn", "values": [match["value"]]})
        elif match:
            labels[match["key"]] = match["value"]
        elif re.fullmatch(r"!?[^\s!=(),]+", part):
            operator = "DoesNotExist" if part.startswith("!") else "Exists"
            expressions.append({"key": part.removeprefix("!"), "operator": operator})
        else:
            raise InvalidInput(f'"{part}" is not a label selector')
    return {**({"matchLabels": labels} if labels else {}), **({"matchExpressions": expressions} if expressions else {})}
