"""Checks that several kinds share."""

from __future__ import annotations

import re
from typing import Any

from stratus.sandbox.api import errors, metadata, selectors
from stratus.sandbox.api.errors import FieldError

Object = dict[str, Any]

_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
NOT_NEGATIVE = "must be greater than or equal to 0"


def not_negative(obj: Object, field: str, path: str) -> list[FieldError]:
    value = obj.get(field)
    if isinstance(value, int) and value < 0:
        return [errors.invalid_value(f"{path}.{field}", value, NOT_NEGATIVE)]
    return []


def one_of(obj: Object, field: str, path: str, supported: tuple[str, ...]) -> list[FieldError]:
    value = obj.get(field)
    if value is not None and value not in supported:
        return [errors.not_supported(f"{path}.{field}", value, supported)]
    return []


def port(value: Any, path: str) -> list[FieldError]:
    if isinstance(value, int) and not 1 <= value <= 65535:
        return [errors.invalid_value(path, value, "must be between 1 and 65535, inclusive")]
    return []


def port_name(name: str, path: str) -> list[FieldError]:
    """The name of a port: at most 15 letters, digits and single hyphens, with a letter among them."""
    problems = {
        "must be no more than 15 characters": len(name) > 15,
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)": not re.fullmatch("[-a-z0-9]+", name),
        "must contain at least one letter or number (a-z, 0-9)": not re.search("[a-z]", name),
        "must not contain consecutive hyphens": "--" in name,
        "must not begin or end with a hyphen": name != name.strip("-"),
    }
    return [errors.invalid_value(path, name, detail) for detail, wrong in problems.items() if wrong]


def port_number_or_name(value: Any, path: str) -> list[FieldError]:
    """A number, or the name of a port; absent is 0."""
    return port_name(value, path) if isinstance(value, str) else port(value or 0, path)


def int_or_percent(value: Any, path: str) -> list[FieldError]:
    """An amount of pods: a number that is not negative, or a percentage."""
    if isinstance(value, int):
        return [errors.invalid_value(path, value, NOT_NEGATIVE)] if value < 0 else []
    if isinstance(value, str) and not (value.endswith("%") and value[:-1].isdigit()):
        return [errors.invalid_value(path, value, _PERCENT)]
    return []


def label_selector(selector: Object | None, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    if not selector:
        return found
    found += metadata.check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, each in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        operator, values = each.get("operator", ""), each.get("values") or []
        if operator in ("In", "NotIn") and not values:
            found.append(errors.required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in ("Exists", "DoesNotExist") and values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(errors.forbidden_field(f"{where}.values", detail))
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            found.append(errors.invalid_value(f"{where}.operator", operator, "not a valid selector operator"))
        found += metadata.check_qualified(each.get("key", ""), f"{where}.key")
    return found


def selects_own_pods(spec: Object) -> list[FieldError]:
    """A workload's selector has to select its own template, or it would create pods for ever."""
    selector = spec.get("selector")
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    mismatch = errors.invalid_value(
        "spec.template.metadata.labels", labels, "`selector` does not match template `labels`"
    )
    if selector is None:
        return [errors.required("spec.selector"), mismatch]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        return [errors.invalid_value("spec.selector", selector, "empty selector is invalid for deployment")]
    problems = label_selector(selector, "spec.selector")
    if problems:
        return problems
    return [] if selectors.matches(selector, labels) else [mismatch]
