"""Sends one typed step, with its preconditions, and says exactly what became of it.

A dry run and a namespace fence are types, not flags, so that no call can forget them.
"""

from __future__ import annotations

from collections.abc import Collection

from stratus.cluster.answers import checked, without_values
from stratus.cluster.discovery import Discovery
from stratus.cluster.requests import WriteRequest, request_for, scale_patch
from stratus.cluster.transport import DEFAULT_TIMEOUT, Transport
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused, StratusError
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, EvictStep, PatchStep, ScaleStep, Step
from stratus.ports import ClusterWriter, Precondition, Resource

BUILT_IN_SCALE = frozenset({"apps", "extensions", ""})
"""Groups whose scalable resources keep their count in spec.replicas."""


class Writer:
    """ports.ClusterWriter over a Transport."""

    def __init__(
        self, transport: Transport, discovery: Discovery | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """``timeout`` in seconds bounds each write, so a lease holder knows when the last one has ended."""
        self._transport = transport
        self._discovery = discovery or Discovery(transport)
        self._timeout = timeout

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        """See ports.ClusterWriter."""
        resource = await self._discovery.of(step.target)
        _check_target(step, resource)
        if isinstance(step, ScaleStep):
            step = await self._as_patch(step, resource)
        eviction = await self._eviction_version() if isinstance(step, EvictStep) else ""
        request = self._finished(request_for(step, resource, precondition, eviction))
        answer = await self._transport.request(
            request.method,
            request.path,
            query=request.query,
            body=request.encoded(),
            content_type=request.content_type,
            timeout=self._timeout,
        )
        writes = "dryRun" not in request.query
        try:
            stored = checked(answer, f"{step.kind} {step.target}", writes=writes)
        except StratusError as error:
            raise (without_values(error) if step.target.kind == "Secret" else error) from None
        return _remaining(step, stored)

    def _finished(self, request: WriteRequest) -> WriteRequest:
        return request

    async def _as_patch(self, step: ScaleStep, resource: Resource) -> PatchStep:
        if "scale" not in resource.subresources:
            raise Refused(f"{step.target} cannot be scaled: the server offers no scale for {resource.plural}")
        if resource.group in BUILT_IN_SCALE:
            return scale_patch(step)
        return scale_patch(step, await self._replicas_path(resource))

    async def _replicas_path(self, resource: Resource) -> tuple[str, ...]:
        """Where a custom resource keeps its replica count, as its definition declares."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{resource.plural}.{resource.group}"
        what = f"definition of {resource.plural}"
        definition = checked(await self._transport.request("GET", path), what, writes=False)
        for version in definition["spec"]["versions"]:
            if version["name"] == resource.version:
                declared = version.get("subresources", {}).get("scale", {}).get("specReplicasPath", "")
                if declared:
                    return tuple(declared.strip(".").split("."))
        raise Refused(f"the {what} declares no replica path for {resource.version}")

    async def _eviction_version(self) -> str:
        """policy/v1 where the server has it (1.22 on), else policy/v1beta1."""
        resources = await self._discovery.resources()
        return "policy/v1" if any(r.api_version == "policy/v1" for r in resources) else "policy/v1beta1"


class DryRunWriter(Writer):
    """A writer that cannot write: everything it sends is a dry run, which the server checks and admits but never stores."""

    def _finished(self, request: WriteRequest) -> WriteRequest:
        return request.dry()


class FencedWriter:
    """Refuses namespaced targets outside the given namespaces. Cluster-scoped targets pass: a tier of their own."""

    def __init__(self, inner: ClusterWriter, namespaces: Collection[str]) -> None:
        """No namespaces: no fence."""
        self._inner = inner
        self._namespaces = frozenset(namespaces)

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        """See ports.ClusterWriter."""
        check_fence(step.target, self._namespaces)
        return await self._inner.send(step, precondition)


def check_fence(target: ObjectRef, namespaces: Collection[str]) -> None:
    """Raises Refused for a target outside ``namespaces`` (none given: everything is inside)."""
    own = target.name if target.kind == "Namespace" else target.namespace
    if namespaces and own and own not in namespaces:
        raise Refused(f"{target.path} is outside the namespaces of this run ({', '.join(sorted(namespaces))})")


def _check_target(step: Step, resource: Resource) -> None:
    if resource.namespaced and not step.target.namespace:
        raise Refused(f"{step.kind} {step.target}: {resource.kind} is namespaced, and no namespace is given")
    if not resource.namespaced and step.target.namespace:
        raise Refused(f"{step.kind} {step.target}: {resource.kind} has no namespace")
    if isinstance(step, CreateStep):
        meta = step.manifest.get("metadata", {})
        if (meta.get("namespace") or step.target.namespace) != step.target.namespace:
            raise Refused(f"create {step.target.path}: the manifest says namespace {meta['namespace']}")


def _remaining(step: Step, stored: JsonObject) -> JsonObject:
    """What is left of the object: after a delete {} unless it lingers for its grace period or finalizers."""
    if isinstance(step, EvictStep):
        return {}
    if not isinstance(step, DeleteStep):
        return stored
    meta = stored.get("metadata") or {}
    waits = bool(meta.get("finalizers")) or (meta.get("deletionGracePeriodSeconds") or 0) > 0
    return stored if stored.get("kind") != "Status" and meta.get("deletionTimestamp") and waits else {}
