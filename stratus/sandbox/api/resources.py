"""Custom resource definitions: serving what they define, from creation until they are deleted."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api.core import Api
from stratus.sandbox.schema.definitions import ANY, Node, compile_custom
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server import tables
from stratus.sandbox.store import Change

Object = dict[str, Any]

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class CustomResources:
    """Follows CRDs and keeps the registry, the schemas and the OpenAPI document in step with them."""

    def __init__(self, api: Api, schemas: dict[tuple[str, str], Object]) -> None:
        self._api = api
        self._schemas = schemas
        api.store.subscribe(self._changed, RESOURCE)

    def _changed(self, change: Change) -> None:
        obj = change.object
        if change.type == "DELETED":
            self._remove(obj)
            return
        if obj["metadata"].get("deletionTimestamp"):
            self._api.kernel.call_soon(lambda: self._clean_up(obj["metadata"]["name"]))
            return
        if change.previous is None or change.previous["spec"] != obj["spec"]:
            self._serve(obj)
            self._api.kernel.call_soon(lambda: self._accept(obj["metadata"]["name"]))

    def _serve(self, definition: Object) -> None:
        spec = definition["spec"]
        names, versions = spec["names"], spec["versions"]
        resource = f"{names['plural']}.{spec['group']}"
        stored = next(each["name"] for each in versions if each.get("storage"))
        self._remove(definition)
        for version in sorted(versions, key=lambda each: each["name"] != stored):
            if version.get("served") or version["name"] == stored:
                self._serve_version(spec, version, resource, stored)

    def _serve_version(self, spec: Object, version: Object, resource: str, stored: str) -> None:
        names = spec["names"]
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        kind = Kind(
            group=spec["group"],
            version=version["name"],
            kind=names["kind"],
            plural=names["plural"],
            namespaced=spec.get("scope") == "Namespaced",
            singular=names.get("singular", names["kind"].lower()),
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            subresources=tuple(each for each in ("status", "scale") if each in (version.get("subresources") or {})),
            store=resource,
            stored_as=f"{spec['group']}/{stored}",
            custom=True,
        )
        preserve = spec.get("preserveUnknownFields")
        node: Node = ANY if preserve else compile_custom(schema, root=True)
        self._api.reader.add_custom(kind, node)
        self._api.registry.add(kind)
        self._schemas[resource, version["name"]] = schema
        tables.set_custom_columns(resource, version["name"], version.get("additionalPrinterColumns") or [])

    def _remove(self, definition: Object) -> None:
        spec = definition["spec"]
        self._api.registry.remove(f"{spec['names']['plural']}.{spec['group']}")

    def _accept(self, name: str) -> None:
        """Say that the names are accepted and the kind is served, as the apiextensions controllers do."""
        definition = self._api.store.get(RESOURCE, "", name)
        if definition is None or definition["metadata"].get("deletionTimestamp"):
            return
        now = self._api.kernel.timestamp()
        conditions = [
            _condition("NamesAccepted", "NoConflicts", "no conflicts found", now),
            _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", now),
        ]
        spec = definition["spec"]
        stored = [each["name"] for each in spec["versions"] if each.get("storage")]
        known = (definition.get("status") or {}).get("conditions")
        status = {"acceptedNames": spec["names"], "conditions": known or conditions, "storedVersions": stored}
        finalizers = definition["metadata"].get("finalizers") or []
        metadata = definition["metadata"]
        if CLEANUP not in finalizers:
            metadata = {**metadata, "finalizers": [*finalizers, CLEANUP]}
        self._api.replace_internal(RESOURCE, {**definition, "metadata": metadata, "status": status})

    def _clean_up(self, name: str) -> None:
        """Delete all objects of a kind that goes, then let its definition go."""
        definition = self._api.store.get(RESOURCE, "", name)
        if definition is None or CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        resource = f"{definition['spec']['names']['plural']}.{definition['spec']['group']}"
        for obj in self._api.store.list(resource):
            metadata = obj["metadata"]
            if not metadata.get("deletionTimestamp"):
                self._api.delete(resource, metadata.get("namespace", ""), metadata["name"])
        if self._api.store.count(resource):
            self._api.kernel.call_later(1.0, lambda: self._clean_up(name))
            return
        left = [each for each in definition["metadata"]["finalizers"] if each != CLEANUP]
        changed = {**definition, "metadata": {**definition["metadata"], "finalizers": left}}
        self._api.update(RESOURCE, "", name, changed, manager="kube-apiserver")


def _condition(type_: str, reason: str, message: str, now: str) -> Object:
    return {"type": type_, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
