"""scale and autoscale."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.manifests import saved
from stratus.cluster.kubectl.metadata import check_resource_version
from stratus.cluster.kubectl.targets import live_objects, read, refs
from stratus.domain.base import JsonObject
from stratus.domain.errors import Conflict, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, ScaleStep, Step


async def scale(inv: Invocation) -> Sequence[Step]:
    """``kubectl scale``: through the scale subresource, so every kind that has one."""
    if not inv.flags.has("replicas"):
        raise InvalidInput("kubectl scale needs --replicas=COUNT")
    replicas = inv.flags.number("replicas")
    if replicas < 0:
        raise InvalidInput("--replicas is 0 or more")
    targets = await refs(inv, inv.words)
    for target in targets:
        await _check(inv, target)
    return [ScaleStep(target=target, replicas=replicas) for target in targets]


async def _check(inv: Invocation, target: ObjectRef) -> None:
    if "scale" not in (await inv.catalog.by_kind(target.api_version, target.kind)).subresources:
        raise InvalidInput(f"{target} cannot be scaled: its kind has no scale subresource")
    expected = inv.flags.number("current-replicas", -1)
    if expected < 0 and not inv.flags.has("resource-version"):
        return
    obj = await read(inv, target)
    check_resource_version(inv, obj)
    current = obj.get("spec", {}).get("replicas")
    if expected >= 0 and current != expected:
        raise Conflict(f"expected {target} to have {expected} replicas, it has {current}", status=409)


async def autoscale(inv: Invocation) -> Sequence[Step]:
    """``kubectl autoscale``: a HorizontalPodAutoscaler of the newest version that is served."""
    minimum, maximum = inv.flags.number("min", -1), inv.flags.number("max", -1)
    if maximum < 1:
        raise InvalidInput("kubectl autoscale needs --max=MAXPODS of at least 1")
    if minimum > maximum:
        raise InvalidInput("--max must be larger than or equal to --min")
    targets = await live_objects(inv, inv.words)
    return [await _autoscaler(inv, target, minimum, maximum) for target in targets]


async def _autoscaler(inv: Invocation, target: JsonObject, minimum: int, maximum: int) -> CreateStep:
    ref = ObjectRef.of(target)
    if "scale" not in (await inv.catalog.by_kind(ref.api_version, ref.kind)).subresources:
        raise InvalidInput(f"{ref} cannot be scaled: its kind has no scale subresource")
    resource = await inv.catalog.newest("HorizontalPodAutoscaler", "autoscaling/v2", "autoscaling/v1")
    spec: JsonObject = {
        "scaleTargetRef": {"kind": ref.kind, "name": ref.name, "apiVersion": ref.api_version},
        "maxReplicas": maximum,
    }
    if minimum > 0:
        spec["minReplicas"] = minimum
    percent = inv.flags.number("cpu-percent", -1)
    if percent >= 0 and resource.version == "v1":
        spec["targetCPUUtilizationPercentage"] = percent
    elif percent >= 0:
        usage = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": usage}}]
    manifest = saved(
        inv,
        {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": inv.flags.text("name") or ref.name, "namespace": ref.namespace},
            "spec": spec,
        },
    )
    return CreateStep(target=ObjectRef.of(manifest), manifest=manifest)
