"""API errors as Kubernetes words them: each is a Status with a code, a reason and causes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stratus.sandbox.schema.kinds import Kind


class ApiError(Exception):
    """A refused request; `status()` is the body that a client gets."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """The error as a Status object."""
        status: dict[str, Any] = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
        }  # fmt: skip
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


@dataclass(frozen=True, slots=True)
class FieldError:
    """One cause of an Invalid error; `text` is everything after the field's path."""

    path: str
    cause: str
    text: str

    @property
    def message(self) -> str:
        return f"{self.path}: {self.text}"


def _shown(value: Any) -> str:
    if isinstance(value, bool | dict | list | str) or value is None:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def invalid_value(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")


def forbidden_field(path: str, detail: str) -> FieldError:
    return FieldError(path, "FieldValueForbidden", f"Forbidden: {detail}")


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def not_supported(path: str, value: Any, supported: Sequence[str]) -> FieldError:
    listed = ", ".join(f'"{each}"' for each in supported)
    return FieldError(path, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}")


def too_long(path: str, limit: int) -> FieldError:
    return FieldError(path, "FieldValueTooLong", f"Too long: must have at most {limit} bytes")


def not_found_field(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueNotFound", f"Not found: {_shown(value)}")


def _details(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    details = {"name": name, "group": kind.group, "kind": kind.plural, **more}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, detail: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {detail}'
    return ApiError(409, "Conflict", message, _details(kind, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def invalid(kind: Kind, name: str, errors: Sequence[FieldError]) -> ApiError:
    """422 with one cause per field error."""
    text = errors[0].message if len(errors) == 1 else "[" + ", ".join(each.message for each in errors) + "]"
    causes = [{"reason": each.cause, "message": each.text, "field": each.path} for each in errors]
    details = {"name": name, "group": kind.group, "kind": kind.kind, "causes": causes}
    message = f'{kind.qualified} "{name}" is invalid: {text}'
    return ApiError(422, "Invalid", message, {key: value for key, value in details.items() if value})


def invalid_patch(patched: Any, detail: str) -> ApiError:
    """422 for a patch whose result is no object of its kind."""
    problem = invalid_value("patch", json.dumps(patched), detail)
    causes = [{"reason": problem.cause, "message": problem.text, "field": "patch"}]
    return ApiError(422, "Invalid", f' "" is invalid: {problem.message}', {"causes": causes})


def forbidden(kind: Kind, name: str, detail: str) -> ApiError:
    message = f'{kind.resource} "{name}" is forbidden: {detail}'
    return ApiError(403, "Forbidden", message, _details(kind, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def internal(message: str) -> ApiError:
    details = {"causes": [{"message": message}]}
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", details)


def expired(message: str) -> ApiError:
    return ApiError(410, "Expired", message)


def too_many_requests(message: str, causes: list[dict[str, str]] | None = None) -> ApiError:
    return ApiError(429, "TooManyRequests", message, {"causes": causes} if causes else {})
