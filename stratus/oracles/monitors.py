"""Where a Prometheus or an Alertmanager is asked: at a URL, or through the API server, which needs no port-forward."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stratus.domain.errors import InvalidInput, StratusError, Unobservable
from stratus.oracles import http
from stratus.oracles.requests import SERVICE
from stratus.ports import ClusterReader, PathReader


@dataclass(frozen=True)
class Monitor:
    """One of them: ``base`` is a URL, ``svc:NAMESPACE/NAME:PORT[/PREFIX]``, or a path of the API server."""

    base: str
    reader: ClusterReader
    timeout: float = 5.0

    @property
    def name(self) -> str:
        """For people: without credentials."""
        return http.shown(self.base) if urlsplit(self.base).netloc else self.base

    async def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        """The JSON body of a 2xx answer. Raises Unobservable for anything else."""
        inside = path_of(self.base)
        if inside is None:
            return await http.get_json(f"{self.base.rstrip('/')}/{path}", self.timeout, params)
        if not isinstance(self.reader, PathReader):
            raise Unobservable(f"{self.name}: only a URL can be asked here")
        try:
            reply = await self.reader.path_request(f"{inside}/{path}", params or {}, self.timeout)
        except StratusError as error:
            raise Unobservable(f"{self.name}: {error}") from error
        if reply.status // 100 != 2:
            raise Unobservable(f"{self.name} answered {reply.status}: {reply.body[:200]}")
        try:
            return json.loads(reply.body)
        except ValueError as error:
            raise Unobservable(f"{self.name} did not answer in JSON: {error}") from error


def path_of(base: str) -> str | None:
    """The path of the API server that a base stands for; None for a URL. Raises InvalidInput for neither."""
    service = SERVICE.fullmatch(base)
    if service:
        namespace, name, port, prefix = service.groups()
        return f"/api/v1/namespaces/{namespace}/services/{name}:{port}/proxy{(prefix or '').rstrip('/')}"
    if base.startswith("/"):
        return base.rstrip("/")
    if urlsplit(base).scheme in ("http", "https") and urlsplit(base).netloc:
        return None
    raise InvalidInput(f"{base!r} is no address of a monitoring: give http://HOST[/PATH] or svc:NAMESPACE/NAME:PORT")
