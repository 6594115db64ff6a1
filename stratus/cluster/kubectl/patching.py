"""patch and replace: what the person wrote, sent as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from stratus.cluster.kubectl.discovery import is_builtin
from stratus.cluster.kubectl.documents import parse_value
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.manifests import manifests, named_ref, saved
from stratus.cluster.kubectl.targets import refs
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import PatchStep, ReplaceStep, ScaleStep, Step

PatchType = Literal["strategic", "merge", "json"]


async def patch(inv: Invocation) -> Sequence[Step]:
    """``kubectl patch``: the given patch, for each object that is named."""
    patch_type = inv.flags.text("type", "strategic").lower()
    if patch_type not in ("strategic", "merge", "json"):
        raise InvalidInput(f'--type is strategic, merge or json, not "{patch_type}"')
    body = _body(inv, patch_type)
    subresource = inv.flags.text("subresource")
    targets = await refs(inv, inv.words)
    for target in targets:
        await _check(inv, target, patch_type, subresource)
    if subresource == "scale":
        return [ScaleStep(target=target, replicas=_replicas(body)) for target in targets]
    return [
        PatchStep(target=target, patch_type=cast(PatchType, patch_type), patch=body, subresource=subresource)
        for target in targets
    ]


def _body(inv: Invocation, patch_type: str) -> Any:
    text, path = inv.flags.text("patch"), inv.flags.text("patch-file")
    if bool(text) == bool(path):
        raise InvalidInput("kubectl patch needs either -p PATCH or --patch-file FILE")
    if path:
        text = b"".join(inv.file(path).values()).decode()
    body = parse_value(text, "the patch")
    if patch_type == "json" and not (isinstance(body, list) and all(isinstance(one, dict) for one in body)):
        raise InvalidInput('a JSON patch is a list of operations, as in [{"op":"replace","path":"/spec/x","value":1}]')
    if patch_type != "json" and not isinstance(body, dict):
        raise InvalidInput(f"a {patch_type} patch is a mapping; for a list of operations add --type=json")
    if not body:
        raise InvalidInput("the patch is empty: nothing would change")
    return body


def _replicas(body: Any) -> int:
    """What a patch of the scale subresource sets: it has one field that anybody but its controller writes."""
    spec = body.get("spec") if isinstance(body, dict) and body.keys() == {"spec"} else None
    count = spec.get("replicas") if isinstance(spec, dict) and spec.keys() == {"replicas"} else None
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise InvalidInput("a patch of the subresource scale sets spec.replicas and nothing else; use kubectl scale")
    return count


async def _check(inv: Invocation, target: ObjectRef, patch_type: str, subresource: str) -> None:
    if patch_type == "strategic" and not is_builtin(target.api_version):
        raise InvalidInput(f"{target} is a custom resource, which takes no strategic patch: add --type=merge")
    if subresource:
        served = await inv.catalog.newest(target.kind, target.api_version)
        if subresource not in served.subresources:
            raise InvalidInput(f"{target} has no subresource {subresource}; it has {', '.join(served.subresources)}")


async def replace(inv: Invocation) -> Sequence[Step]:
    """``kubectl replace -f``."""
    if inv.words or not inv.flags.has("filename"):
        raise InvalidInput("kubectl replace takes its objects from -f FILE or -f -")
    return [ReplaceStep(target=named_ref(manifest), manifest=saved(inv, manifest)) for manifest in await manifests(inv)]
