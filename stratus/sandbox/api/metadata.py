"""Rules for metadata that hold for every kind: names, labels, identity, finalizers, owner references."""

from __future__ import annotations

import re
from typing import Any

from stratus.sandbox.api import errors
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_DNS_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_DNS1035 = re.compile(r"^[a-z]([-a-z0-9]*[a-z0-9])?$")
_QUALIFIED = re.compile(r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")
_LABEL_VALUE = re.compile(r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")

SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
DNS1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_ANNOTATIONS_LIMIT = 256 * 1024
_NAME_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"

_LABEL_NAMES = frozenset({"namespaces"})
_DNS1035_NAMES = frozenset({"services"})
_PATH_NAMES = frozenset(
    {
        "roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io", "clusterrolebindings.rbac.authorization.k8s.io",
    }
)  # fmt: skip


def is_subdomain(name: str) -> bool:
    return len(name) <= 253 and _SUBDOMAIN.match(name) is not None


def is_dns_label(name: str) -> bool:
    return len(name) <= 63 and _DNS_LABEL.match(name) is not None


def generate_name(prefix: str, rng: Any) -> str:
    """`prefix` and five random characters, as the API server completes a generateName."""
    return prefix[:58] + "".join(rng.choice(_NAME_SUFFIX) for _ in range(5))


def check_name(kind: Kind, name: str, path: str = "metadata.name") -> list[FieldError]:
    """Errors of an object's name under the rules of its kind."""
    if kind.store in _PATH_NAMES:
        if name in (".", "..") or "/" in name or "%" in name:
            return [errors.invalid_value(path, name, "may not be '.', '..' or contain '/' or '%'")]
        return []
    if kind.store in _LABEL_NAMES:
        return [] if is_dns_label(name) else [errors.invalid_value(path, name, LABEL_TEXT)]
    if kind.store in _DNS1035_NAMES:
        valid = len(name) <= 63 and _DNS1035.match(name) is not None
        return [] if valid else [errors.invalid_value(path, name, DNS1035_TEXT)]
    return [] if is_subdomain(name) else [errors.invalid_value(path, name, SUBDOMAIN_TEXT)]


def check_qualified(name: str, path: str) -> list[FieldError]:
    """Errors of a label or annotation key, or a finalizer."""
    prefix, slash, last = name.rpartition("/")
    if slash and (not prefix or not is_subdomain(prefix)):
        return [errors.invalid_value(path, name, f"prefix part {SUBDOMAIN_TEXT}")]
    if not last or len(last) > 63 or not _QUALIFIED.match(last):
        return [errors.invalid_value(path, name, QUALIFIED_TEXT)]
    return []


def check_labels(labels: dict[str, str], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for key, value in labels.items():
        found += check_qualified(key, path)
        if len(value) > 63:
            found.append(errors.invalid_value(path, value, "must be no more than 63 characters"))
        elif not _LABEL_VALUE.match(value):
            found.append(errors.invalid_value(path, value, LABEL_VALUE_TEXT))
    return found


def validate(kind: Kind, metadata: Object) -> list[FieldError]:
    """Errors of an object's metadata on create and update."""
    found = check_name(kind, metadata["name"])
    found += check_labels(metadata.get("labels") or {}, "metadata.labels")
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        found += check_qualified(key.lower(), "metadata.annotations")
    if sum(len(key) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        found.append(errors.too_long("metadata.annotations", _ANNOTATIONS_LIMIT))
    for finalizer in metadata.get("finalizers") or ():
        found += check_qualified(finalizer, "metadata.finalizers")
        if "/" not in finalizer and finalizer not in ("orphan", "foregroundDeletion", "kubernetes"):
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(errors.invalid_value("metadata.finalizers[0]", finalizer, detail))
    return found + _owner_errors(metadata.get("ownerReferences") or ())


def _owner_errors(references: Any) -> list[FieldError]:
    found = []
    for reference in references:
        for field in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(field):
                shown = reference.get(field, "")
                path = f"metadata.ownerReferences.{field}"
                detail = "version must not be empty" if field == "apiVersion" else f"{field} must not be empty"
                found.append(errors.invalid_value(path, shown, detail))
    controllers = [each["kind"] for each in references if each.get("controller")]
    if len(controllers) > 1:
        detail = f'Only one reference can have Controller set to true. Found "true" in references for {controllers}'
        found.append(errors.invalid_value("metadata.ownerReferences", list(references), detail))
    return found


def carry_over(metadata: Object, old: Object) -> None:
    """Fill what a PUT may leave out from the stored object."""
    for field in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "namespace"):
        if metadata.get(field) in (None, "") and field in old:
            metadata[field] = old[field]
    metadata.pop("selfLink", None)
    metadata["creationTimestamp"] = old.get("creationTimestamp")
    if "generateName" in old:
        metadata.setdefault("generateName", old["generateName"])
    if "generation" in old:
        metadata["generation"] = old["generation"]
    else:
        metadata.pop("generation", None)


def validate_update(metadata: Object, old: Object) -> list[FieldError]:
    """Errors of what may never change once an object exists."""
    found = []
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if metadata.get(field) != old.get(field):
            found.append(errors.invalid_value(f"metadata.{field}", metadata.get(field), "field is immutable"))
    if old.get("deletionTimestamp"):
        added = [each for each in metadata.get("finalizers") or () if each not in (old.get("finalizers") or ())]
        if added:
            detail = f"no new finalizers can be added if the object is being deleted, found new finalizers {added}"
            found.append(errors.forbidden_field("metadata.finalizers", detail))
    return found
