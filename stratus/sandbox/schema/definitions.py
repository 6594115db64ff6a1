"""Schemas as small trees of nodes, compiled on first use from the OpenAPI definitions or from a CRD."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import resources
from typing import Any

_OPAQUE = {
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Patch",
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
}
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "micro-time",
}
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Node:
    """One place in a schema.

    `type` is object (known fields), map (any keys), array, string, integer, number, boolean, quantity, int-or-string,
    time, micro-time or any.
    """

    __slots__ = (
        "definition", "fields", "format", "items", "list_type", "map_keys", "merge_key", "merge_strategies",
        "preserve", "raw", "required", "struct_type", "type",
    )  # fmt: skip

    def __init__(self, type_: str, definition: str = "") -> None:
        self.type = type_
        self.definition = definition
        self.fields: dict[str, Node] = {}
        self.items: Node | None = None
        self.required: frozenset[str] = frozenset()
        self.format = ""
        self.merge_key = ""
        self.merge_strategies: frozenset[str] = frozenset()
        self.list_type = "atomic"
        self.map_keys: tuple[str, ...] = ()
        self.struct_type = "granular"
        self.preserve = False
        self.raw: dict[str, Any] = {}

    def child(self, name: str) -> Node | None:
        """The schema of a field or map value, or None if unknown."""
        if self.type == "map":
            return self.items
        return self.fields.get(name)


ANY = Node("any")


@cache
def raw_definitions() -> dict[str, Any]:
    """The OpenAPI definitions by name, with descriptions."""
    data = resources.files("stratus.sandbox.schema").joinpath("definitions.json.gz").read_bytes()
    loaded: dict[str, Any] = json.loads(gzip.decompress(data))
    return loaded


@cache
def definition(name: str) -> Node:
    """The compiled schema of a definition; an unknown name is opaque."""
    if name in _OPAQUE:
        return ANY
    if name in _SPECIAL:
        return Node(_SPECIAL[name], name)
    raw = raw_definitions().get(name)
    if raw is None:
        return ANY
    return _compile(raw, name)


def _compile(raw: dict[str, Any], name: str = "") -> Node:
    if "$ref" in raw and isinstance(raw["$ref"], str):
        return _refine(definition(raw["$ref"]), raw)
    node = Node(_type(raw), name)
    node.format = raw.get("format", "")
    node.required = frozenset(raw.get("required", ()))
    node.struct_type = raw.get("x-kubernetes-map-type", "granular")
    if node.type == "object":
        node.fields = _LazyFields(raw.get("properties", {}))
    elif node.type == "map":
        node.items = _compile(raw["additionalProperties"])
    elif node.type == "array":
        _compile_list(node, raw)
    return node


def _type(raw: dict[str, Any]) -> str:
    if "additionalProperties" in raw and "properties" not in raw:
        return "map"
    kind: str = raw.get("type", "any")
    if kind == "object" and "properties" not in raw:
        return "object" if "description" in raw else "any"
    return kind


def _compile_list(node: Node, raw: dict[str, Any]) -> None:
    node.items = _compile(raw.get("items", {}))
    node.list_type = raw.get("x-kubernetes-list-type", "atomic")
    node.map_keys = tuple(raw.get("x-kubernetes-list-map-keys", ()))
    node.merge_key = raw.get("x-kubernetes-patch-merge-key", "")
    node.merge_strategies = frozenset(filter(None, raw.get("x-kubernetes-patch-strategy", "").split(",")))


def _refine(node: Node, raw: dict[str, Any]) -> Node:
    """A reference with its own merge strategy or map type needs a node of its own."""
    strategy, struct_type = raw.get("x-kubernetes-patch-strategy"), raw.get("x-kubernetes-map-type")
    if strategy is None and struct_type is None:
        return node
    copy = Node(node.type, node.definition)
    for slot in Node.__slots__:
        setattr(copy, slot, getattr(node, slot))
    copy.merge_strategies = frozenset(filter(None, (strategy or "").split(",")))
    copy.struct_type = struct_type or node.struct_type
    return copy


class _LazyFields(dict[str, Node]):
    """Fields compiled when first looked up: schemas are recursive, and most of a kind is never used."""

    __slots__ = ("_raw",)

    def __init__(self, raw: dict[str, Any]) -> None:
        super().__init__()
        self._raw = raw

    def __missing__(self, name: str) -> Node:
        node = self[name] = _compile(self._raw[name])
        return node

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self._raw else default

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def names(self) -> list[str]:
        """All field names, compiled or not."""
        return list(self._raw)


def compile_custom(raw: dict[str, Any], *, root: bool = False) -> Node:
    """The schema of a custom resource from its CRD's openAPIV3Schema."""
    node = Node("any")
    node.raw = raw
    node.format = raw.get("format", "")
    node.required = frozenset(raw.get("required", ()))
    node.preserve = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
    node.struct_type = raw.get("x-kubernetes-map-type", "granular")
    if raw.get("x-kubernetes-int-or-string"):
        node.type = "int-or-string"
        return node
    node.type = raw.get("type", "any")
    if node.type == "array":
        node.items = compile_custom(raw.get("items", {}))
        node.list_type = raw.get("x-kubernetes-list-type", "atomic")
        node.map_keys = tuple(raw.get("x-kubernetes-list-map-keys", ()))
    elif node.type == "object":
        _compile_custom_object(node, raw, root or bool(raw.get("x-kubernetes-embedded-resource")))
    return node


def _compile_custom_object(node: Node, raw: dict[str, Any], resource: bool) -> None:
    additional = raw.get("additionalProperties")
    if additional is not None and "properties" not in raw:
        node.type = "map"
        node.items = compile_custom(additional) if isinstance(additional, dict) else ANY
        return
    node.fields = {name: compile_custom(each) for name, each in raw.get("properties", {}).items()}
    if resource:
        node.fields["apiVersion"] = node.fields["kind"] = Node("string")
        node.fields["metadata"] = definition(OBJECT_META)
