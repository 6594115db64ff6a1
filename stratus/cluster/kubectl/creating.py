"""create -f, and what every create verb shares."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.manifests import manifests, saved
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, Step


async def create(inv: Invocation) -> Sequence[Step]:
    """``kubectl create -f``. A generateName is replaced by a name chosen here, so a lost answer can be settled."""
    if not inv.flags.has("filename"):
        raise InvalidInput("kubectl create needs -f FILE or -f -, or what to create, as in create configmap NAME")
    return [step for manifest in await manifests(inv) for step in creation(inv, _with_name(inv, manifest))]


def creation(inv: Invocation, manifest: JsonObject) -> list[Step]:
    """The step that creates ``manifest``."""
    manifest = saved(inv, manifest)
    return [CreateStep(target=ObjectRef.of(manifest), manifest=manifest)]


def _with_name(inv: Invocation, manifest: JsonObject) -> JsonObject:
    meta = manifest["metadata"]
    if meta.get("name"):
        return manifest
    named = copy.deepcopy(manifest)
    prefix = named["metadata"].pop("generateName")
    named["metadata"]["name"] = prefix[: 63 - 5] + inv.suffix()
    return named
