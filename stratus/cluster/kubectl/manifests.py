"""The objects that -f gives: read, placed in a namespace, and addressed."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.gojson import go_json
from stratus.cluster.kubectl.documents import parse_documents
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.selectors import matches
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EXTENSIONS = (".json", ".yaml", ".yml")


async def manifests(inv: Invocation) -> list[JsonObject]:
    """Every object that the -f flags give, with its namespace set, filtered by -l. Raises InvalidInput."""
    found = [await _placed(inv, document) for document in _documents(inv)]
    selector = inv.flags.text("selector")
    found = [one for one in found if not selector or matches(selector, one["metadata"].get("labels") or {})]
    if not found:
        raise InvalidInput(f"no objects passed to kubectl {inv.verb}")
    return found


def _documents(inv: Invocation) -> Sequence[JsonObject]:
    found: list[JsonObject] = []
    for path in inv.flags.words("filename"):
        files = inv.file(path)
        if set(files) != {path}:
            files = {name: content for name, content in files.items() if name.endswith(_EXTENSIONS)}
        for name, content in files.items():
            found.extend(parse_documents(content.decode(), name))
    return found


async def _placed(inv: Invocation, document: JsonObject) -> JsonObject:
    resource = await inv.catalog.by_kind(document["apiVersion"], document["kind"])
    manifest = copy.deepcopy(document)
    meta = manifest["metadata"]
    if not meta.get("name") and not meta.get("generateName"):
        raise InvalidInput(f"{manifest['kind']} has no metadata.name")
    if not resource.namespaced:
        meta.pop("namespace", None)
        return manifest
    own = meta.get("namespace") or inv.namespace
    if inv.fenced and own != inv.namespace:
        raise InvalidInput(
            f"the namespace from the provided object ({own}) does not match -n {inv.namespace}; use -n {own}"
        )
    meta["namespace"] = own
    return manifest


async def refs_of_files(inv: Invocation) -> list[ObjectRef]:
    """The objects that the -f flags name."""
    return [named_ref(manifest) for manifest in await manifests(inv)]


def named_ref(manifest: JsonObject) -> ObjectRef:
    """The object that a manifest describes. Raises InvalidInput when it leaves the name to the server."""
    if not manifest["metadata"].get("name"):
        raise InvalidInput(f"{manifest['kind']} with generateName describes no existing object; give it a name")
    return ObjectRef.of(manifest)


def with_last_applied(manifest: JsonObject) -> JsonObject:
    """A copy that carries itself in kubectl's annotation, byte for byte as kubectl writes it."""
    modified = copy.deepcopy(manifest)
    annotations = modified["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    modified["metadata"]["annotations"] = annotations
    modified["metadata"]["annotations"] = {**annotations, LAST_APPLIED: go_json(modified) + "\n"}
    return modified


def saved(inv: Invocation, manifest: JsonObject) -> JsonObject:
    """The manifest as it is sent: with kubectl's annotation when --save-config asks, or when it has one already."""
    annotations = manifest["metadata"].get("annotations") or {}
    return with_last_applied(manifest) if inv.flags.truth("save-config") or LAST_APPLIED in annotations else manifest
