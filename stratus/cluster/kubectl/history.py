"""Earlier revisions of a workload: ReplicaSets of a Deployment, ControllerRevisions of the other two."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from stratus.cluster.kubectl.manifests import LAST_APPLIED
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.ports import ClusterReader

_REVISION = "deployment.kubernetes.io/revision"
_OWN_ANNOTATIONS = (
    LAST_APPLIED,
    _REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)
"""Annotations that belong to the Deployment and its controller, not to a revision (as kubectl has it)."""


async def template_of_revision(
    reader: ClusterReader, obj: JsonObject, revision: int
) -> tuple[JsonObject, Mapping[str, str] | None]:
    """The pod template of ``revision`` (0: the one before the newest) and, for a Deployment, its annotations then.

    Raises InvalidInput when there is no such revision.
    """
    if obj["kind"] == "Deployment":
        return await _of_deployment(reader, obj, revision)
    found = await _owned(reader, obj, "ControllerRevision")
    chosen = _choose(obj, {int(one["revision"]): one for one in found}, revision)
    template = copy.deepcopy(chosen["data"]["spec"]["template"])
    template.pop("$patch", None)
    return template, None


async def _of_deployment(
    reader: ClusterReader, obj: JsonObject, revision: int
) -> tuple[JsonObject, Mapping[str, str] | None]:
    found = await _owned(reader, obj, "ReplicaSet")
    numbered = {_number(one): one for one in found if _number(one)}
    chosen = _choose(obj, numbered, revision)
    template = copy.deepcopy(chosen["spec"]["template"])
    template["metadata"]["labels"].pop("pod-template-hash", None)
    now: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    then: Mapping[str, str] = chosen["metadata"].get("annotations") or {}
    annotations = {key: value for key, value in now.items() if key in _OWN_ANNOTATIONS}
    annotations |= {key: value for key, value in then.items() if key not in _OWN_ANNOTATIONS}
    return template, annotations


async def _owned(reader: ClusterReader, obj: JsonObject, kind: str) -> Sequence[JsonObject]:
    meta = obj["metadata"]
    found = await reader.list(kind, meta["namespace"], api_version="apps/v1")
    return [
        one
        for one in found
        if any(o.get("controller") and o["uid"] == meta["uid"] for o in one["metadata"].get("ownerReferences") or ())
    ]


def _number(replica_set: JsonObject) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _choose(obj: JsonObject, revisions: Mapping[int, Any], revision: int) -> Any:
    ref = ObjectRef.of(obj)
    if revision:
        if revision not in revisions:
            raise InvalidInput(f"{ref} has no revision {revision}; it has {', '.join(map(str, sorted(revisions)))}")
        return revisions[revision]
    if len(revisions) < 2:
        raise InvalidInput(f"{ref} has no earlier revision to go back to")
    return revisions[sorted(revisions)[-2]]
