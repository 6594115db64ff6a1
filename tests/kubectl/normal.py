"""Comparing what two requests left behind."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch

_SERVER_OWNED = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "selfLink")


def normalised(obj: Any) -> Any:
    """Without what differs between any two requests: identity, status and who asked."""
    obj = copy.deepcopy(obj)
    obj.pop("status", None)
    for name in _SERVER_OWNED:
        obj["metadata"].pop(name, None)
    annotations = obj["metadata"].get("annotations") or {}
    annotations.pop("deployment.kubernetes.io/revision", None)  # the controller counts
    if not annotations:
        obj["metadata"].pop("annotations", None)
    if obj["kind"] == "Service":
        for name in ("clusterIP", "clusterIPs"):  # a dry run allocates one and lets it go
            obj["spec"].pop(name, None)
        for port in obj["spec"].get("ports", ()):
            port.pop("nodePort", None)
    if obj["kind"] == "Job":  # named after the Job's uid
        obj["spec"].pop("selector", None)
        for meta in (obj["metadata"], obj["spec"]["template"]["metadata"]):
            for label in ("controller-uid", "job-name"):
                (meta.get("labels") or {}).pop(label, None)
    return obj


def differences(actual: list[Any], expected: list[Any]) -> list[str]:
    """Where two lists of objects differ, a JSON pointer each."""
    before, after = (sorted((normalised(obj) for obj in side), key=_place) for side in (expected, actual))
    operations = jsonpatch.make_patch(before, after)
    return [f"{one['op']} {one['path']} {one.get('value')!r}" for one in operations]


def _place(obj: Any) -> tuple[str, str, str]:
    return obj["apiVersion"], obj["kind"], obj["metadata"]["name"]
