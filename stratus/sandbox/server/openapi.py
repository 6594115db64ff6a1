"""OpenAPI documents: v3 per group version, which kubectl asks for, and v2 for older clients.

They are made from the same definitions that validate requests, on first use.
"""

from __future__ import annotations

import hashlib
from typing import Any

from stratus.sandbox.schema.definitions import raw_definitions
from stratus.sandbox.schema.kinds import Kind, Registry
from stratus.sandbox.server.http import Request, Response, dumps, page_not_found, reply

Object = dict[str, Any]

_PATCHES = (
    "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)  # fmt: skip


class OpenApi:
    """Serves /openapi/v2 and /openapi/v3, cached until the served kinds change."""

    def __init__(self, registry: Registry, custom_schemas: dict[tuple[str, str], Object]) -> None:
        self._registry = registry
        self._custom = custom_schemas
        self._cache: dict[str, bytes] = {}
        self._generation = -1

    def serve(self, request: Request) -> Response | None:
        """The document at the request's path, or None if the path is another's."""
        path = request.path.rstrip("/")
        if not path.startswith("/openapi/"):
            return None
        if self._generation != self._registry.generation:
            self._cache.clear()
            self._generation = self._registry.generation
        if path == "/openapi/v2":
            if "protobuf" in request.headers.get("accept", "") and "json" not in request.headers.get("accept", ""):
                return reply({"kind": "Status", "status": "Failure", "code": 406}, 406)
            return Response(200, self._cached(path, self._v2))
        if path == "/openapi/v3":
            return Response(200, self._cached(path, self._index))
        group, version = self._split(path)
        kinds = [kind for kind in self._registry if (kind.group, kind.version) == (group, version)]
        if not kinds:
            return page_not_found()
        return Response(200, self._cached(path, lambda: self._v3(kinds)))

    def _cached(self, path: str, make: Any) -> bytes:
        if path not in self._cache:
            self._cache[path] = dumps(make())
        return self._cache[path]

    def _split(self, path: str) -> tuple[str, str]:
        parts = path.removeprefix("/openapi/v3/").split("/")
        return ("", parts[-1]) if parts[0] == "api" else (parts[1] if len(parts) > 2 else "", parts[-1])

    def _index(self) -> Object:
        paths = {}
        for kind in self._registry:
            key = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
            digest = hashlib.blake2b(f"{key}{self._generation}".encode(), digest_size=8).hexdigest()
            paths[key] = {"serverRelativeURL": f"/openapi/v3/{key}?hash={digest}"}
        return {"paths": paths}

    def _v3(self, kinds: list[Kind]) -> Object:
        names = [name for kind in kinds if (name := self._name(kind))]
        schemas = {name: _refer(node, "#/components/schemas/") for name, node in self._closure(names).items()}
        paths: Object = {}
        for kind in kinds:
            paths.update(_paths(kind, _v3_operation))
        return {
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "v1.31.0"},
            "paths": paths,
            "components": {"schemas": schemas},
        }

    def _v2(self) -> Object:
        names = [name for kind in self._registry if (name := self._name(kind))]
        definitions = {name: _refer(node, "#/definitions/") for name, node in self._closure(names).items()}
        paths: Object = {}
        for kind in self._registry:
            paths.update(_paths(kind, _v2_operation))
        return {
            "swagger": "2.0",
            "info": {"title": "Kubernetes", "version": "v1.31.0"},
            "paths": paths,
            "definitions": definitions,
        }

    def _name(self, kind: Kind) -> str:
        if kind.custom:
            reverse = ".".join(reversed(kind.group.split(".")))
            return f"{reverse}.{kind.version}.{kind.kind}"
        return kind.definition if kind.definition in raw_definitions() else ""

    def _closure(self, names: list[str]) -> dict[str, Object]:
        """The definitions of `names` and all that they refer to."""
        found: dict[str, Object] = {}
        waiting = list(names)
        custom = {self._name(kind): kind for kind in self._registry if kind.custom}
        raw = raw_definitions()
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            if name in custom:
                found[name] = self._custom_definition(custom[name])
                waiting.append("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
                continue
            found[name] = raw.get(name, {"type": "object"})
            waiting += _references(found[name])
        return found

    def _custom_definition(self, kind: Kind) -> Object:
        schema = dict(self._custom.get((kind.resource, kind.version)) or {"type": "object"})
        meta = {"$ref": "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        typed = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": meta}
        schema["properties"] = {**(schema.get("properties") or {}), **typed}
        schema["x-kubernetes-group-version-kind"] = [{"group": kind.group, "version": kind.version, "kind": kind.kind}]
        return schema


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [name for each in node.values() for name in _references(each)]


def _refer(node: Any, prefix: str) -> Any:
    """The schema with references in the form of the document's version."""
    if isinstance(node, list):
        return [_refer(each, prefix) for each in node]
    if not isinstance(node, dict):
        return node
    if "oneOf" in node and len(node) == 1:
        return {"type": "string"} if prefix == "#/definitions/" else node
    target = node.get("$ref")
    if isinstance(target, str):
        kept = {key: value for key, value in node.items() if key in ("description", "default")}
        reference = {"$ref": prefix + target}
        return {**kept, "allOf": [reference]} if kept and prefix.startswith("#/components") else {**kept, **reference}
    return {key: _refer(value, prefix) for key, value in node.items()}


def _paths(kind: Kind, operation: Any) -> Object:
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    collection = f"{base}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{base}/{kind.plural}"
    many = {"get": operation(kind, "list"), "post": operation(kind, "post")}
    one = {verb: operation(kind, verb) for verb in ("get", "put", "patch", "delete")}
    return {collection: many, collection + "/{name}": one}


def _action(kind: Kind, verb: str) -> Object:
    return {
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
    }


def _v3_operation(kind: Kind, verb: str) -> Object:
    shown: Object = {**_action(kind, verb), "responses": {"200": {"description": "OK"}}}
    if verb in ("post", "put", "patch"):
        names = ("dryRun", "fieldManager", "fieldValidation")
        shown["parameters"] = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
        media = _PATCHES if verb == "patch" else ("application/json",)
        shown["requestBody"] = {"content": {each: {"schema": {"type": "object"}} for each in media}}
    return shown


def _v2_operation(kind: Kind, verb: str) -> Object:
    shown: Object = {**_action(kind, verb), "responses": {"200": {"description": "OK"}}}
    if verb in ("post", "put", "patch"):
        names = ("dryRun", "fieldManager", "fieldValidation")
        shown["parameters"] = [{"name": name, "in": "query", "type": "string", "uniqueItems": True} for name in names]
        if verb == "patch":
            shown["consumes"] = list(_PATCHES)
    return shown
