"""One step becomes one HTTP request that carries its own preconditions: the table that the writers send from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stratus.cluster.discovery import path_of
from stratus.cluster.gojson import go_json
from stratus.cluster.transport import JSON
from stratus.domain.base import JsonObject
from stratus.domain.errors import Conflict, Refused
from stratus.domain.steps import ApplyStep, CreateStep, DeleteStep, EvictStep, PatchStep, ReplaceStep, ScaleStep, Step
from stratus.ports import Precondition, Resource

FIELD_MANAGER = "stratus"
PATCH_TYPES: Mapping[str, str] = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """One HTTP request that writes."""

    method: str
    path: str
    body: Any
    query: Mapping[str, str]
    content_type: str = JSON

    def dry(self) -> WriteRequest:
        """The same as a dry run. DELETE and eviction read it from the body, everything else from the query."""
        body = self.body
        if self.method == "DELETE":
            body = {**body, "dryRun": ["All"]}
        elif self.path.endswith("/eviction"):
            body = {**body, "deleteOptions": {**body["deleteOptions"], "dryRun": ["All"]}}
        return WriteRequest(self.method, self.path, body, {**self.query, "dryRun": "All"}, self.content_type)

    def encoded(self) -> bytes:
        """The body as sent."""
        return go_json(self.body).encode()


def request_for(step: Step, resource: Resource, when: Precondition, eviction: str = "policy/v1") -> WriteRequest:
    """The request of a step. ``eviction`` is the API version of evictions that the server has.

    Raises Refused for what the resource cannot take, and Conflict for a manifest made from another version of the object.
    """
    where = path_of(resource, step.target.namespace, step.target.name)
    named = {"fieldManager": FIELD_MANAGER}
    match step:
        case CreateStep():
            return WriteRequest("POST", path_of(resource, step.target.namespace), _new(step), named)
        case PatchStep():
            return _patch(step, resource, when)
        case ScaleStep():
            raise Refused(f"scale {step.target} must be turned into a patch of its replica field first")
        case ApplyStep():
            query = {"fieldManager": step.field_manager, "force": str(step.force).lower()}
            return WriteRequest("PATCH", where, _pinned(step.manifest, when), query, PATCH_TYPES["apply"])
        case ReplaceStep():
            return WriteRequest("PUT", where, _pinned(step.manifest, when), named)
        case DeleteStep():
            return WriteRequest("DELETE", where, _delete_options(step, when), {})
        case EvictStep():
            options = _delete_options(
                DeleteStep(target=step.target, grace_period_seconds=step.grace_period_seconds), when
            )
            del options["propagationPolicy"]
            meta = {"name": step.target.name, "namespace": step.target.namespace}
            body = {"apiVersion": eviction, "kind": "Eviction", "metadata": meta, "deleteOptions": options}
            return WriteRequest("POST", f"{where}/eviction", body, {})


def scale_patch(step: ScaleStep, replicas_path: tuple[str, ...] = ("spec", "replicas")) -> PatchStep:
    """Scaling as a merge patch of the field behind the scale subresource: its answer is the whole object, which a Scale
    is not, so post-image and dry run are exact without another read.
    """
    patch: Any = step.replicas
    for name in reversed(replicas_path):
        patch = {name: patch}
    return PatchStep(target=step.target, patch_type="merge", patch=patch)


def _new(step: CreateStep) -> JsonObject:
    meta = step.manifest.get("metadata", {})
    if meta.get("name") != step.target.name:
        raise Refused(
            f"create {step.target}: the manifest must carry that name (names are chosen before, not generated)"
        )
    return {**step.manifest, "metadata": {k: v for k, v in meta.items() if k not in ("resourceVersion", "uid")}}


def _patch(step: PatchStep, resource: Resource, when: Precondition) -> WriteRequest:
    if step.patch_type == "strategic" and "." in resource.group and not resource.group.endswith(".k8s.io"):
        raise Refused(
            f"{step.target} is a custom resource: the server takes merge and JSON patches of it, no strategic ones",
            status=415,
            reason="UnsupportedMediaType",
        )
    path = path_of(resource, step.target.namespace, step.target.name, step.subresource)
    body = _pinned_operations(step.patch, when) if step.patch_type == "json" else _pinned(step.patch, when)
    return WriteRequest("PATCH", path, body, {"fieldManager": FIELD_MANAGER}, PATCH_TYPES[step.patch_type])


def _pinned(body: JsonObject, when: Precondition) -> JsonObject:
    """``body`` with the precondition in its metadata, where PUT, apply, merge and strategic patch look for it."""
    meta = body.get("metadata") or {}
    stated = meta.get("resourceVersion")
    if stated and when.resource_version and stated != when.resource_version:
        raise Conflict(
            f"the manifest was made from version {stated}, the object is at {when.resource_version}", reason="Conflict"
        )
    wanted = {"uid": when.uid, "resourceVersion": when.resource_version}
    pinned = {key: value for key, value in wanted.items() if value}
    return {**body, "metadata": {**meta, **pinned}} if pinned else body


def _pinned_operations(operations: list[JsonObject], when: Precondition) -> list[JsonObject]:
    """A JSON patch that writes the expected version into the object: a mismatch is then a 409 like everywhere else,
    whereas a failed test operation is a 422 that nobody can tell from a test of the user's own.
    """
    wanted = (("uid", when.uid), ("resourceVersion", when.resource_version))
    pins = [{"op": "add", "path": f"/metadata/{key}", "value": value} for key, value in wanted if value]
    return [*operations, *pins]


def _delete_options(step: DeleteStep, when: Precondition) -> JsonObject:
    options: JsonObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": step.propagation}
    if step.grace_period_seconds is not None:
        options["gracePeriodSeconds"] = step.grace_period_seconds
    wanted = {"uid": when.uid, "resourceVersion": when.resource_version}
    conditions = {key: value for key, value in wanted.items() if value}
    return options | ({"preconditions": conditions} if conditions else {})
