"""From an edited copy of a live object to the smallest patch step, and where a pod's template is in each kind."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence

import jsonpatch

from stratus.cluster.kubectl.discovery import is_builtin
from stratus.cluster.kubectl.shapes import shape_of
from stratus.cluster.kubectl.strategic import AmbiguousList, two_way
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import PatchStep

_TEMPLATE_PATHS = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("Deployment", "ReplicaSet", "ReplicationController", "DaemonSet", "StatefulSet", "Job"), ("spec", "template")
    ),
}


def patch_between(before: JsonObject, after: JsonObject) -> list[PatchStep]:
    """One step that makes ``before`` into ``after``, or none when they are equal.

    Strategic for built-in kinds, merge for custom resources; where a list cannot be addressed by its merge key (a
    variable that is given twice), a JSON patch by index.
    """
    if same(before, after):
        return []
    target = ObjectRef.of(before)
    if not is_builtin(target.api_version):
        return [PatchStep(target=target, patch_type="merge", patch=two_way(before, after))]
    try:
        return [PatchStep(target=target, patch_type="strategic", patch=two_way(before, after, shape_of(before)))]
    except AmbiguousList:
        return [PatchStep(target=target, patch_type="json", patch=list(jsonpatch.make_patch(before, after)))]


def merge_patch(obj: JsonObject, patch: JsonObject) -> list[PatchStep]:
    """One merge patch step, or none when ``patch`` says nothing."""
    return [PatchStep(target=ObjectRef.of(obj), patch_type="merge", patch=patch)] if patch else []


def pod_template(obj: JsonObject) -> JsonObject:
    """The part with the pod's metadata and spec (the object itself for a pod). Raises InvalidInput for other kinds."""
    path = _TEMPLATE_PATHS.get(obj["kind"])
    if path is None or not is_builtin(obj["apiVersion"]):
        kinds = ", ".join(sorted(_TEMPLATE_PATHS))
        raise InvalidInput(f"{ObjectRef.of(obj)} has no pod template; this works on {kinds}")
    for name in path:
        obj = obj[name]
    return obj


def containers(obj: JsonObject, patterns: Iterable[str] = ("*",)) -> list[JsonObject]:
    """The containers whose name fits one of the ``patterns``, init containers first as the server runs them."""
    spec = pod_template(obj)["spec"]
    found: list[JsonObject] = [*(spec.get("initContainers") or []), *spec["containers"]]
    return [one for one in found if any(fnmatch.fnmatchcase(one["name"], pattern) for pattern in patterns)]


def no_container(obj: JsonObject, wanted: str) -> InvalidInput:
    """The error for a container name that does not exist, with those that do."""
    names: Sequence[str] = [one["name"] for one in containers(obj)]
    return InvalidInput(f'{ObjectRef.of(obj)} has no container "{wanted}"; it has {", ".join(names)}')
