"""What changed between two objects, leaf by leaf, for people: server-owned fields left out, Secret values digested."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

from stratus.cluster.normal import desired
from stratus.cluster.tree import MISSING, Path, differences, dotted
from stratus.domain.base import JsonObject
from stratus.domain.steps import FieldChange

_SALT = secrets.token_bytes(16)
"""Of this process: an unsalted digest of a short password can be guessed from the log."""
SECRET_FIELDS = frozenset({"data", "stringData", "binaryData"})
IDENTITY: frozenset[Path] = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})
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
    if kind == "Secret" and path and (path[0] in SECRET_FIELDS or LAST_APPLIED in path):
        before, after = digest(before), digest(after)
    return FieldChange(path=dotted(path), before=_plain(before), after=_plain(after))


def digest(value: Any) -> Any:
    """Eight hex digits that are equal for equal values within this process."""
    if value is MISSING or value is None:
        return value
    text = json.dumps(value, sort_keys=True).encode()
    return "sha256:" + hashlib.sha256(_SALT + text).hexdigest()[:8]


def _plain(value: Any) -> Any:
    return None if value is MISSING else value
