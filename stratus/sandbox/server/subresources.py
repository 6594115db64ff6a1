"""Subresources that do more than show a part of an object: logs, eviction, binding, tokens, the proxy."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.eviction import evict
from stratus.sandbox.backend import Backend, BackendError, LogOptions
from stratus.sandbox.kernel import rfc3339
from stratus.sandbox.server import bodies
from stratus.sandbox.server.http import Request, Response, reply, text
from stratus.sandbox.server.routes import Target
from stratus.sandbox.server.tokens import ISSUER, Tokens

Object = dict[str, Any]

_SKIPPED_HEADERS = ("content-length", "transfer-encoding", "connection")


class Subresources:
    """Answers requests for subresources that need a backend or several objects."""

    def __init__(self, api: Api, backend: Backend, tokens: Tokens) -> None:
        self._api = api
        self._tokens = tokens
        self._backend = backend

    def handle(self, target: Target, request: Request) -> Response | None:
        """The answer, or None if the subresource is a plain part of its object."""
        handlers = {
            "log": self._log, "eviction": self._evict, "binding": self._bind, "proxy": self._proxy, "token": self._token,
            "exec": self._upgrade, "attach": self._upgrade, "portforward": self._upgrade,
        }  # fmt: skip
        handler = handlers.get(target.subresource)
        if handler is None:
            return None
        try:
            return handler(target, request)
        except BackendError as error:
            raise errors.ApiError(error.code, error.reason, error.message) from None

    def log_options(self, target: Target, request: Request) -> LogOptions:
        """The options of a log request; raises ApiError 400 or 404 as the API server does."""
        pod = self._api.get("pods", target.namespace, target.name)
        container = request.first("container") or self._only_container(pod)
        since = request.number("sinceSeconds")
        return LogOptions(
            container=self._existing(pod, container),
            previous=request.flag("previous"),
            tail_lines=request.number("tailLines"),
            since_seconds=float(since) if since is not None else None,
            limit_bytes=request.number("limitBytes"),
            timestamps=request.flag("timestamps"),
        )

    def _only_container(self, pod: Object) -> str:
        names = [each["name"] for each in pod["spec"]["containers"]]
        if len(names) == 1:
            return str(names[0])
        listed = " ".join(names)
        message = f"a container name must be specified for pod {pod['metadata']['name']}, choose one of: [{listed}]"
        init = [each["name"] for each in pod["spec"].get("initContainers", ())]
        if init:
            message += f" or one of the init containers: [{' '.join(init)}]"
        raise errors.bad_request(message)

    def _existing(self, pod: Object, container: str) -> str:
        known = [each["name"] for group in ("containers", "initContainers") for each in pod["spec"].get(group, ())]
        if container not in known:
            raise errors.bad_request(f"container {container} is not valid for pod {pod['metadata']['name']}")
        return container

    def _log(self, target: Target, request: Request) -> Response:
        options = self.log_options(target, request)
        return text(self._backend.logs(target.namespace, target.name, options))

    def _upgrade(self, target: Target, request: Request) -> Response:
        """What streams, asked for without a websocket: older clients speak SPDY, newer ones fall back to it when refused."""
        pod = self._api.get("pods", target.namespace, target.name)
        if request.first("container"):
            self._existing(pod, request.first("container"))
        served = "exec is served over websockets only (kubectl 1.30 and newer speak them)"
        raise errors.bad_request(served if target.subresource == "exec" else f"{target.subresource} is not served here")

    def _evict(self, target: Target, request: Request) -> Response:
        document = bodies.document(request)
        options = (document.get("deleteOptions") or {}) if isinstance(document, dict) else {}
        dry_run = bool(options.get("dryRun")) or bodies.write_options(request, target.kind).dry_run
        return reply(evict(self._api, target.namespace, target.name, options, dry_run=dry_run), 201)

    def _bind(self, target: Target, request: Request) -> Response:
        node = (bodies.document(request).get("target") or {}).get("name", "")
        bind(self._api, target.namespace, target.name, node)
        return reply({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)

    def _proxy(self, target: Target, request: Request) -> Response:
        rest = target.name.partition(":")[2] if target.name.count(":") == 2 else target.name
        name, _, port = rest.partition(":")
        path = target.rest or "/"
        query = [f"{key}={value}" for key, values in request.query.items() for value in values]
        if query:
            path = f"{path}?{'&'.join(query)}"
        answer = self._backend.proxy(
            target.kind.plural, target.namespace, name, port, request.method, path, dict(request.headers)
        )
        headers = [
            (key, value)
            for key, value in answer.headers.items()
            if key.lower() not in (*_SKIPPED_HEADERS, "content-type")
        ]
        media = next(
            (value for key, value in answer.headers.items() if key.lower() == "content-type"),
            "text/plain; charset=utf-8",
        )
        return Response(answer.status, answer.body, media, headers)

    def _token(self, target: Target, request: Request) -> Response:
        """TokenRequest for a service account: a bearer token that this server accepts as that account."""
        account = self._api.get("serviceaccounts", target.namespace, target.name)
        document = bodies.document(request)
        seconds = (document.get("spec") or {}).get("expirationSeconds") or 3600
        token, expires = self._tokens.issue(target.namespace, target.name, seconds)
        status = {"token": token, "expirationTimestamp": rfc3339(expires)}
        metadata = {
            "name": account["metadata"]["name"],
            "namespace": target.namespace,
            "creationTimestamp": self._api.kernel.timestamp(),
        }
        spec = {"audiences": [ISSUER], "expirationSeconds": seconds, "boundObjectRef": None}
        shown = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": metadata,
            "spec": spec,
            "status": status,
        }
        return reply(shown, 201)


def bind(api: Api, namespace: str, name: str, node: str) -> Object:
    """Assign a pod to a node, as the scheduler does; raises ApiError 409 if it has one already."""
    pod = api.get("pods", namespace, name)
    if pod["metadata"].get("deletionTimestamp"):
        raise errors.conflict(
            api.registry.stored("pods"), name, f"pod {name} is being deleted, cannot be assigned to a host"
        )
    current = pod["spec"].get("nodeName")
    if current:
        raise errors.conflict(api.registry.stored("pods"), name, f'pod {name} is already assigned to node "{current}"')
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": api.kernel.timestamp(),
    }
    status = pod.get("status") or {}
    others = [each for each in status.get("conditions") or () if each.get("type") != "PodScheduled"]
    changed = {
        **pod,
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**status, "conditions": [*others, scheduled]},
    }
    return api.replace_internal("pods", changed)
