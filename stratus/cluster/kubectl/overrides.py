"""--overrides: an inline patch of an object before it is created."""

from __future__ import annotations

from typing import Any

import jsonpatch

from stratus.cluster.kubectl.documents import parse_value
from stratus.cluster.kubectl.invocation import Invocation
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput


def overridden(inv: Invocation, manifest: JsonObject) -> JsonObject:
    """``manifest`` with --overrides applied. Raises InvalidInput."""
    if not inv.flags.text("overrides"):
        return manifest
    kind = inv.flags.text("override-type", "merge")
    body = parse_value(inv.flags.text("overrides"), "--overrides")
    if kind == "merge" and isinstance(body, dict):
        return _same_object(manifest, merged(manifest, body))
    if kind == "json" and isinstance(body, list):
        try:
            return _same_object(manifest, jsonpatch.apply_patch(manifest, body))
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
            raise InvalidInput(f"--overrides cannot be applied: {error}") from error
    if kind == "strategic":
        raise InvalidInput("--override-type=strategic is not taken; use merge or json")
    raise InvalidInput("--overrides is a mapping for --override-type=merge, a list of operations for json")


def merged(value: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(value) if isinstance(value, dict) else {}
    for key, part in patch.items():
        if part is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), part)
    return result


def _same_object(before: JsonObject, after: JsonObject) -> JsonObject:
    keys = ("name", "namespace")
    if after.get("kind") != before["kind"] or any(after["metadata"].get(k) != before["metadata"].get(k) for k in keys):
        raise InvalidInput("--overrides may not change kind, name or namespace")
    return after
