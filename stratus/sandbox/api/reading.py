"""From a client's document to a stored-version object: decoding, pruning and defaulting."""

from __future__ import annotations

import copy
from typing import Any

from stratus.sandbox.api import custom, errors
from stratus.sandbox.api.options import Write
from stratus.sandbox.schema import defaults_other
from stratus.sandbox.schema.decode import DecodeError, decode
from stratus.sandbox.schema.definitions import Node, definition
from stratus.sandbox.schema.kinds import Kind, Registry

Object = dict[str, Any]
Missing = list[tuple[str, str]]


class Reader:
    """Decodes objects of every served kind; CRDs bring their schemas."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._custom: dict[tuple[str, str], Node] = {}
        self._missing: Missing = []

    def add_custom(self, kind: Kind, node: Node) -> None:
        """Use `node` as the schema of this version of a custom resource."""
        self._custom[kind.resource, kind.version] = node

    def node(self, kind: Kind) -> Node:
        """The schema of a served kind."""
        if kind.custom:
            return self._custom[kind.resource, kind.version]
        return definition(kind.definition)

    def take_missing(self) -> Missing:
        """Required fields that the last document left out, with the definition that requires them."""
        missing, self._missing = self._missing, []
        return missing

    def read(self, kind: Kind, obj: Any, write: Write) -> Object:
        """The object, pruned and canonical; raises ApiError 400 when it cannot be read as its kind."""
        if not isinstance(obj, dict):
            raise errors.bad_request(f"the object provided is unrecognized (must be of type {kind.kind})")
        _check_type(kind, obj)
        if kind.custom:
            clean, strict = custom.read(self.node(kind), obj)
            self._missing = []
        else:
            try:
                decoded = decode(obj, self.node(kind))
            except DecodeError as error:
                raise errors.bad_request(f"{_prefix(kind)}: {error}") from None
            clean, strict = decoded.object, decoded.strict
            self._missing = decoded.missing
        if strict:
            _report(kind, strict, write)
        clean["apiVersion"], clean["kind"] = kind.stored_as or kind.api_version, kind.kind
        meta = clean.setdefault("metadata", {})
        if "managedFields" in (obj.get("metadata") or {}):
            meta["managedFields"] = copy.deepcopy(obj["metadata"]["managedFields"]) or []
        return clean

    def default(self, kind: Kind, obj: Object) -> None:
        """Add the kind's defaults, in place."""
        if kind.custom:
            custom.default(self.node(kind), obj)
        else:
            defaults_other.apply(kind.store, obj)


def _prefix(kind: Kind) -> str:
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'


def _check_type(kind: Kind, obj: Object) -> None:
    given = obj.get("kind") or kind.kind
    version = obj.get("apiVersion") or kind.api_version
    if given != kind.kind or version not in (kind.api_version, kind.stored_as):
        group, _, short = version.rpartition("/")
        asked = f"{group}/{short}, Kind={given}" if group else f"/{short}, Kind={given}"
        have = f"{kind.group}/{kind.version}, Kind={kind.kind}" if kind.group else f"/{kind.version}, Kind={kind.kind}"
        raise errors.bad_request(f"the object provided is unrecognized: {asked} is not {have}")


def _report(kind: Kind, strict: list[str], write: Write) -> None:
    if write.validation == "Strict":
        raise errors.bad_request(f"{_prefix(kind)}: strict decoding error: {', '.join(strict)}")
    if write.validation == "Warn":
        write.warnings.extend(strict)
