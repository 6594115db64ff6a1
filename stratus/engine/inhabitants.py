"""What others have put into a namespace or under a definition that a step created: deleting it would take that along (I7)."""

from __future__ import annotations

import asyncio

from stratus.cluster.normal import controller_of
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.domain.objects import ObjectRef
from stratus.engine.context import Context
from stratus.engine.lease import LEASE_NAME
from stratus.engine.patience import patiently
from stratus.ports import Resource

MADE_BY_CONTROLLERS = frozenset({"Event", "Endpoints", "EndpointSlice"})
OWN = frozenset({("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt"), ("Lease", LEASE_NAME)})
"""What every namespace has, or got from us."""


async def inhabitants(ctx: Context, home: JsonObject) -> list[str]:
    """The objects, as paths, that would go with ``home``; none for other kinds than a Namespace or a definition."""
    if home["kind"] == "CustomResourceDefinition":
        spec = home["spec"]
        kinds = [
            each for each in await _listed(ctx) if (each.group, each.kind) == (spec["group"], spec["names"]["kind"])
        ]
        return await _found(ctx, kinds, "")
    if home["kind"] == "Namespace":
        kinds = [each for each in await _listed(ctx) if each.namespaced and each.kind not in MADE_BY_CONTROLLERS]
        return await _found(ctx, kinds, home["metadata"]["name"])
    return []


async def _listed(ctx: Context) -> list[Resource]:
    found = await patiently(ctx, ctx.reader.resources)
    return [each for each in found if each.preferred and "list" in each.verbs]


async def _found(ctx: Context, kinds: list[Resource], namespace: str) -> list[str]:
    lists = await asyncio.gather(*(_list(ctx, kind, namespace) for kind in kinds))
    return sorted(ObjectRef.of(obj).path for found in lists for obj in found if not _own(obj))


async def _list(ctx: Context, kind: Resource, namespace: str) -> list[JsonObject]:
    try:
        return await patiently(ctx, lambda: ctx.reader.list(kind.kind, namespace, api_version=kind.api_version))
    except Refused:
        return []


def _own(obj: JsonObject) -> bool:
    token = obj.get("type") == "kubernetes.io/service-account-token"
    meta = obj["metadata"]
    going = bool(meta.get("deletionTimestamp")) or controller_of(obj) is not None  # what it belongs to is listed itself
    return token or going or (obj["kind"], meta["name"]) in OWN
