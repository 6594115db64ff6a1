"""metrics.k8s.io: what pods and nodes use now, for `kubectl top` and the autoscaler."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors, selectors
from stratus.sandbox.api.core import Api
from stratus.sandbox.backend import Backend, Usage
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server.http import Request, Response, reply
from stratus.sandbox.server.routes import Target

Object = dict[str, Any]
GROUP = "metrics.k8s.io"


def handle(api: Api, backend: Backend, target: Target, request: Request) -> Response:
    """One object's metrics or a list of them; raises ApiError 404 for what does not run."""
    show = _node if target.kind.plural == "nodes" else _pod
    resource = target.kind.plural
    if target.name:
        found = show(api, backend, api.get(resource, target.namespace, target.name))
        if found is None:
            raise errors.not_found(target.kind, target.name)
        return reply(found)
    by_label = selectors.parse_labels(request.first("labelSelector"))
    objects = [
        obj for obj in api.store.list(resource, target.namespace) if by_label(obj["metadata"].get("labels") or {})
    ]
    items = [each for each in (show(api, backend, obj) for obj in objects) if each is not None]
    return reply(_list(target.kind, items))


def _list(kind: Kind, items: list[Object]) -> Object:
    return {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": {}, "items": items}


def _pod(api: Api, backend: Backend, pod: Object) -> Object | None:
    used = backend.usage(pod)
    if not used:
        return None
    containers = [{"name": name, "usage": _usage(each)} for name, each in used.items()]
    return {**_head(api, "PodMetrics", pod), "containers": containers}


def _node(api: Api, backend: Backend, node: Object) -> Object | None:
    cpu, memory = 0.05, 150 * 1024 * 1024  # what the node's own daemons use
    for pod in api.store.list("pods"):
        if pod["spec"].get("nodeName") == node["metadata"]["name"]:
            for each in backend.usage(pod).values():
                cpu, memory = cpu + each.cpu, memory + each.memory
    return {**_head(api, "NodeMetrics", node), "usage": _usage(Usage(cpu, memory))}


def _head(api: Api, kind: str, obj: Object) -> Object:
    kept = ("name", "namespace", "labels", "creationTimestamp")
    metadata = {key: obj["metadata"][key] for key in kept if key in obj["metadata"]}
    return {
        "kind": kind,
        "apiVersion": f"{GROUP}/v1beta1",
        "metadata": metadata,
        "timestamp": api.kernel.timestamp(),
        "window": "15s",
    }


def _usage(used: Usage) -> Object:
    return {"cpu": f"{int(used.cpu * 1e9)}n", "memory": f"{used.memory // 1024}Ki"}
