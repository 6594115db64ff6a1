"""Answers that go on: watches, followed logs, and commands run over a websocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.backend import Backend, BackendError, LogOptions
from stratus.sandbox.server.http import Request, dumps, parse_query
from stratus.sandbox.server.routes import Target

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Object = dict[str, Any]

FOLLOW_SECONDS = 0.2
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
_OUT, _ERR, _STATUS = 1, 2, 3


async def send_stream(chunks: AsyncIterator[bytes], receive: Receive, send: Send, media: str) -> None:
    """Send chunks as they come until they end or the client goes away."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", media.encode())]})
    sender = asyncio.create_task(_pump(chunks, send))
    watcher = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({sender, watcher}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sender, watcher):
            task.cancel()
        await asyncio.gather(sender, watcher, return_exceptions=True)


async def _pump(chunks: AsyncIterator[bytes], send: Send) -> None:
    try:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def follow_log(backend: Backend, target: Target, options: LogOptions) -> AsyncIterator[bytes]:
    """A pod's log as it grows; ends when the container has."""
    try:
        text = backend.logs(target.namespace, target.name, options)
    except BackendError as error:
        yield f"{error.message}\n".encode()
        return
    yield text.encode()
    _, position, _ = backend.log_since(target.namespace, target.name, options.container, 0)
    ended = False
    while not ended:
        await asyncio.sleep(FOLLOW_SECONDS)
        try:
            text, position, ended = backend.log_since(target.namespace, target.name, options.container, position)
        except BackendError:
            return
        if text:
            yield text.encode()


async def websocket(
    api: Api,
    backend: Backend,
    resolve: Callable[[Request], tuple[Target, Request]],
    scope: Message,
    receive: Receive,
    send: Send,
) -> None:
    """exec and attach over `channel.k8s.io`; port-forward asks for SPDY inside, which is not served."""
    await receive()
    request = Request(
        "GET",
        scope["path"],
        parse_query(scope["query_string"].decode()),
        {key.decode().lower(): value.decode("latin-1") for key, value in scope["headers"]},
    )
    protocol = next((each for each in _PROTOCOLS if each in scope.get("subprotocols", ())), None)
    try:
        target, request = resolve(request)
        if target.subresource not in ("exec",) or protocol is None:
            raise ApiError(400, "BadRequest", f"{target.subresource} is not served over this protocol")
        container = _container(api, target, request)
    except ApiError as error:
        await _refuse(send, error)
        return
    await send({"type": "websocket.accept", "subprotocol": protocol})
    await _exec(backend, target, request, container, receive, send, protocol)


def _container(api: Api, target: Target, request: Request) -> str:
    pod = api.get("pods", target.namespace, target.name)
    names = [each["name"] for each in pod["spec"]["containers"]]
    wanted = request.first("container") or names[0]
    if wanted not in names:
        raise ApiError(400, "BadRequest", f"container {wanted} is not valid for pod {target.name}")
    return str(wanted)


async def _refuse(send: Send, error: ApiError) -> None:
    body = dumps(error.status())
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": error.code, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


async def _exec(
    backend: Backend, target: Target, request: Request, container: str, receive: Receive, send: Send, protocol: str
) -> None:
    stdin = await _stdin(receive) if request.flag("stdin") and not request.flag("tty") else ""
    status: Object = {"metadata": {}, "status": "Success"}
    try:
        result = backend.exec(target.namespace, target.name, container, tuple(request.query.get("command", ())), stdin)
        await _channel(send, _OUT, result.out)
        await _channel(send, _ERR, result.err)
        if result.code:
            status = _exit_status(result.code)
    except BackendError as error:
        status = {
            "metadata": {},
            "status": "Failure",
            "message": error.message,
            "reason": error.reason,
            "code": error.code,
        }
    if protocol != "channel.k8s.io":
        await send({"type": "websocket.send", "bytes": bytes([_STATUS]) + dumps(status)})
    await send({"type": "websocket.close", "code": 1000})


def _exit_status(code: int) -> Object:
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: Error executing in Docker Container: {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _channel(send: Send, channel: int, text: str) -> None:
    if text:
        await send({"type": "websocket.send", "bytes": bytes([channel]) + text.encode()})


async def _stdin(receive: Receive) -> str:
    """Standard input until the client closes it (protocol v5), or goes silent."""
    parts: list[bytes] = []
    while True:
        try:
            async with asyncio.timeout(1.0):
                message = await receive()
        except TimeoutError:
            break
        data = message.get("bytes") or b""
        if message["type"] == "websocket.disconnect" or data[:1] == b"\xff":
            break
        if data[:1] == b"\x00":
            parts.append(data[1:])
    return b"".join(parts).decode("utf-8", "replace")
