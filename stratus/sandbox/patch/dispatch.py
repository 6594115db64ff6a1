"""Which patch format does what, and the errors of each as the API server gives them."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch

from stratus.sandbox.api import errors
from stratus.sandbox.api.options import PatchKind
from stratus.sandbox.patch.merge import merge
from stratus.sandbox.patch.strategic import PatchError, strategic_merge
from stratus.sandbox.schema.definitions import Node
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]

_MAX_OPERATIONS = 10_000


def apply_patch(node: Node | None, obj: Object, patch: Any, how: PatchKind, kind: Kind | None = None) -> Object:
    """`obj` with the patch applied (not changed itself); raises ApiError. `node` is needed for strategic merge."""
    if how is PatchKind.JSON:
        return _json_patch(obj, patch)
    if not isinstance(patch, dict):
        text = "json: cannot unmarshal array into Go value of type map[string]interface {}"
        raise errors.invalid_patch(patch, text) if how is PatchKind.MERGE else errors.bad_request(text)
    if how is PatchKind.MERGE:
        merged: Object = merge(obj, patch)
        return merged
    if node is None and kind is not None:
        raise errors.ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    try:
        return merge(obj, patch) if node is None else strategic_merge(obj, patch, node)
    except PatchError as error:
        raise errors.bad_request(str(error)) from None


def _json_patch(obj: Object, patch: Any) -> Object:
    if not isinstance(patch, list):
        raise errors.bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(patch) > _MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {_MAX_OPERATIONS}, got {len(patch)}"
        raise errors.ApiError(413, "RequestEntityTooLarge", text)
    changed: Object = copy.deepcopy(obj)
    try:
        for step in patch:
            changed = jsonpatch.JsonPatch([_adding(step, changed)]).apply(changed)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError, KeyError, AttributeError):
        text = "the server rejected our request due to an error in our request"
        raise errors.ApiError(422, "Invalid", text, {}) from None
    return changed


def _adding(step: Object, obj: Object) -> Object:
    """The API server's library lets `replace` add a member that is absent from an object that is there."""
    if step.get("op") != "replace":
        return step
    parts = jsonpatch.JsonPointer(step["path"]).parts
    parent = jsonpatch.JsonPointer.from_parts(parts[:-1]).resolve(obj, None)
    missing = isinstance(parent, dict) and bool(parts) and parts[-1] not in parent
    return {**step, "op": "add"} if missing else step


def is_empty_apply(patch: Any, kind: Kind, name: str, namespace: str) -> Object:
    """The applied configuration, with the name and namespace of the URL; raises ApiError 400 if it is no such object."""
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding YAML: the applied configuration is no object")
    for field in ("apiVersion", "kind"):
        if not patch.get(field):
            raise errors.bad_request(f"error decoding patch: Object '{field.capitalize()}' is missing in the patch")
    metadata = dict(patch.get("metadata") or {})
    if metadata.get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    metadata.setdefault("name", name)
    if kind.namespaced:
        metadata.setdefault("namespace", namespace)
    return {**patch, "metadata": metadata}
