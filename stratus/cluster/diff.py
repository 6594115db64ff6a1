"""What changed between two objects, leaf by leaf, for people: server-owned fields left out, credentials digested."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from stratus.cluster.normal import desired
from stratus.cluster.tree import MISSING, Key, Path, differences, dotted
from stratus.domain.base import JsonObject
from stratus.domain.credentials import names_credential
from stratus.domain.steps import FieldChange

_SALT = secrets.token_bytes(16)
"""Of this process: an unsalted digest of a short password can be guessed from the log."""
SECRET_FIELDS = frozenset({"data", "stringData", "binaryData"})
IDENTITY: frozenset[Path] = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})
LISTS_OF_VARIABLES = frozenset({"env", "containers", "initContainers"})
"""Lists that hold variables and that are one value where their keys are not unique."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def changes(before: JsonObject | None, after: JsonObject | None) -> tuple[FieldChange, ...]:
    """Every leaf of the desired state that differs; None stands for an object that does not exist."""
    left = desired(before) if before else MISSING
    right = desired(after) if after else MISSING
    kind = (before or after or {}).get("kind", "")
    leaves = list(differences((), left, right))
    if not before or not after:  # which object it is stands beside the change already
        leaves = [leaf for leaf in leaves if leaf[0] not in IDENTITY] or leaves[:1]
    return tuple(shown(kind, *leaf) for leaf in leaves)


def shown(kind: str, path: Path, before: Any, after: Any) -> FieldChange:
    """One change as it may be logged and displayed."""
    if _is_secret(kind, path):
        before, after = digest(before), digest(after)
    elif LAST_APPLIED in path or (path and path[-1] in LISTS_OF_VARIABLES):
        before, after = without_credentials(before), without_credentials(after)
    return FieldChange(path=dotted(path), before=_plain(before), after=_plain(after))


def _is_secret(kind: str, path: Path) -> bool:
    if kind == "Secret" and path and (path[0] in SECRET_FIELDS or LAST_APPLIED in path):
        return True
    named = path[-2] if len(path) > 1 and path[-1] == "value" else None
    return isinstance(named, Key) and any(field == "name" and names_credential(name) for field, name in named.fields)


def without_credentials(value: Any) -> Any:
    """A list of variables, or a manifest as text, in which the values of credentials are digests."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.dumps(without_credentials(json.loads(value)))
        except ValueError:
            return value
    if isinstance(value, list):
        return [without_credentials(each) for each in value]
    if not isinstance(value, dict):
        return value
    hidden = {name: without_credentials(each) for name, each in value.items()}
    if names_credential(value.get("name")) and isinstance(value.get("value"), str):
        hidden["value"] = digest(value["value"])
    return hidden


def digest(value: Any) -> Any:
    """Eight hex digits that are equal for equal values within this process."""
    if value is MISSING or value is None:
        return value
    text = json.dumps(value, sort_keys=True).encode()
    return "sha256:" + hashlib.sha256(_SALT + text).hexdigest()[:8]


def _plain(value: Any) -> Any:
    return None if value is MISSING else value
