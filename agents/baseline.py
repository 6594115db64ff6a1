"""The desired state of everything in scope while it was healthy: the best answer to "what changed?"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agents.evidence.gather import gather
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.events import BaselineTaken
from stratus.domain.objects import ObjectRef
from stratus.domain.severity import Observation
from stratus.ports import Clock, Snapshots, Transactor

KEPT: Final = frozenset(
    "Deployment StatefulSet DaemonSet CronJob Service Ingress ConfigMap Secret NetworkPolicy ResourceQuota LimitRange "
    "HorizontalPodAutoscaler PodDisruptionBudget ServiceAccount PersistentVolumeClaim".split()
)
"""Kinds whose desired state is somebody's will. Pods and their like follow from it."""
GENERATED: Final = frozenset({"kube-root-ca.crt"})


class Baseline:
    """Implements tools.Memory over the snapshot store."""

    def __init__(self, snapshots: Snapshots, known: Mapping[str, str] | None = None) -> None:
        """``known``: object path → snapshot hash, as folded from the log."""
        self._snapshots = snapshots
        self._known = dict(known or {})

    def objects(self) -> Mapping[str, JsonObject]:
        """The objects; one whose snapshot is gone is left out."""
        found = {}
        for path, digest in self._known.items():
            try:
                found[path] = self._snapshots.get(digest)
            except Absent:
                continue
        return found

    async def record(
        self, transactor: Transactor, namespaces: Sequence[str], observation: Observation, clock: Clock
    ) -> None:
        """Remember what is there now, and say what is new or different. Only to be called while all is healthy."""
        evidence = await gather(transactor.reader, namespaces, observation, at=clock.now(), with_logs=False)
        now = {ObjectRef.of(o).path: self._snapshots.put(plain(o)) for o in evidence.objects if _kept(o)}
        changed = {path: digest for path, digest in now.items() if self._known.get(path) != digest}
        gone = tuple(sorted(path for path in self._known if path not in now))
        self._known = now
        if changed or gone:
            transactor.emit(BaselineTaken(changed=changed, gone=gone))


def _kept(obj: JsonObject) -> bool:
    meta = obj["metadata"]
    if obj["kind"] not in KEPT or meta["name"] in GENERATED:
        return False
    owned = any(owner.get("controller") for owner in meta.get("ownerReferences") or [])
    token = obj["kind"] == "Secret" and obj.get("type") == "kubernetes.io/service-account-token"
    return not owned and not token


def plain(obj: JsonObject) -> JsonObject:
    """The object without what changes by itself, so that an unchanged object has an unchanged hash."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "resourceVersion", "generation")}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": meta}
