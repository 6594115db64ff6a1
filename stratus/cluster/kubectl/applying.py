"""apply: kubectl's three-way merge against its last-applied annotation, or server-side apply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stratus.cluster.kubectl.discovery import is_builtin
from stratus.cluster.kubectl.documents import parse_value
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.manifests import LAST_APPLIED, manifests, with_last_applied
from stratus.cluster.kubectl.shapes import VALUE, merging, shape_of
from stratus.cluster.kubectl.strategic import AmbiguousList, three_way
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import ApplyStep, CreateStep, PatchStep, Step


async def apply(inv: Invocation) -> Sequence[Step]:
    """``kubectl apply``, in both ways."""
    if inv.words:
        raise InvalidInput(f'unexpected "{inv.words[0]}": kubectl apply takes its objects from -f FILE or -f -')
    if not inv.flags.has("filename"):
        raise InvalidInput("kubectl apply needs -f FILE or -f -")
    server_side = inv.flags.truth("server-side")
    if not server_side and (inv.flags.truth("force-conflicts") or inv.flags.has("field-manager")):
        raise InvalidInput("--force-conflicts and --field-manager only go with --server-side")
    steps: list[Step] = []
    for manifest in await manifests(inv):
        if not manifest["metadata"].get("name"):
            raise InvalidInput(f"{manifest['kind']}: generateName cannot be applied; give it a name, or use create")
        steps += _server_side(inv, manifest) if server_side else await _client_side(inv, manifest)
    return steps


def _server_side(inv: Invocation, manifest: JsonObject) -> list[Step]:
    """One apply. The API server itself keeps the last-applied annotation of earlier client-side applies current.

    Unlike kubectl, ownership is not taken over from earlier client-side applies: a field that only those set stays when
    the manifest drops it, and the rehearsal's diff shows that.
    """
    manager, force = inv.flags.text("field-manager", "kubectl"), inv.flags.truth("force-conflicts")
    return [ApplyStep(target=ObjectRef.of(manifest), manifest=manifest, field_manager=manager, force=force)]


async def _client_side(inv: Invocation, manifest: JsonObject) -> list[Step]:
    target = ObjectRef.of(manifest)
    modified = with_last_applied(manifest)
    live = await _live(inv, target)
    if live is None:
        return [CreateStep(target=target, manifest=modified)]
    if live["metadata"].get("deletionTimestamp"):
        raise InvalidInput(f"{target} is being deleted; apply it when it is gone")
    return list(_patch(target, _declared(_last_applied(live)), _declared(modified), live))


def _declared(manifest: JsonObject) -> JsonObject:
    """Without what only the server writes, which ``-o yaml`` output carries along: it would be sent for nothing."""
    meta = {key: value for key, value in manifest.get("metadata", {}).items() if key != "creationTimestamp"}
    declared = {**manifest, "metadata": meta}
    if is_builtin(manifest.get("apiVersion", "")):
        declared.pop("status", None)
    return declared


def _patch(target: ObjectRef, original: JsonObject, modified: JsonObject, live: JsonObject) -> Sequence[PatchStep]:
    if is_builtin(target.api_version):
        try:
            body: Any = three_way(original, modified, live, shape_of(live))
            return [PatchStep(target=target, patch_type="strategic", patch=body)] if body else []
        except AmbiguousList:
            pass  # a merge key that is used twice: the list can only be set as a whole
    shape = merging(shape_of(live)) if is_builtin(target.api_version) else VALUE
    body = three_way(original, modified, live, shape)
    return [PatchStep(target=target, patch_type="merge", patch=body)] if body else []


def _last_applied(live: JsonObject) -> JsonObject:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    found = parse_value(text, f"the annotation {LAST_APPLIED}") if text else {}
    return found if isinstance(found, dict) else {}


async def _live(inv: Invocation, target: ObjectRef) -> JsonObject | None:
    try:
        return await inv.reader.get(target)
    except Absent:
        return None
