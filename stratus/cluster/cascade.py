"""What a delete takes along, and in which order it comes back.

The garbage collector removes every object all of whose owners are gone. Pods are left out: their owners make new ones.
A Deployment's ReplicaSets are its rollout history. They are created again *before* it and without an owner: its
controller adopts what its selector matches, with revisions and template hashes as they were, instead of making new ones.
(A child that named its dead owner would be collected at once.) Everything else comes after its owner, pointing to the
owner's new uid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from stratus.cluster.restore import replaced_by_owner
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
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
    """Everything that the delete of ``obj`` removes and that must come back, owners before what they own.

    Raises Refused when a needed kind cannot be listed.
    """
    if propagation == "Orphan" or obj["kind"] in CHILDLESS:
        return []
    namespace = obj["metadata"].get("namespace") or ""
    gate = asyncio.Semaphore(AT_ONCE)
    kinds = [resource for resource in await reader.resources() if _may_hold_children(resource, namespace)]
    needed = MUST_SEE.get(obj["kind"], frozenset())
    lists = await asyncio.gather(*(_owned(reader, gate, kind, namespace, kind.kind in needed) for kind in kinds))
    return [child for child in dying(obj, (child for found in lists for child in found)) if restorable(child)]


def _may_hold_children(resource: Resource, namespace: str) -> bool:
    listed = resource.preferred and "list" in resource.verbs and resource.kind not in NOT_RESTORED
    return listed and (resource.namespaced or not namespace)


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
    """Whether undo creates it again."""
    return child["kind"] not in NOT_RESTORED and not replaced_by_owner(child)


def undo_order(pre: JsonObject, cascade: Sequence[JsonObject]) -> list[JsonObject]:
    """``pre`` and its cascade in the order in which they come back."""
    history = [child for child in cascade if child["kind"] in ADOPTED]
    rest = [child for child in cascade if child["kind"] not in ADOPTED]
    return [*history, pre, *rest]


def uids(pre: JsonObject, cascade: Sequence[JsonObject]) -> frozenset[str]:
    """The uids that died: no re-created object may name one of them as its owner."""
    return frozenset(str(obj["metadata"]["uid"]) for obj in (pre, *cascade))


def under_new_owners(child: JsonObject, new_uids: Mapping[str, str]) -> JsonObject:
    """The child with its references pointing to the owners' new lives (``new_uids``: dead uid → living uid)."""
    references = child["metadata"].get("ownerReferences")
    if not references:
        return child
    renewed = [{**ref, "uid": new_uids.get(ref.get("uid"), ref.get("uid"))} for ref in references]
    return {**child, "metadata": {**child["metadata"], "ownerReferences": renewed}}
