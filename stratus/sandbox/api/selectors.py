"""Label and field selectors, in the query-string form and in the object form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stratus.sandbox.api.errors import bad_request
from stratus.sandbox.schema.kinds import Kind

Labels = Mapping[str, str]
Predicate = Callable[[Labels], bool]

_SET = re.compile(r"^\s*([\w./-]+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([\w./-]+)\s*(==|=|!=)\s*([\w./-]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([\w./-]+)\s*$")
_COMPARE = re.compile(r"^\s*([\w./-]+)\s*([<>])\s*(-?\d+)\s*$")
_LABEL = re.compile(r"^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _requirement(text: str) -> Predicate:
    if match := _SET.match(text):
        key, values = match[1], {each.strip() for each in match[3].split(",")}
        if match[2] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(text):
        key, operator, value = match[1], match[2], match[3]
        if not _LABEL.match(value):
            raise ValueError(f"invalid label value: {value!r}")
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _COMPARE.match(text):
        key, operator, bound = match[1], match[2], int(match[3])
        return lambda labels: _compare(labels.get(key), operator, bound)
    if match := _EXISTS.match(text):
        negated, key = bool(match[1]), match[2]
        return lambda labels: (key in labels) != negated
    raise ValueError(f"unable to parse requirement: {text!r}")


def _compare(value: str | None, operator: str, bound: int) -> bool:
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > bound if operator == ">" else int(value) < bound


@lru_cache(maxsize=512)
def parse_labels(text: str) -> Predicate:
    """A `labelSelector` query parameter as a predicate over labels; raises ApiError 400."""
    if not text.strip():
        return lambda _labels: True
    try:
        predicates = [_requirement(each) for each in _split(text)]
    except ValueError as error:
        raise bad_request(f"unable to parse requirement: {error}") from None
    if len(predicates) == 1:
        return predicates[0]
    return lambda labels: all(each(labels) for each in predicates)


def matches(selector: Mapping[str, Any] | None, labels: Labels | None) -> bool:
    """Whether a LabelSelector object selects `labels`; no selector selects nothing, an empty one everything."""
    if selector is None:
        return False
    labels = labels or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions") or ())


def _expression(expression: Mapping[str, Any], labels: Labels) -> bool:
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


def matches_map(selector: Mapping[str, str] | None, labels: Labels | None) -> bool:
    """Whether a plain label map (a Service's selector) selects `labels`; an empty map selects nothing."""
    if not selector:
        return False
    labels = labels or {}
    return all(labels.get(key) == value for key, value in selector.items())


def to_text(selector: Mapping[str, Any] | None) -> str:
    """A LabelSelector object in query-string form."""
    if selector is None:
        return ""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for each in selector.get("matchExpressions") or ():
        key, values = each["key"], ",".join(sorted(each.get("values") or ()))
        form = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(form.get(each["operator"], f"!{key}"))
    return ",".join(parts)


_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
    "services": ("spec.clusterIP", "spec.type"),
}  # fmt: skip
_FIELD_ALIASES = {"source": "source.component", "status.successful": "status.succeeded"}


def _read(obj: Mapping[str, Any], path: str) -> str:
    value: Any = obj
    for part in _FIELD_ALIASES.get(path, path).split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}.get(path, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def parse_fields(text: str, kind: Kind) -> Callable[[Mapping[str, Any]], bool] | None:
    """A `fieldSelector` query parameter as a predicate over objects, None if it selects all; raises ApiError 400."""
    if not text.strip():
        return None
    terms: list[tuple[str, bool, str]] = []
    for part in filter(None, text.split(",")):  # an empty term says nothing, also on a real server
        match = re.match(r"^\s*([\w.\[\]'/-]+)\s*(==|=|!=)(.*)$", part)
        if match is None:
            raise bad_request(f"invalid field selector: {text!r}; can't understand {part!r}")
        path, operator, value = match[1], match[2], match[3].strip()
        _check_field(path, kind)
        terms.append((path, operator == "!=", value))
    return lambda obj: all((_read(obj, path) != value) == negated for path, negated, value in terms)


def _check_field(path: str, kind: Kind) -> None:
    if path == "metadata.name" or (path == "metadata.namespace" and kind.namespaced):
        return
    if path in _FIELDS.get(kind.store, ()):
        return
    if kind.store in _FIELDS:
        raise bad_request(f"field label not supported: {path}")
    raise bad_request(f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')
