"""The verbs on objects and collections, from HTTP to the in-process API and back."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import conversion, errors
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.options import PatchKind, Write
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server import bodies, listing, tables
from stratus.sandbox.server.http import Request, Response, dumps, reply
from stratus.sandbox.server.routes import Target

Object = dict[str, Any]


class Handlers:
    """Create, read, update, patch, delete and list."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def handle(self, target: Target, request: Request) -> Response:
        """Answer a request for an object, a collection, or one of the plain subresources."""
        if target.name:
            return self._object(target, request)
        return self._collection(target, request)

    def _collection(self, target: Target, request: Request) -> Response:
        if request.method == "GET":
            return self._list(target, request)
        if request.method == "POST" and (target.namespace or not target.kind.namespaced):
            return self._create(target, request)
        if request.method == "DELETE" and "deletecollection" in target.kind.verbs:
            return self._delete_collection(target, request)
        raise errors.ApiError(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
        )

    def _object(self, target: Target, request: Request) -> Response:
        verbs = {"GET": self._get, "PUT": self._update, "PATCH": self._patch, "DELETE": self._delete}
        verb = verbs.get(request.method)
        if verb is None or (request.method == "DELETE" and target.subresource):
            raise errors.ApiError(
                405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        return verb(target, request)

    def _list(self, target: Target, request: Request) -> Response:
        kind = target.kind
        found = listing.page(self._api.store, kind, target.namespace, request)
        if request.accepts("as=Table"):
            return reply(tables.table(kind, [each.object for each in found.records], found.metadata, request))
        if request.accepts("as=PartialObjectMetadataList"):
            items = [tables.partial(each.object) for each in found.records]
            shown = {
                "kind": "PartialObjectMetadataList",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": found.metadata,
                "items": items,
            }
            return reply(shown)
        return Response(200, listing.list_body(kind, found))

    def _get(self, target: Target, request: Request) -> Response:
        kind = target.kind
        if target.subresource == "scale":
            from stratus.sandbox.api import scale

            return reply(scale.view(kind, self._api.get(kind.store, target.namespace, target.name)))
        record = self._api.store.record(kind.store, target.namespace, target.name)
        if record is None:
            raise errors.not_found(kind, target.name)
        if request.accepts("as=Table"):
            metadata = {"resourceVersion": record.object["metadata"]["resourceVersion"]}
            return reply(tables.table(kind, [record.object], metadata, request))
        if request.accepts("as=PartialObjectMetadata"):
            return reply(tables.partial(record.object))
        return Response(200, listing.record_body(kind, record))

    def _create(self, target: Target, request: Request) -> Response:
        kind, write = target.kind, bodies.write_options(request, target.kind)
        obj = conversion.to_stored(kind, self._of_kind(kind, bodies.document(request)))
        made = self._api.create(kind.store, target.namespace, obj, write=write)
        return self._answer(kind, made, write, 201)

    def _update(self, target: Target, request: Request) -> Response:
        kind, write = target.kind, bodies.write_options(request, target.kind)
        document = bodies.document(request)
        if target.subresource == "scale":
            return reply(
                self._api.update(kind.store, target.namespace, target.name, document, subresource="scale", write=write)
            )
        obj = conversion.to_stored(kind, self._of_kind(kind, document))
        existed = self._api.store.get(kind.store, target.namespace, target.name) is not None
        changed = self._api.update(
            kind.store, target.namespace, target.name, obj, subresource=target.subresource, write=write
        )
        return self._answer(kind, changed, write, 200 if existed else 201)

    def _patch(self, target: Target, request: Request) -> Response:
        kind, write = target.kind, bodies.write_options(request, target.kind)
        how = bodies.patch_kind(request)
        if how is PatchKind.APPLY and not request.first("fieldManager"):
            text = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
            cause = {
                "reason": "FieldValueRequired",
                "message": "Required value: is required for apply patch",
                "field": "fieldManager",
            }
            raise errors.ApiError(
                422, "Invalid", text, {"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause]}
            )
        existed = self._api.store.get(kind.store, target.namespace, target.name) is not None
        changed = self._api.patch(
            kind.store, target.namespace, target.name, bodies.document(request), kind=how,
            subresource=target.subresource, write=write,
        )  # fmt: skip
        if target.subresource == "scale":
            return reply(changed)
        return self._answer(kind, changed, write, 200 if existed else 201)

    def _delete(self, target: Target, request: Request) -> Response:
        kind, options = target.kind, bodies.delete_options(request)
        gone = self._api.delete(
            kind.store, target.namespace, target.name,
            propagation=options.get("propagationPolicy") or "",
            grace=options.get("gracePeriodSeconds"),
            preconditions=options.get("preconditions"),
            write=Write(dry_run=options["dryRun"], user=request.user),
        )  # fmt: skip
        return reply(gone if gone["kind"] == "Status" else conversion.to_view(kind, gone))

    def _delete_collection(self, target: Target, request: Request) -> Response:
        kind, options = target.kind, bodies.delete_options(request)
        found = listing.page(self._api.store, kind, target.namespace, request)
        for record in list(found.records):
            metadata = record.object["metadata"]
            try:
                self._api.delete(
                    kind.store, metadata.get("namespace", ""), metadata["name"],
                    propagation=options.get("propagationPolicy") or "",
                    grace=options.get("gracePeriodSeconds"),
                    write=Write(dry_run=options["dryRun"], user=request.user),
                )  # fmt: skip
            except errors.ApiError as error:
                if error.code != 404:
                    raise
        return Response(200, listing.list_body(kind, found))

    def _of_kind(self, kind: Kind, document: Any) -> Any:
        """The document, whose apiVersion and kind must be the URL's if it states them."""
        if not isinstance(document, dict):
            raise errors.bad_request("the object provided is unrecognized (must be of type " + kind.kind + ")")
        given, version = document.get("kind") or kind.kind, document.get("apiVersion") or kind.api_version
        if given != kind.kind or version != kind.api_version:
            shown = f"the object provided is unrecognized (must be of type {kind.kind}): {version}, Kind={given}"
            raise errors.bad_request(shown)
        return {**document, "apiVersion": kind.api_version, "kind": kind.kind} if kind.converted else document

    def _answer(self, kind: Kind, obj: Object, write: Write, status: int) -> Response:
        record = self._api.store.record(kind.store, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if record is not None and record.object is obj:
            body = listing.record_body(kind, record)
        else:
            body = dumps(conversion.to_view(kind, obj))
        response = Response(status, body)
        response.headers += [("Warning", f'299 - "{_quoted(each)}"') for each in write.warnings]
        return response


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
