"""Reading request bodies: JSON, YAML or protobuf by content type, and the options that travel with a write."""

from __future__ import annotations

import json
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.options import PatchKind, Write
from stratus.sandbox.schema.decode import object_pairs
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server.http import Request

Object = dict[str, Any]

_VALIDATION = ("Ignore", "Warn", "Strict")


def document(request: Request) -> Any:
    """The request's body as data; raises ApiError 400 or 415."""
    media = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if media == "application/vnd.kubernetes.protobuf":
        from stratus.sandbox.server import protobuf

        return protobuf.decode(request.body)
    if media in ("application/yaml", "application/apply-patch+yaml"):
        return _yaml(request.body)
    if media in ("application/json", "", "*/*") or media.endswith("+json"):
        return _json(request.body)
    raise errors.ApiError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: application/json, "
        "application/yaml, application/vnd.kubernetes.protobuf",
    )


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=object_pairs)
    except ValueError as error:
        raise errors.bad_request(f"couldn't get version/kind; json parse error: {error}") from None


def _yaml(body: bytes) -> Any:
    if body.lstrip()[:1] in (b"{", b"["):
        return _json(body)
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(body, Loader=loader)
    except yaml.YAMLError as error:
        raise errors.bad_request(f"error decoding YAML: {error}") from None


def write_options(request: Request, view: Kind) -> Write:
    """The options of a write from its query; raises ApiError 422 for values that are not supported."""
    dry_run = request.query.get("dryRun", [])
    if any(each not in ("", "All") for each in dry_run):
        raise _bad_option("dryRun", dry_run, ["All"])
    validation = request.first("fieldValidation", "Warn") or "Warn"
    if validation not in _VALIDATION:
        raise _bad_option("fieldValidation", validation, list(_VALIDATION))
    manager = (
        request.first("fieldManager") or request.headers.get("user-agent", "unknown").partition("/")[0] or "unknown"
    )
    if len(manager) > 128:
        raise errors.ApiError(
            422,
            "Invalid",
            'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: must have at most 128 bytes',
        )
    return Write(
        dry_run="All" in dry_run,
        manager=manager,
        force=request.flag("force"),
        validation=validation,
        user=request.user,
        view=view,
    )


def _bad_option(name: str, value: Any, supported: list[str]) -> errors.ApiError:
    problem = errors.not_supported(name, value, supported)
    causes = [{"reason": problem.cause, "message": problem.text, "field": name}]
    text = f'CreateOptions.meta.k8s.io "" is invalid: {problem.message}'
    return errors.ApiError(422, "Invalid", text, {"group": "meta.k8s.io", "kind": "CreateOptions", "causes": causes})


def patch_kind(request: Request) -> PatchKind:
    """The patch format of a PATCH request; raises ApiError 415."""
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    try:
        return PatchKind(media)
    except ValueError:
        raise errors.ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, "
            "application/apply-patch+yaml",
        ) from None


def delete_options(request: Request) -> Object:
    """DeleteOptions from the body, or from the query where the body has none."""
    options: Object = {}
    if request.body.strip():
        found = document(request)
        options = found if isinstance(found, dict) else {}
    if "gracePeriodSeconds" not in options and request.first("gracePeriodSeconds"):
        options["gracePeriodSeconds"] = request.number("gracePeriodSeconds")
    if "propagationPolicy" not in options and request.first("propagationPolicy"):
        options["propagationPolicy"] = request.first("propagationPolicy")
    orphan = options.get("orphanDependents")
    if orphan is None and "orphanDependents" in request.query:
        orphan = request.flag("orphanDependents")
    if orphan is not None and not options.get("propagationPolicy"):
        options["propagationPolicy"] = "Orphan" if orphan else "Background"
    options["dryRun"] = bool(options.get("dryRun")) or "All" in request.query.get("dryRun", [])
    return options
