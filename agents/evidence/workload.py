"""Workloads: the top owners of pods, with their pods and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.evidence.changes import own_template, parse_time
from agents.evidence.paths import Path, read
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef, Subject

WORKLOAD_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "ReplicaSet", "Pod")


@dataclass(frozen=True)
class Revision:
    """One earlier or current pod template of a workload."""

    number: int
    template: JsonObject
    created: datetime | None
    ready: int
    cause: str = ""


@dataclass(frozen=True)
class Workload:
    """The top owner of pods, with its pods and its history."""

    obj: JsonObject
    pods: tuple[JsonObject, ...] = ()
    revisions: tuple[Revision, ...] = ()
    """Newest first; the first is the current one."""

    @property
    def ref(self) -> ObjectRef:
        """The object."""
        return ObjectRef.of(self.obj)

    @property
    def kind(self) -> str:
        """``Deployment``."""
        return str(self.obj["kind"])

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.obj["metadata"].get("namespace", ""))

    @property
    def subject(self) -> Subject:
        """As findings name it."""
        return Subject(kind=self.kind, namespace=self.namespace, name=self.name)

    @property
    def prefix(self) -> Path:
        """Where its pod template is."""
        if self.kind == "CronJob":
            return ("spec", "jobTemplate", "spec", "template")
        return () if self.kind == "Pod" else ("spec", "template")

    @property
    def template(self) -> JsonObject:
        """Its pod template; for a bare pod the pod itself."""
        found = read(self.obj, self.prefix)
        return found if isinstance(found, dict) else {}

    @property
    def pod_spec(self) -> JsonObject:
        """The pod template's spec."""
        spec = self.template.get("spec")
        return spec if isinstance(spec, dict) else {}

    @property
    def containers(self) -> list[JsonObject]:
        """Its containers, init containers not among them."""
        return list(self.pod_spec.get("containers") or [])

    @property
    def init_containers(self) -> list[JsonObject]:
        """Its init containers."""
        return list(self.pod_spec.get("initContainers") or [])

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its pods."""
        return dict((self.template.get("metadata") or {}).get("labels") or {})

    @property
    def replicas(self) -> int:
        """Desired replicas; 1 for what has no count."""
        return int((self.obj.get("spec") or {}).get("replicas", 1))

    @property
    def ready_pods(self) -> list[JsonObject]:
        """Pods that are ready now."""
        return [pod for pod in self.pods if pod_ready(pod)]

    @property
    def failing_pods(self) -> list[JsonObject]:
        """Pods that are neither ready nor finished nor on their way out."""
        return [
            pod
            for pod in self.pods
            if not pod_ready(pod)
            and (pod.get("status") or {}).get("phase") != "Succeeded"
            and not pod["metadata"].get("deletionTimestamp")
        ]

    @property
    def created(self) -> datetime | None:
        """When the object was created."""
        return parse_time(self.obj["metadata"].get("creationTimestamp"))

    def earlier(self) -> list[Revision]:
        """Earlier revisions that differ from the current template, newest first."""
        now = own_template(self.template)
        return [revision for revision in self.revisions if own_template(revision.template) != now]


def pod_ready(pod: JsonObject) -> bool:
    """Whether the pod's Ready condition is true."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether an equality selector matches; an empty one matches nothing here."""
    return bool(selector) and all(labels.get(k) == v for k, v in (selector or {}).items())


def revision_of(child: JsonObject) -> Revision | None:
    """The pod template that a ReplicaSet or a ControllerRevision keeps; None when it keeps none."""
    meta = child["metadata"]
    notes = meta.get("annotations") or {}
    if child["kind"] == "ControllerRevision":
        template: Any = read(child, ("data", "spec", "template"))
        number = int(child.get("revision", 0))
    else:
        template = read(child, ("spec", "template"))
        number = int(notes.get("deployment.kubernetes.io/revision", 0))
    if not isinstance(template, dict):
        return None
    template = {k: v for k, v in template.items() if k != "$patch"}
    ready = int((child.get("status") or {}).get("readyReplicas") or 0)
    created = parse_time(meta.get("creationTimestamp"))
    return Revision(number, template, created, ready, notes.get("kubernetes.io/change-cause", ""))


def containers_of(pod_specs: Sequence[JsonObject]) -> list[JsonObject]:
    """All containers of some pod specs, init containers first."""
    return [c for spec in pod_specs for c in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]]
