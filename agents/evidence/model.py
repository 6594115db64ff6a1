"""Everything that one look at the cluster returned, with the questions that analysers ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from agents.evidence.changes import (
    Change,
    Source,
    applied_changes,
    baseline_changes,
    stamped,
    template_changes,
)
from agents.evidence.routes import Answered
from agents.evidence.workload import WORKLOAD_KINDS, Revision, Workload, revision_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef, Subject
from stratus.domain.severity import Finding


@dataclass(frozen=True)
class LogTail:
    """The last lines of one container: of the running instance and of the one before it."""

    pod: str
    container: str
    current: str = ""
    previous: str = ""
    fresh: tuple[str, ...] | None = None
    """Lines that were written a moment before the look; None: nobody knows when, so all count."""

    @property
    def lines(self) -> list[str]:
        """Both, oldest first."""
        return [line for text in (self.previous, self.current) for line in text.splitlines() if line.strip()]


@dataclass(frozen=True)
class Evidence:
    """One look."""

    at: datetime
    namespaces: tuple[str, ...]
    objects: tuple[JsonObject, ...]
    findings: tuple[Finding, ...] = ()
    stuck: frozenset[Subject] = frozenset()
    logs: tuple[LogTail, ...] = ()
    """Of pods in any of the namespaces; ``LogTail.pod`` is ``namespace/name``."""
    baseline: Mapping[str, JsonObject] = field(default_factory=dict)
    """Objects of the last healthy state by path (``hotel/deployment/geo``)."""
    answers: tuple[Answered, ...] = ()
    """What Services say on the paths of Ingresses; only asked while something is wrong."""
    unreadable: tuple[str, ...] = ()
    version: tuple[int, int] = (0, 0)
    """Of the API server, for what only newer ones serve."""

    @cached_property
    def _by_kind(self) -> dict[str, list[JsonObject]]:
        found: dict[str, list[JsonObject]] = {}
        for obj in self.objects:
            found.setdefault(obj["kind"], []).append(obj)
        return found

    @cached_property
    def _by_key(self) -> dict[tuple[str, str, str], JsonObject]:
        return {
            (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for obj in self.objects
        }

    def of(self, kind: str, namespace: str | None = None) -> list[JsonObject]:
        """All objects of a kind, in one namespace or (None) in all that were read."""
        found = self._by_kind.get(kind, [])
        return [o for o in found if namespace is None or o["metadata"].get("namespace", "") == namespace]

    def get(self, kind: str, namespace: str, name: str) -> JsonObject | None:
        """One object, or None."""
        return self._by_key.get((kind, namespace, name))

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Every top owner in the namespaces that were read."""
        owned = self._pods_by_owner
        found = []
        for kind in WORKLOAD_KINDS:
            for obj in self.of(kind):
                if not any(owner.get("controller") for owner in obj["metadata"].get("ownerReferences") or []):
                    pods = (obj,) if kind == "Pod" else tuple(owned.get(_key(obj), ()))
                    found.append(Workload(obj, pods, self._revisions(obj)))
        return tuple(found)

    def workload(self, subject: Subject) -> Workload | None:
        """The workload that a subject names, or None."""
        return next((w for w in self.workloads if w.subject == subject), None)

    @cached_property
    def _pods_by_owner(self) -> dict[tuple[str, str, str], list[JsonObject]]:
        found: dict[tuple[str, str, str], list[JsonObject]] = {}
        for pod in self.of("Pod"):
            found.setdefault(self.top_owner(pod), []).append(pod)
        return found

    def top_owner(self, obj: JsonObject) -> tuple[str, str, str]:
        """(kind, namespace, name) of the topmost controller that is known, or of the object itself."""
        for _ in range(4):
            namespace = obj["metadata"].get("namespace", "")
            owners = [o for o in obj["metadata"].get("ownerReferences") or [] if o.get("controller")]
            if not owners:
                break
            parent = self.get(owners[0]["kind"], namespace, owners[0]["name"])
            if parent is None:
                return (owners[0]["kind"], namespace, owners[0]["name"])
            obj = parent
        return _key(obj)

    def _revisions(self, obj: JsonObject) -> tuple[Revision, ...]:
        kind = {"Deployment": "ReplicaSet", "StatefulSet": "ControllerRevision", "DaemonSet": "ControllerRevision"}
        children = [
            child
            for child in self.of(kind.get(obj["kind"], ""), obj["metadata"].get("namespace", ""))
            if any(o.get("uid") == obj["metadata"].get("uid") for o in child["metadata"].get("ownerReferences") or [])
        ]
        found = [revision for child in children if (revision := revision_of(child)) is not None]
        return tuple(sorted(found, key=lambda r: -r.number))

    def changes(self, obj: JsonObject) -> tuple[Change, ...]:
        """Every known difference of an object from earlier states of it: baseline, then history, then what was applied."""
        ref = ObjectRef.of(obj)
        found: list[Change] = []
        healthy = self.baseline.get(ref.path)
        if healthy is not None:
            found += baseline_changes(ref, healthy, obj)
        workload = self.workload(Subject(kind=ref.kind, namespace=ref.namespace, name=ref.name))
        if workload is not None:
            for revision in workload.earlier():
                found += _history(workload, revision)
        found += applied_changes(ref, obj)
        return tuple(stamped(found, obj))

    def events(self, obj: JsonObject, reason: str = "") -> list[JsonObject]:
        """Events of an object, newest first; only of one reason if given."""
        uid, name = obj["metadata"].get("uid"), obj["metadata"]["name"]
        found = [
            event
            for event in self.of("Event", obj["metadata"].get("namespace", "") or None)
            if _concerns(event, obj["kind"], name, uid) and (not reason or event.get("reason") == reason)
        ]
        return sorted(found, key=event_time, reverse=True)

    def log(self, pod: JsonObject, container: str = "", *, fresh: bool = False) -> list[str]:
        """The last lines of a pod's containers (or of one of them); ``fresh``: only those that speak of now."""
        name = f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
        tails = [t for t in self.logs if t.pod == name and (not container or t.container == container)]
        return [line for tail in tails for line in (tail.lines if not fresh or tail.fresh is None else tail.fresh)]

    def found(self, subject: Subject) -> list[Finding]:
        """The findings of a subject."""
        return [finding for finding in self.findings if finding.subject == subject]


def _history(workload: Workload, revision: Revision) -> Iterable[Change]:
    newest = workload.revisions[0]
    for change in template_changes(
        workload.ref,
        workload.prefix,
        revision.template,
        workload.template,
        source=Source.REVISION,
        revision=revision.number,
    ):
        yield replace(change, at=newest.created, by=newest.cause)


def _key(obj: JsonObject) -> tuple[str, str, str]:
    return (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def _concerns(event: JsonObject, kind: str, name: str, uid: str | None) -> bool:
    about = event.get("involvedObject") or {}
    if about.get("kind") != kind or about.get("name") != name:
        return False
    return not about.get("uid") or not uid or about["uid"] == uid or kind == "Node"


def event_time(event: JsonObject) -> str:
    """When an event was last seen, as text that sorts."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
        or (event.get("metadata") or {}).get("creationTimestamp") or ""
    )  # fmt: skip
