"""Server-side printing: the Table that `kubectl get` asks for."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import conversion
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server import columns
from stratus.sandbox.server.http import Request

Object = dict[str, Any]

_NAME_HELP = "Name must be unique within a namespace."
_CRD_COLUMNS: dict[tuple[str, str], list[Object]] = {}


def set_custom_columns(resource: str, version: str, found: list[Object]) -> None:
    """Use a CRD's additionalPrinterColumns for its objects."""
    _CRD_COLUMNS[resource, version] = found


def table(kind: Kind, objects: list[Object], metadata: Object, request: Request) -> Object:
    """The objects as a meta.k8s.io/v1 Table."""
    now = columns.clock(request)
    shown = columns.for_kind(kind, _CRD_COLUMNS.get((kind.resource, kind.version)))
    named = [] if any(each.name == "Name" for each in shown) else [_definition("Name", "string", "name", 0, _NAME_HELP)]
    include = request.first("includeObject", "Metadata")
    rows = []
    for obj in objects:
        obj = conversion.to_view(kind, obj)
        row: Object = {"cells": [*(obj["metadata"]["name"] for _ in named), *(each.value(obj, now) for each in shown)]}
        if include == "Metadata":
            row["object"] = partial(obj)
        elif include == "Object":
            row["object"] = obj
        rows.append(row)
    definitions = named + [_definition(each.name, each.type, "", each.priority, each.help) for each in shown]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def _definition(name: str, type_: str, format_: str, priority: int, help_: str) -> Object:
    return {"name": name, "type": type_, "format": format_, "description": help_, "priority": priority}


def partial(obj: Object) -> Object:
    """The object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
