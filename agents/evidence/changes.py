"""What changed, when, and by whom: ReplicaSet history, the applied configuration, and the last healthy state."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from agents.evidence.paths import MISSING, At, Path, leaves, merge_key, read, show
from agents.evidence.quantities import amount
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef

CREDENTIAL = re.compile(r"TOKEN|PASSW|SECRET|CREDENTIAL|AUTH|API_?KEY|PWD|USERNAME", re.IGNORECASE)
"""Names of variables that hold credentials."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
OPTIONAL = frozenset(
    "nodeSelector tolerations affinity command args initContainers livenessProbe readinessProbe startupProbe hostPort "
    "envFrom env limits requests resources priorityClassName runtimeClassName topologySpreadConstraints hostNetwork "
    "hostAliases volumes volumeMounts paused suspend minReadySeconds activeDeadlineSeconds imagePullSecrets "
    "serviceAccountName dnsConfig lifecycle selector data stringData externalName externalIPs publishNotReadyAddresses "
    "readinessGates securityContext workingDir nodeName".split()
)
"""Fields that the server never fills in by itself: there without having been applied, somebody added them."""
DEFAULTS = {
    "protocol": "TCP", "type": "ClusterIP", "sessionAffinity": "None", "dnsPolicy": "ClusterFirst", "scheme": "HTTP",
    "schedulerName": "default-scheduler", "restartPolicy": "Always", "progressDeadlineSeconds": 600,
}  # fmt: skip
"""What the server fills in where nothing was applied: with another value, somebody wrote it."""
OPEN_MAPS = frozenset({"selector", "nodeSelector", "limits", "requests", "hard", "data", "matchLabels"})
"""Mappings whose every key is somebody's choice."""


class Source(StrEnum):
    """Where the earlier value is known from, the most trustworthy first."""

    BASELINE = "last healthy state"
    REVISION = "revision history"
    APPLIED = "applied configuration"


@dataclass(frozen=True)
class Change:
    """One field of one object that differs from an earlier state of it."""

    ref: ObjectRef
    path: Path
    before: Any
    """MISSING when it was added since."""
    after: Any
    """MISSING when it was removed since."""
    source: Source
    revision: int = 0
    """The ReplicaSet revision that has ``before``, for Source.REVISION."""
    at: datetime | None = None
    by: str = ""

    def sentence(self) -> str:
        """``image changed 1.0 → 9.9 at 02:13:51 by kubectl (revision history)`` for people."""
        if self.secret:
            return f"{show(self.path)} changed (value not shown) ({self.source})"
        where = show(tuple(part for part in self.path if part not in ("spec", "template", "jobTemplate", "metadata")))
        if self.before is MISSING:
            what = f"{where} was added: {brief(self.after)}"
        elif self.after is MISSING:
            what = f"{where} was removed; it was {brief(self.before)}"
        else:
            what = f"{where} changed {brief(self.before)} → {brief(self.after)}"
        stamp = f" at {self.at:%H:%M:%S}" if self.at else ""
        who = f" by {self.by}" if self.by else ""
        known = f"revision {self.revision}" if self.revision else str(self.source)
        return f"{what}{stamp}{who} ({known})"

    @property
    def secret(self) -> bool:
        """Whether the values are nobody's business: those of Secrets, and of variables that hold credentials."""
        keys = [str(part.value) for part in self.path if isinstance(part, At)]
        plain = any(isinstance(v, dict) and "value" in v for v in (self.before, self.after))
        return self.ref.kind == "Secret" or (plain and any(CREDENTIAL.search(key) for key in keys))

    def under(self, *names: str) -> bool:
        """Whether the path passes through one of these field names."""
        return any(part in names for part in self.path if isinstance(part, str))


def brief(value: Any, limit: int = 80) -> str:
    """A value for a sentence: short, on one line; of an environment variable only its value."""
    if isinstance(value, dict) and set(value) == {"name", "value"}:
        value = value["value"]
    text = value if isinstance(value, str) else json.dumps(value, separators=(", ", ": "), default=str)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def template_changes(
    ref: ObjectRef, prefix: Path, earlier: JsonObject, current: JsonObject, *, source: Source, revision: int = 0
) -> Iterator[Change]:
    """Differences of two pod templates, without what controllers write into them."""
    for path, before, after in leaves(own_template(earlier), own_template(current)):
        yield Change(ref, (*prefix, *path), before, after, source, revision)


def own_template(template: JsonObject) -> JsonObject:
    """The template as its author wrote it: no pod-template-hash, no restart stamp."""
    meta = template.get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k != "pod-template-hash"}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k != RESTARTED_AT}
    clean = {**({"labels": labels} if labels else {}), **({"annotations": notes} if notes else {})}
    return {**template, "metadata": clean}


def baseline_changes(ref: ObjectRef, healthy: JsonObject, live: JsonObject) -> Iterator[Change]:
    """Differences from the last healthy state, status and bookkeeping aside."""
    for path, before, after in leaves(desired(healthy), desired(live)):
        yield Change(ref, path, before, after, Source.BASELINE)


def desired(obj: JsonObject) -> JsonObject:
    """What somebody wants of the object: without status, counters and what only the server or a controller writes."""
    meta = obj.get("metadata") or {}
    notes = {
        k: v
        for k, v in (meta.get("annotations") or {}).items()
        if k not in (LAST_APPLIED, "deployment.kubernetes.io/revision", "kubernetes.io/change-cause")
    }
    kept = {"labels": meta.get("labels") or {}, "annotations": notes}
    body = {k: v for k, v in obj.items() if k not in ("status", "metadata")}
    body["metadata"] = {k: v for k, v in kept.items() if v}
    spec = body.get("spec")
    if isinstance(spec, dict) and isinstance(spec.get("template"), dict):
        body["spec"] = {**spec, "template": own_template(spec["template"])}
    return body


def applied_changes(ref: ObjectRef, live: JsonObject) -> Iterator[Change]:
    """Drift of the live object from what was last applied: fields changed or removed, and fields that nobody applied."""
    text = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    try:
        applied = json.loads(text) if text else None
    except ValueError:
        return
    if not isinstance(applied, dict):
        return
    if isinstance(applied.get("stringData"), dict):  # the server keeps it as data
        encoded = {k: base64.b64encode(str(v).encode()).decode() for k, v in applied["stringData"].items()}
        applied["data"] = {**(applied.get("data") or {}), **encoded}
    for name in ("spec", "data", "webhooks", "rules", "roleRef", "subjects"):
        if name in applied:
            yield from _drift(ref, applied[name], live.get(name, MISSING), (name,))


def _drift(ref: ObjectRef, applied: Any, live: Any, path: Path) -> Iterator[Change]:
    if applied in (None, {}, []) and live is MISSING:
        return
    if isinstance(applied, dict) and isinstance(live, dict) and not _variable(path):
        for name, value in applied.items():
            yield from _drift(ref, value, live.get(name, MISSING), (*path, name))
        for name in live:
            if name not in applied and live[name] not in (None, {}, []) and _added(path, name, live):
                yield Change(ref, (*path, name), MISSING, live[name], Source.APPLIED)
    elif isinstance(applied, list) and isinstance(live, list) and (field := merge_key(applied, live)):
        yield from _drift_list(ref, applied, live, field, path)
    elif not _same(applied, live):
        yield Change(ref, path, applied, live, Source.APPLIED)


def _drift_list(ref: ObjectRef, applied: list[Any], live: list[Any], field: str, path: Path) -> Iterator[Change]:
    for item in applied:
        at = At(field, item[field])
        yield from _drift(ref, item, read(live, (at,)), (*path, at))
    known = [item[field] for item in applied]
    for item in live:
        if item[field] not in known:
            yield Change(ref, (*path, At(field, item[field])), MISSING, item, Source.APPLIED)


def _variable(path: Path) -> bool:
    return len(path) >= 2 and isinstance(path[-1], At) and path[-2] == "env"


def _added(path: Path, name: str, live: JsonObject) -> bool:
    """Whether a field that was not applied is there because somebody added it, not the server."""
    if path and path[-1] in OPEN_MAPS:
        return True
    if name in DEFAULTS and (name != "type" or path == ("spec",)):
        return bool(live[name] != DEFAULTS[name])
    return name in OPTIONAL and not _defaulted(path, name, live)


def _defaulted(path: Path, name: str, live: JsonObject) -> bool:
    """Requests that the server copied from the limits, and the default service account."""
    if path and path[-1] == "resources" and name == "requests":
        return bool(live[name] == live.get("limits"))
    return name == "serviceAccountName" and live[name] == "default"


def _same(applied: Any, live: Any) -> bool:
    """Equal as the server reads it: ``"8080"`` is 8080, ``0.1`` is ``100m``; what it filled in by itself does not count."""
    if isinstance(applied, dict) and isinstance(live, dict):
        return all(_same(value, live.get(key, MISSING)) for key, value in applied.items() if value not in (None, ""))
    if isinstance(applied, list) and isinstance(live, list):
        return len(applied) == len(live) and all(map(_same, applied, live))
    if live is MISSING or isinstance(applied, dict | list) or isinstance(live, dict | list):
        return bool(applied == live)
    return str(applied) == str(live) or (amount(applied) == amount(live) != 0)


def stamped(changes: Iterable[Change], live: JsonObject) -> Iterator[Change]:
    """The changes with the time and the manager of the last write of each field, as managedFields tell it.

    A removed field has no owner left: the last write of the template stands for it, when history knows of the change.
    """
    entries = (live.get("metadata") or {}).get("managedFields") or []
    for change in changes:
        at, by = field_writer(entries, change.path)
        if at is None and change.source is Source.REVISION:
            at, by = _last_write(entries, change.path)
        yield replace(change, at=at or change.at, by=change.by or by)


def _last_write(entries: Iterable[JsonObject], path: Path) -> tuple[datetime | None, str]:
    """The newest write of anything below the first two levels of a path (``spec.template``)."""
    touching = [e for e in entries if _depth(e.get("fieldsV1") or {}, path[:2]) == len(path[:2])]
    newest = max(touching, key=lambda e: e.get("time") or "", default={})
    return parse_time(newest.get("time")), str(newest.get("manager") or "")


def field_writer(entries: Iterable[JsonObject], path: Path) -> tuple[datetime | None, str]:
    """Who wrote a field last, and when: the manager whose field set reaches deepest along the path."""
    best: tuple[int, str, str] = (0, "", "")
    for entry in entries:
        depth = _depth(entry.get("fieldsV1") or {}, path)
        best = max(best, (depth, entry.get("time") or "", entry.get("manager") or ""))
    depth, stamp, manager = best
    return (parse_time(stamp), manager) if depth >= max(1, len(path) - 1) else (None, "")


def data_written(obj: JsonObject) -> datetime | None:
    """When the data of a ConfigMap or Secret was last written; its creation when nothing tells."""
    meta = obj["metadata"]
    times = [
        parse_time(e.get("time")) for e in meta.get("managedFields") or [] if "f:data" in (e.get("fieldsV1") or {})
    ]
    return max((t for t in times if t), default=None) or parse_time(meta.get("creationTimestamp"))


def _depth(fields: JsonObject, path: Path) -> int:
    depth = 0
    for part in path:
        child = _field(fields, part)
        if child is None:
            break
        depth, fields = depth + 1, child
    return depth


def _field(fields: JsonObject, part: Any) -> JsonObject | None:
    if isinstance(part, str):
        child = fields.get(f"f:{part}")
        return child if isinstance(child, dict) else None
    for key, child in fields.items():
        if key.startswith("k:") and isinstance(part, At) and json.loads(key[2:]).get(part.field) == part.value:
            return child if isinstance(child, dict) else None
    return None


def parse_time(text: str | None) -> datetime | None:
    """An RFC 3339 time of the API; None when there is none."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
