"""What a delete takes along, and in which order it comes back.

The garbage collector removes every object all of whose owners are gone. Pods are left out: their owners make new ones.
A Deployment's ReplicaSets are its rollout history. They are created again *before* it and without an owner: its
controller adopts what its selector matches, with revisions and template hashes as they were, instead of making new ones.
(A child that named its dead owner would be collected at once.) Everything else comes after its owner, pointing to the
owner's new uid; so do children that live on, orphaned or with other owners, of which the collector has removed the
reference to the dead one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence

from stratus.cluster.restore import replaced_by_owner
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused
from stratus.domain.objects import ObjectRef
from stratus.ports import ClusterReader, Resource

CHILDLESS = frozenset({"Pod", "Event", "Endpoints", "EndpointSlice", "ControllerRevision", "Lease"})
"""Kinds whose delete takes nothing along that anybody would miss."""
ADOPTED = frozenset({"ReplicaSet", "ControllerRevision"})
"""Rollout history: adopted by its controller when it comes back."""
NOT_RESTORED = frozenset({"Pod", "Event", "Endpoints", "EndpointSlice", "Job"})
"""Children that controllers make anew, or that must not run twice (a CronJob's Jobs)."""
MUST_SEE: Mapping[str, frozenset[str]] = {
    "Deployment": frozenset({"ReplicaSet"}),
    "StatefulSet": frozenset({"ControllerRevision"}),
    "DaemonSet": frozenset({"ControllerRevision"}),
}
"""Children without which undo would not be faithful; other kinds that this identity may not list are passed over."""
AT_ONCE = 8
"""List requests under way at the same time."""


async def cascade_of(reader: ClusterReader, obj: JsonObject, propagation: str = "Background") -> list[JsonObject]:
    """Everything that the delete of ``obj`` removes and that must come back, owners before what they own; then what
    lives on without it and must find it again.

    Raises Refused when a needed kind cannot be listed.
    """
    if obj["kind"] in CHILDLESS:
        return []
    orphans = propagation == "Orphan"
    namespace = obj["metadata"].get("namespace") or ""
    gate = asyncio.Semaphore(AT_ONCE)
    kinds = [resource for resource in await reader.resources() if _may_hold_children(resource, namespace, orphans)]
    needed = frozenset() if orphans else MUST_SEE.get(obj["kind"], frozenset())
    lists = await asyncio.gather(*(_owned(reader, gate, kind, namespace, kind.kind in needed) for kind in kinds))
    candidates = [child for found in lists for child in found]
    dead = [] if orphans else dying(obj, candidates)
    owned = [child for child in (*dead, *bereaved(obj, dead, candidates)) if restorable(child)]
    return [*owned, *(await _written_endpoints(reader, obj) if obj["kind"] == "Service" else [])]


async def _written_endpoints(reader: ClusterReader, service: JsonObject) -> list[JsonObject]:
    """A Service without a selector has Endpoints that a person wrote; their controller deletes them with it."""
    if (service.get("spec") or {}).get("selector"):
        return []
    try:
        return [await reader.get(ObjectRef.of(service).model_copy(update={"api_version": "v1", "kind": "Endpoints"}))]
    except Absent:
        return []


def _may_hold_children(resource: Resource, namespace: str, orphans: bool) -> bool:
    """A Job that dies with its owner does not run again; one that is orphaned lives on and gets its owner back."""
    passed_over = NOT_RESTORED - {"Job"} if orphans else NOT_RESTORED
    listed = resource.preferred and "list" in resource.verbs and resource.kind not in passed_over
    return listed and (resource.namespaced or not namespace)


def bereaved(root: JsonObject, dead: Sequence[JsonObject], candidates: Sequence[JsonObject]) -> list[JsonObject]:
    """Those candidates that live on without one of their owners, and that no controller adopts again."""
    gone = uids(root, dead)
    return [
        child
        for child in candidates
        if child["metadata"]["uid"] not in gone
        and child["kind"] not in ADOPTED
        and any(ref.get("uid") in gone for ref in child["metadata"]["ownerReferences"])
    ]


async def _owned(
    reader: ClusterReader, gate: asyncio.Semaphore, kind: Resource, namespace: str, needed: bool
) -> list[JsonObject]:
    async with gate:
        try:
            found = await reader.list(kind.kind, namespace, api_version=kind.api_version)
        except Refused:
            if needed:
                raise
            return []
    return [obj for obj in found if obj["metadata"].get("ownerReferences")]


def dying(root: JsonObject, candidates: Iterable[JsonObject]) -> list[JsonObject]:
    """Those candidates all of whose owners die with ``root``, transitively, owners first."""
    left = {child["metadata"]["uid"]: child for child in candidates}
    dead = {root["metadata"]["uid"]}
    result: list[JsonObject] = []
    while True:
        found = [
            child
            for child in left.values()
            if all(ref.get("uid") in dead for ref in child["metadata"]["ownerReferences"])
        ]
        if not found:
            return result
        result += found
        for child in found:
            dead.add(child["metadata"]["uid"])
            del left[child["metadata"]["uid"]]


def restorable(child: JsonObject) -> bool:
    """Whether undo has anything to do with it."""
    return child["kind"] not in NOT_RESTORED - {"Job"} and not replaced_by_owner(child)


def undo_order(pre: JsonObject, cascade: Sequence[JsonObject]) -> list[JsonObject]:
    """``pre`` and its cascade in the order in which they come back."""
    history = [child for child in cascade if child["kind"] in ADOPTED]
    rest = [child for child in cascade if child["kind"] not in ADOPTED]
    return [*history, pre, *rest]


def living(pre: JsonObject, cascade: Sequence[JsonObject], propagation: str) -> list[JsonObject]:
    """Those of a delete's ``cascade`` that live on: all orphans, and who has another owner."""
    if propagation == "Orphan":
        return [child for child in cascade if _owners(child)]
    gone = uids(pre, cascade)
    return [child for child in cascade if any(ref.get("uid") not in gone for ref in _owners(child))]


def uids(pre: JsonObject, cascade: Sequence[JsonObject]) -> frozenset[str]:
    """The uids that died: no re-created object may name one of them as its owner."""
    return frozenset(str(obj["metadata"]["uid"]) for obj in (pre, *cascade))


def under_new_owners(child: JsonObject, new_uids: Mapping[str, str]) -> JsonObject:
    """The child with its references pointing to the owners' new lives (``new_uids``: dead uid → living uid)."""
    renewed = [{**ref, "uid": new_uids.get(str(ref.get("uid")), ref.get("uid"))} for ref in _owners(child)]
    return {**child, "metadata": {**child["metadata"], "ownerReferences": renewed}} if renewed else child


def without_owners(child: JsonObject, gone: Collection[str]) -> JsonObject:
    """The child as the collector leaves it, without its references to those who are ``gone``."""
    left = [ref for ref in _owners(child) if ref.get("uid") not in gone]
    return {**child, "metadata": {**child["metadata"], "ownerReferences": left}}


def _owners(child: JsonObject) -> list[JsonObject]:
    return child["metadata"].get("ownerReferences") or []
