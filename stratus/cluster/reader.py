"""Read-only access to a cluster, raw JSON: this type has no method that writes (I11)."""

from __future__ import annotations

import asyncio
import builtins
import json
from collections.abc import Mapping, Sequence

from stratus.cluster.answers import checked, failure
from stratus.cluster.discovery import Discovery, path_of
from stratus.cluster.transport import Query, Transport
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Retryable, Unobservable
from stratus.domain.objects import ClusterIdentity, ObjectRef
from stratus.ports import HttpReply, Resource

PAGE = 500
"""Objects per list request, kubectl's own value: bounds what the server must hold for one answer."""
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""Asks for metadata alone; a server that does not know it sends whole objects."""


class Reader:
    """ports.ClusterReader over a Transport."""

    def __init__(self, transport: Transport, discovery: Discovery | None = None) -> None:
        self._transport = transport
        self.discovery = discovery or Discovery(transport)

    async def identity(self) -> ClusterIdentity:
        """The kube-system namespace's uid says which cluster this is, whatever the kubeconfig calls it."""
        system, version = await asyncio.gather(
            self.get_path("/api/v1/namespaces/kube-system"), self.get_path("/version")
        )
        endpoint = self._transport.endpoint
        return ClusterIdentity(
            uid=system["metadata"]["uid"],
            server=endpoint.server,
            context=endpoint.context,
            version=str(version.get("gitVersion", "")),
        )

    async def resources(self) -> Sequence[Resource]:
        """Everything that discovery lists."""
        return await self.discovery.resources()

    async def get(self, ref: ObjectRef) -> JsonObject:
        """The object. Raises Absent."""
        resource = await self.discovery.of(ref)
        obj = await self.get_path(path_of(resource, ref.namespace, ref.name))
        obj.setdefault("apiVersion", resource.api_version)
        obj.setdefault("kind", resource.kind)
        return obj

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> builtins.list[JsonObject]:
        """All objects of a kind, in pages; an unknown kind has none."""
        try:
            resource = await self.discovery.resolve(kind, api_version)
        except Absent:
            return []
        return await self.list_resource(resource, namespace, labels=labels, fields=fields)

    async def list_resource(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> builtins.list[JsonObject]:
        """All objects of a resource; with ``metadata_only`` spec and status may be missing."""
        query: dict[str, str | int | bool] = {"limit": PAGE}
        query |= {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
        accept = METADATA if metadata_only else "application/json"
        path = path_of(resource, namespace)
        for _ in range(3):
            found = await self._pages(path, query, accept)
            if found is not None:
                return [item | {"apiVersion": resource.api_version, "kind": resource.kind} for item in found]
        raise Unobservable(f"the list of {resource.plural} expired three times while it was being read")

    async def _pages(self, path: str, query: Query, accept: str) -> builtins.list[JsonObject] | None:
        """Every page of one consistent list; None when its continuation expired (410) and it must start again."""
        items: list[JsonObject] = []
        token = ""
        while True:
            page_query = dict(query) | ({"continue": token} if token else {})
            answer = await self._transport.request("GET", path, query=page_query, accept=accept)
            if answer.status == 410:
                return None
            page = checked(answer, f"list {path}", writes=False)
            items += page.get("items") or []
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return items

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str = "",
        *,
        previous: bool = False,
        tail: int = 200,
        timestamps: bool = False,
    ) -> str:
        """The container's last lines; "" when it has not written (or not started) yet. ``timestamps``: each line begins
        with the time at which it was written (RFC 3339) and a space.
        """
        query: dict[str, str | int | bool] = {"tailLines": tail}
        query |= {"timestamps": True} if timestamps else {}
        query |= {"container": container} if container else {}
        query |= {"previous": True} if previous else {}
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        answer = await self._transport.request("GET", path, query=query, accept="*/*")
        if answer.status == 400:  # waiting to start, or no previous instance: no lines, and not an error
            return ""
        if answer.status != 200:
            raise failure(answer, f"logs of {pod}", writes=False)
        return answer.body.decode(errors="replace")

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        """GET through the service proxy. "No endpoints" and "connection refused" are a 503 like the application's own, and
        an application that does not answer in time is a 504, as long as the API server itself still answers.
        Raises Absent without the Service, Refused when the proxy is forbidden.
        """
        return await self._proxied(namespace, f"services/{service}", port, path, timeout)

    async def pod_request(self, namespace: str, pod: str, port: str, path: str, timeout: float = 3.0) -> HttpReply:
        """The same through the pod proxy, for what each pod says of itself."""
        return await self._proxied(namespace, f"pods/{pod}", port, path, timeout)

    async def _proxied(self, namespace: str, what: str, port: str, path: str, timeout: float) -> HttpReply:
        target = f"/api/v1/namespaces/{namespace}/{what}:{port}/proxy/{path.lstrip('/')}"
        try:
            answer = await self._transport.request("GET", target, accept="*/*", timeout=timeout)
        except Retryable:
            await self.get_path("/version")
            return HttpReply(status=504, body=f"no answer within {timeout:g} s")
        if answer.status in (401, 403, 404) and b'"kind":"Status"' in answer.body.replace(b" ", b""):
            raise failure(answer, f"proxy to {what}", writes=False)
        return HttpReply(status=answer.status, body=answer.body.decode(errors="replace"))

    async def path_request(self, path: str, query: Mapping[str, str], timeout: float = 3.0) -> HttpReply:
        """GET any path, with whatever status it answers."""
        answer = await self._transport.request("GET", path, query=dict(query), accept="*/*", timeout=timeout)
        return HttpReply(status=answer.status, body=answer.body.decode(errors="replace"))

    async def can_i(self, verb: str, ref: ObjectRef, subresource: str = "") -> bool:
        """A SelfSubjectAccessReview for one object."""
        resource = await self.discovery.of(ref)
        attributes = {"verb": verb, "group": resource.group, "resource": resource.plural, "name": ref.name}
        attributes |= {"namespace": ref.namespace} if ref.namespace else {}
        attributes |= {"subresource": subresource} if subresource else {}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = await self._transport.request("POST", path, body=json.dumps(review).encode())
        return bool(checked(answer, "access review", writes=False).get("status", {}).get("allowed"))

    async def get_path(self, path: str, query: Query | None = None) -> JsonObject:
        """GET any path that answers with a JSON object."""
        return checked(await self._transport.request("GET", path, query=query), f"get {path}", writes=False)
