"""Conversion between the stored version of a kind and the other versions in which it is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]


def to_view(view: Kind, obj: Object) -> Object:
    """A stored object in the version of `view`."""
    convert = _TO_VIEW.get(view.api_version) if view.converted else None
    shown = convert(obj) if convert else obj
    if shown.get("apiVersion") == view.api_version:
        return shown
    return {**shown, "apiVersion": view.api_version, "kind": view.kind}


def to_stored(view: Kind, obj: Object) -> Object:
    """An object in the version of `view` in its stored version."""
    if not isinstance(obj, dict) or view.api_version == view.stored_as:
        return obj
    convert = _TO_STORED.get(view.api_version)
    stored = convert(obj) if convert else obj
    return {**stored, "apiVersion": view.stored_as, "kind": view.kind} if "apiVersion" in stored else stored


def _autoscaler_v1(obj: Object) -> Object:
    """autoscaling/v2 → v1: one CPU target; other metrics are not shown in v1."""
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in ("metrics", "behavior")}
    for metric in (obj.get("spec") or {}).get("metrics") or ():
        target = _cpu_utilization(metric, "target", "averageUtilization")
        if target is not None:
            spec["targetCPUUtilizationPercentage"] = target
    status = dict(obj.get("status") or {})
    for metric in status.pop("currentMetrics", None) or ():
        current = _cpu_utilization(metric, "current", "averageUtilization")
        if current is not None:
            status["currentCPUUtilizationPercentage"] = current
    status.pop("conditions", None)
    return {**obj, "spec": spec, "status": status}


def _cpu_utilization(metric: Object, part: str, field: str) -> int | None:
    resource = metric.get("resource") or {}
    found: int | None = (resource.get(part) or {}).get(field) if resource.get("name") == "cpu" else None
    return found


def _autoscaler_v2(obj: Object) -> Object:
    spec = dict(obj.get("spec") or {})
    target = spec.pop("targetCPUUtilizationPercentage", None)
    if target is not None:
        wanted = {"type": "Utilization", "averageUtilization": target}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": wanted}}]
    status = dict(obj.get("status") or {})
    current = status.pop("currentCPUUtilizationPercentage", None)
    if current is not None:
        shown = {"averageUtilization": current, "averageValue": "0"}
        status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": shown}}]
    return {**obj, "spec": spec, "status": status} if status else {**obj, "spec": spec}


_EVENT_FIELDS = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_EVENT_BACK = {new: old for old, new in _EVENT_FIELDS.items()}


def _renamed(obj: Object, names: dict[str, str]) -> Object:
    return {names.get(key, key): value for key, value in obj.items()}


_TO_VIEW: dict[str, Callable[[Object], Object]] = {
    "autoscaling/v1": _autoscaler_v1,
    "events.k8s.io/v1": lambda obj: _renamed(obj, _EVENT_FIELDS),
}
_TO_STORED: dict[str, Callable[[Object], Object]] = {
    "autoscaling/v1": _autoscaler_v2,
    "events.k8s.io/v1": lambda obj: _renamed(obj, _EVENT_BACK),
}
