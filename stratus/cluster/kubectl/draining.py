"""drain: cordon first, then one eviction for each pod, under kubectl's rules about which pods may go."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.nodes import nodes, schedulable
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import DeleteStep, EvictStep, Step

_MIRROR = "kubernetes.io/config.mirror"
_FINISHED = ("Succeeded", "Failed")


async def drain(inv: Invocation) -> Sequence[Step]:
    """``kubectl drain``. Raises InvalidInput naming every pod that stands in the way and the flag that lets it go."""
    found = await nodes(inv)
    steps: list[Step] = [step for node in found for step in schedulable(node, False)]
    blocked: list[str] = []
    for node in found:
        for pod in await _pods(inv, node["metadata"]["name"]):
            reason, goes = await _judged(inv, pod)
            if reason:
                blocked.append(f"{ObjectRef.of(pod).path} ({reason})")
            elif goes:
                steps.append(_removal(inv, pod))
    if blocked:
        raise InvalidInput(f"cannot drain: {'; '.join(blocked)}")
    return steps


async def _pods(inv: Invocation, node: str) -> Sequence[JsonObject]:
    fields, labels = f"spec.nodeName={node}", inv.flags.text("pod-selector")
    pods = await inv.reader.list("Pod", "", api_version="v1", fields=fields, labels=labels)
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def _removal(inv: Invocation, pod: JsonObject) -> Step:
    seconds = inv.flags.number("grace-period", -1)
    grace = None if seconds < 0 else seconds
    if inv.flags.truth("disable-eviction"):
        return DeleteStep(target=ObjectRef.of(pod), grace_period_seconds=grace)
    return EvictStep(target=ObjectRef.of(pod), grace_period_seconds=grace)


async def _judged(inv: Invocation, pod: JsonObject) -> tuple[str, bool]:
    """(why it may not go, whether it goes), in the order of kubectl's own filters."""
    finished = pod.get("status", {}).get("phase") in _FINISHED
    owner = next((one for one in pod["metadata"].get("ownerReferences") or () if one.get("controller")), None)
    if owner and owner["kind"] == "DaemonSet" and not finished:
        verdict = await _of_daemon_set(inv, pod, owner)
        if verdict != ("", True):
            return verdict
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return "", False
    if finished:
        return "", True
    local = any("emptyDir" in volume for volume in pod["spec"].get("volumes") or ())
    if local and not inv.flags.truth("delete-emptydir-data"):
        return "its emptyDir data would be lost: --delete-emptydir-data", False
    if owner is None and not inv.flags.truth("force"):
        return "no controller would replace it: --force", False
    return "", True


async def _of_daemon_set(inv: Invocation, pod: JsonObject, owner: JsonObject) -> tuple[str, bool]:
    namespace = pod["metadata"]["namespace"]
    try:
        await inv.reader.get(
            ObjectRef(api_version=owner["apiVersion"], kind="DaemonSet", namespace=namespace, name=owner["name"])
        )
    except Absent:
        return ("", True) if inv.flags.truth("force") else ("its DaemonSet is gone: --force", False)
    if inv.flags.truth("ignore-daemonsets"):
        return "", False
    return "its DaemonSet would only replace it: --ignore-daemonsets", False
