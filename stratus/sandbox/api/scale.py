"""The scale subresource: one number and a selector, the same for every kind that has replicas."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors, selectors
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]


def view(kind: Kind, obj: Object) -> Object:
    """The object as an autoscaling/v1 Scale."""
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    selector = spec.get("selector")
    text = selectors.to_text(selector if "matchLabels" in (selector or {}) or "matchExpressions" in (selector or {})
                             else {"matchLabels": selector or {}})  # fmt: skip
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    shown: Object = {"replicas": status.get("replicas", 0)}
    if text:
        shown["selector"] = text
    replicas = spec.get("replicas", 0)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": shown,
    }


def with_replicas(kind: Kind, obj: Object, scale: Object) -> Object:
    """`obj` (changed in place) with the replicas, and the preconditions, of a Scale."""
    name = obj["metadata"]["name"]
    given = scale.get("metadata") or {}
    if given.get("name") not in (None, "", name):
        raise errors.bad_request(
            f"the name of the object ({given['name']}) does not match the name on the URL ({name})"
        )
    if given.get("uid") not in (None, "", obj["metadata"]["uid"]):
        raise errors.conflict(kind, name, errors.MODIFIED)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if isinstance(replicas, bool) or not isinstance(replicas, int):
        raise errors.bad_request(
            "json: cannot unmarshal value into Go struct field ScaleSpec.spec.replicas of type int32"
        )
    if replicas < 0:
        problem = errors.invalid_value("spec.replicas", replicas, "must be greater than or equal to 0")
        raise errors.invalid(kind, name, [problem])
    obj["spec"]["replicas"] = replicas
    if given.get("resourceVersion"):
        obj["metadata"]["resourceVersion"] = given["resourceVersion"]
    return obj
