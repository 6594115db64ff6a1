"""Requests and responses of the server, free of any framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from stratus.sandbox.api.options import User

Object = dict[str, Any]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
JSON = "application/json"


@dataclass(slots=True)
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = field(default_factory=User)

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]

    def flag(self, name: str) -> bool:
        """A boolean query parameter, read as Go's ParseBool reads it (a bare name counts as true)."""
        return name in self.query and self.first(name) in ("", "1", "t", "T", "true", "TRUE", "True")

    def number(self, name: str) -> int | None:
        """An integer query parameter, or None; raises ValueError."""
        text = self.first(name)
        return int(text) if text else None

    def accepts(self, token: str) -> bool:
        return token in self.headers.get("accept", "")


@dataclass(slots=True)
class Response:
    """One HTTP response."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)


def parse_query(text: str) -> dict[str, list[str]]:
    """Query parameters, empty values included."""
    return parse_qs(text, keep_blank_values=True)


def dumps(value: Any) -> bytes:
    """Compact JSON."""
    return _encode(value).encode()


def reply(value: Any, status: int = 200) -> Response:
    """A JSON response."""
    return Response(status, dumps(value))


def text(value: str, status: int = 200) -> Response:
    """A plain-text response."""
    return Response(status, value.encode(), "text/plain; charset=utf-8")


def page_not_found() -> Response:
    """What the API server answers for a path that it does not serve."""
    return text("404 page not found\n", 404)
