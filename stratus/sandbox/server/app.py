"""The server: authentication, routing, and the ASGI side with its watches and streams."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

from stratus.sandbox.api import errors, rbac
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.api.options import User
from stratus.sandbox.backend import Backend, Monitoring
from stratus.sandbox.server import columns, discovery, metrics, reviews, routes, streaming
from stratus.sandbox.server.control import PREFIX, Control
from stratus.sandbox.server.handlers import Handlers
from stratus.sandbox.server.http import Request, Response, page_not_found, parse_query, reply, text
from stratus.sandbox.server.openapi import OpenApi
from stratus.sandbox.server.routes import Target
from stratus.sandbox.server.subresources import Subresources
from stratus.sandbox.server.tokens import ACCOUNT, Tokens
from stratus.sandbox.server.watching import Watch

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEALTH = ("/healthz", "/livez", "/readyz")
_MONITORING = ("/prometheus/", "/alertmanager/")
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class ApiServer:
    """An ASGI application. `tokens` maps bearer tokens to users; without any, everybody is the administrator."""

    def __init__(
        self, api: Api, backend: Backend, monitoring: Monitoring, *, tokens: Mapping[str, User] | None = None,
        settle: Callable[[], None] | None = None, control: Control | None = None,
    ) -> None:  # fmt: skip
        self._api = api
        self._backend = backend
        self._monitoring = monitoring
        self._tokens = tokens
        self._settle = settle
        self._control = control
        self._handlers = Handlers(api)
        self._accounts = Tokens(api.kernel)
        self._subresources = Subresources(api, backend, self._accounts)
        self.custom_schemas: dict[tuple[str, str], dict[str, Any]] = {}
        self._openapi = OpenApi(api.registry, self.custom_schemas)

    def handle(self, request: Request) -> Response:
        """Answer one request that needs no stream."""
        try:
            if request.path.startswith(_MONITORING):
                answer = self._monitoring.http(request.method, request.path, request.query, request.body)
                return Response(answer.status, answer.body, answer.headers.get("content-type", "application/json"))
            request = self._authenticated(request)
            response = self._route(request)
        except ApiError as error:
            response = reply(error.status(), error.code)
            if error.code == 429:
                response.headers.append(("Retry-After", "10"))
        except ValueError as error:
            response = reply(errors.bad_request(str(error)).status(), 400)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            response = reply(errors.internal(f"{type(error).__name__}: {error}").status(), 500)
        if self._settle is not None and request.method != "GET":
            self._settle()
        return response

    def _route(self, request: Request) -> Response:
        plain = self._plain(request)
        if plain is not None:
            return plain
        target = routes.resolve(self._api.registry, request.path)
        if target is None:
            return self._not_served(request)
        self.authorize(target, request)
        if target.kind.group == metrics.GROUP:
            return metrics.handle(self._api, self._backend, target, request)
        if target.kind.kind in reviews.KINDS:
            return reviews.handle(self._api, target, request, self._user_of_token)
        special = self._subresources.handle(target, request) if target.subresource else None
        return special or self._handlers.handle(target, request)

    def _not_served(self, request: Request) -> Response:
        """A Status where the group version is served, a plain page elsewhere."""
        group_version = "/".join(request.path.split("/")[: 3 if request.path.startswith("/api/") else 4])
        if discovery.serve(self._api.registry, Request("GET", group_version)) in (None, page_not_found()):
            return page_not_found()
        raise ApiError(404, "NotFound", "the server could not find the requested resource", {})

    def _plain(self, request: Request) -> Response | None:
        """Paths that are no resources."""
        if request.path.startswith(_HEALTH):
            return text("ok")
        if request.path.startswith(PREFIX) and self._control is not None:
            return self._control.handle(request)
        if request.path == "/":
            return reply(
                {"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]}
            )
        return discovery.serve(self._api.registry, request) or self._openapi.serve(request)

    def _authenticated(self, request: Request) -> Request:
        user = User()
        if self._tokens is not None and not request.path.startswith(_HEALTH):
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            found = self._user_of_token(token.strip()) if scheme.lower() == "bearer" else None
            if found is None:
                raise ApiError(401, "Unauthorized", "Unauthorized")
            user = found
        impersonated = request.headers.get("impersonate-user")
        if impersonated and rbac.is_master(user):
            groups = request.headers.get("impersonate-group", "")
            user = User(impersonated, (*filter(None, groups.split(",")), *_groups_of(impersonated)))
        headers = {**request.headers, columns.NOW_HEADER: str(self._api.kernel.now())}
        return replace(request, user=user, headers=headers)

    def _user_of_token(self, token: str) -> User | None:
        if self._tokens is not None and token in self._tokens:
            return self._tokens[token]
        account = self._accounts.account(token)
        if account is None or self._api.store.get("serviceaccounts", *account) is None:
            return None
        name = f"{ACCOUNT}{':'.join(account)}"
        return User(name, _groups_of(name))

    def authorize(self, target: Target, request: Request) -> None:
        """Refuse (403) what the user's roles do not cover; reviews about oneself are for everybody."""
        if rbac.is_master(request.user) or target.kind.kind.startswith("SelfSubject"):
            return
        verb = self._verb(target, request)
        kind = target.kind
        asked = rbac.Attributes(verb, kind.group, kind.plural, target.subresource, target.namespace, target.name)
        if rbac.allowed(self._api.store, request.user, asked)[0]:
            return
        resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
        where = f' in the namespace "{target.namespace}"' if target.namespace else " at the cluster scope"
        detail = f'User "{request.user.name}" cannot {verb} resource "{resource}" in API group "{kind.group}"{where}'
        raise errors.forbidden(kind, target.name, detail)

    def _verb(self, target: Target, request: Request) -> str:
        if request.method == "GET":
            if request.flag("watch"):
                return "watch"
            return "get" if target.name else "list"
        if request.method == "DELETE":
            return "delete" if target.name else "deletecollection"
        return _VERBS.get(request.method, request.method.lower())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await streaming.websocket(self._api, self._backend, self._stream_target, scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    def _stream_target(self, request: Request) -> tuple[Target, Request]:
        request = self._authenticated(request)
        target = routes.resolve(self._api.registry, request.path)
        if target is None or not target.subresource:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        self.authorize(target, request)
        return target, request

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(
            scope["method"],
            scope["path"],
            parse_query(scope["query_string"].decode()),
            {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]},
            await _body(receive),
        )
        stream = self._stream(request)
        if stream is None:
            await _respond(send, self.handle(request))
        elif isinstance(stream, Response):
            await _respond(send, stream)
        elif isinstance(stream, Watch):
            await streaming.send_stream(stream.events(), receive, send, "application/json")
        else:
            await streaming.send_stream(stream, receive, send, "text/plain; charset=utf-8")

    def _stream(self, request: Request) -> Any:
        """A watch or a followed log, the error that refuses it, or None for an ordinary request."""
        following = request.path.endswith("/log") and request.flag("follow")
        if request.method != "GET" or not (request.flag("watch") or following):
            return None
        try:
            request = self._authenticated(request)
            target = routes.resolve(self._api.registry, request.path)
            if target is None:
                return page_not_found()
            self.authorize(target, request)
            if following:
                return streaming.follow_log(self._backend, target, self._subresources.log_options(target, request))
            return Watch(self._api.store, target.kind, target.namespace, target.name, request)
        except ApiError as error:
            return reply(error.status(), error.code)


def _groups_of(name: str) -> tuple[str, ...]:
    """The groups that a user is in by nature: service accounts are in those of all, and of their namespace."""
    if not name.startswith(ACCOUNT):
        return ("system:authenticated",)
    namespace = name.removeprefix(ACCOUNT).partition(":")[0]
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _respond(send: Send, response: Response) -> None:
    headers = [(b"content-type", response.content_type.encode()), (b"content-length", str(len(response.body)).encode())]
    headers += [(key.lower().encode(), value.encode("latin-1", "replace")) for key, value in response.headers]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
