"""A small world of dicts for the agents' tests: objects as a server sends them, a reader, and a transactor whose verdicts
follow from the objects."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch

from agents.evidence import Evidence, LogTail
from agents.evidence.routes import Answered
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.events import Event
from stratus.domain.objects import ClusterIdentity, ObjectRef, Subject
from stratus.domain.projection import Board, fold
from stratus.domain.severity import Finding, Observation, OracleState, Reading, total
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, Proposal, ScaleStep, Step
from stratus.ports import HttpReply, Resource, TxResult
from stratus.testing.clock import FakeClock
from stratus.testing.memory import MemoryLog

NS = "shop"
START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
IMAGE = "registry.test/app:1.0"
API = {
    "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
    "NetworkPolicy": "networking.k8s.io/v1", "Ingress": "networking.k8s.io/v1", "CronJob": "batch/v1", "Job": "batch/v1",
    "HorizontalPodAutoscaler": "autoscaling/v1", "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "StorageClass": "storage.k8s.io/v1", "PriorityClass": "scheduling.k8s.io/v1",
}  # fmt: skip


def obj(kind: str, name: str, *, namespace: str = NS, **parts: Any) -> JsonObject:
    """An object; ``metadata`` parts are merged."""
    meta = {"name": name, "uid": f"uid-{kind}-{name}", "creationTimestamp": "2026-01-01T01:00:00Z"}
    if namespace:
        meta["namespace"] = namespace
    return {
        "apiVersion": API.get(kind, "v1"),
        "kind": kind,
        "metadata": {**meta, **parts.pop("metadata", {})},
        **parts,
    }


def container(name: str, port: int = 8080, **more: Any) -> JsonObject:
    """A container that listens on ``port`` and has a readiness probe."""
    return {
        "name": name,
        "image": IMAGE,
        "ports": [{"containerPort": port, "protocol": "TCP"}],
        "env": [{"name": "PORT", "value": str(port)}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "96Mi"}},
        **more,
    }


def template(name: str, *containers: JsonObject, **spec: Any) -> JsonObject:
    """A pod template with the label ``app``."""
    return {"metadata": {"labels": {"app": name}}, "spec": {"containers": list(containers), **spec}}


def deployment(name: str, *containers: JsonObject, replicas: int = 1, **spec: Any) -> JsonObject:
    """A Deployment; ``spec`` goes into the pod spec."""
    body = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, *(containers or (container(name),)), **spec),
    }
    return obj("Deployment", name, spec=body)


def service(name: str, port: int = 8080, target: int | str | None = None, **selector: str) -> JsonObject:
    """A Service for the pods labelled ``app=name``."""
    ports = [{"name": "http", "port": port, "targetPort": target or port, "protocol": "TCP"}]
    return obj("Service", name, spec={"selector": selector or {"app": name}, "ports": ports})


def replica_set(owner: JsonObject, revision: int, pod_template: JsonObject | None = None, ready: int = 0) -> JsonObject:
    """A ReplicaSet of a Deployment; the current template when none is given."""
    found = copy.deepcopy(pod_template or owner["spec"]["template"])
    found["metadata"]["labels"]["pod-template-hash"] = f"h{revision}"
    name = f"{owner['metadata']['name']}-h{revision}"
    meta = {
        "annotations": {"deployment.kubernetes.io/revision": str(revision)},
        "ownerReferences": [own(owner)],
        "creationTimestamp": f"2026-01-01T01:{revision:02d}:00Z",
    }
    return obj("ReplicaSet", name, metadata=meta, spec={"template": found}, status={"readyReplicas": ready})


def own(owner: JsonObject) -> JsonObject:
    """An owner reference to a controller."""
    meta = owner["metadata"]
    return {"kind": owner["kind"], "name": meta["name"], "uid": meta["uid"], "controller": True}


def pod(
    owner: JsonObject, state: JsonObject | None = None, *, init: JsonObject | None = None, **status: Any
) -> JsonObject:
    """A pod of a workload: ready, or with the container status ``state``."""
    spec = copy.deepcopy(owner["spec"]["template"]["spec"])
    labels = dict(owner["spec"]["template"]["metadata"]["labels"])
    meta = {"labels": labels, "ownerReferences": [own(owner)]}
    ready = state is None and init is None and not status
    base: JsonObject = {
        "phase": "Running",
        "startTime": "2026-01-01T01:10:00Z",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [
            {"name": c["name"], "ready": ready, "restartCount": 0, "state": {"running": {}}, **(state or {})}
            for c in spec["containers"]
        ],
    }
    if init is not None:
        base["containerStatuses"] = []
        base["initContainerStatuses"] = [{"ready": False, "restartCount": 0, **init}]
    body = {**spec, "nodeName": "node-1"}
    if status:
        base = {"phase": "Pending", **status}
        body.pop("nodeName")
    return obj("Pod", f"{owner['metadata']['name']}-1", metadata=meta, spec=body, status=base)


def waiting(reason: str, message: str = "", restarts: int = 0) -> JsonObject:
    """A container status that waits."""
    return {"state": {"waiting": {"reason": reason, "message": message}}, "restartCount": restarts}


def crash(code: int = 1, reason: str = "Error", restarts: int = 4) -> JsonObject:
    """A container status in CrashLoopBackOff."""
    last = {"terminated": {"exitCode": code, "reason": reason}}
    return {**waiting("CrashLoopBackOff", "back-off", restarts), "lastState": last}


def unschedulable(message: str) -> JsonObject:
    """The status of a pod that no node takes."""
    return {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]}


def event(about: JsonObject, reason: str, message: str, at: str = "2026-01-01T01:50:00Z") -> JsonObject:
    """A warning."""
    meta = about["metadata"]
    involved = {"kind": about["kind"], "name": meta["name"], "namespace": meta.get("namespace"), "uid": meta["uid"]}
    name = f"{meta['name']}.{reason}.{abs(hash(message)) % 10**6}"
    return obj("Event", name, involvedObject=involved, reason=reason, message=message, lastTimestamp=at, count=3)


def finding(kind: str, name: str, reason: str, weight: float = 3.0) -> Finding:
    """A finding of the workload oracle."""
    return Finding(oracle="test", subject=Subject(kind=kind, namespace=NS, name=name), reason=reason, weight=weight)


def node(name: str = "node-1", **spec: Any) -> JsonObject:
    """A node of 4 GiB."""
    labels = {"kubernetes.io/hostname": name}
    status = {"allocatable": {"cpu": "2", "memory": "4Gi"}}
    return obj("Node", name, namespace="", metadata={"labels": labels}, spec=spec, status=status)


def evidence(
    *objects: JsonObject, findings: Sequence[Finding] = (), logs: dict[str, str] | None = None,
    baseline: Sequence[JsonObject] = (), version: tuple[int, int] = (1, 30), answers: Sequence[Answered] = (),
) -> Evidence:  # fmt: skip
    """One look at these objects; ``logs``: pod name → text of its only container."""
    tails = tuple(
        LogTail(f"{NS}/{name}", o["spec"]["containers"][0]["name"], text)
        for name, text in (logs or {}).items()
        for o in objects
        if o["kind"] == "Pod" and o["metadata"]["name"] == name
    )
    return Evidence(
        at=START, namespaces=(NS,), objects=(obj("Namespace", NS, namespace=""), *objects), findings=tuple(findings),
        logs=tails, baseline={ObjectRef.of(o).path: o for o in baseline}, version=version,
        answers=tuple(answers),
    )  # fmt: skip


def applied(objects: Sequence[JsonObject], steps: Sequence[Step]) -> list[JsonObject]:
    """The objects after some steps."""
    found = {ObjectRef.of(o).path: copy.deepcopy(o) for o in objects}
    for step in steps:
        path = step.target.path
        if isinstance(step, CreateStep):
            found[path] = copy.deepcopy(step.manifest)
        elif isinstance(step, DeleteStep):
            del found[path]
        elif isinstance(step, ScaleStep):
            found[path]["spec"]["replicas"] = step.replicas
        elif isinstance(step, PatchStep) and step.patch_type == "json":
            found[path] = jsonpatch.apply_patch(found[path], step.patch)
        elif isinstance(step, PatchStep):
            _merge(found[path], step.patch)
    return list(found.values())


def _merge(into: JsonObject, patch: JsonObject) -> None:
    for key, value in patch.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        else:
            into[key] = value


class World:
    """Implements ports.ClusterReader and ports.Transactor over dicts. ``judge`` says what is wrong with a set of objects."""

    def __init__(self, objects: Sequence[JsonObject], judge: Callable[[dict[str, JsonObject]], list[Finding]]) -> None:
        self.objects = [obj("Namespace", NS, namespace=""), *objects]
        self.judge = judge
        self.clock = FakeClock(START)
        self.log = MemoryLog(self.clock.now)
        self.answers: list[TxResult] = []
        """Outcomes that are given instead of acting, in order; an empty ``tx`` acts."""
        self.proposals: list[Proposal] = []
        self.undone: list[str] = []
        self.blind = False
        self.unreachable = False
        self._before: dict[str, list[JsonObject]] = {}

    # reader
    async def identity(self) -> ClusterIdentity:
        return ClusterIdentity(uid="u", version="v1.30.1")

    async def resources(self) -> Sequence[Resource]:
        return []

    async def get(self, ref: ObjectRef) -> JsonObject:
        for each in self.objects:
            if ObjectRef.of(each).path == ref.path:
                return each
        raise Absent(ref.path)

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        if self.unreachable:
            from stratus.domain.errors import Unobservable

            raise Unobservable("connection refused")
        return [o for o in self.objects if o["kind"] == kind and namespace in ("", o["metadata"].get("namespace"))]

    async def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 200,
        timestamps: bool = False,
    ) -> str:  # fmt: skip
        return ""

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        raise AssertionError("agents ask Services only for the paths of an Ingress")

    async def can_i(self, verb: str, ref: ObjectRef, subresource: str = "") -> bool:
        return True

    # transactor
    @property
    def reader(self) -> World:
        return self

    @property
    def board(self) -> Board:
        """The log, folded as every screen folds it: an illegal move of the machine raises here."""
        return fold(self.log.recorded)

    def emit(self, *events: Event) -> None:
        self.log.append(*events)
        assert self.board.seq == len(self.log.recorded)

    def findings(self) -> list[Finding]:
        """What is wrong now."""
        return self.judge({ObjectRef.of(o).path: o for o in self.objects})

    async def observe(self) -> Observation:
        state = OracleState.BLIND if self.blind else OracleState.OBSERVING
        return Observation(readings=(Reading(oracle="test", state=state, findings=tuple(self.findings())),))

    async def settle(self, seconds: float) -> Observation:
        self.clock._elapsed += min(seconds, 1.0)
        return await self.observe()

    async def transact(self, proposal: Proposal, *, incident: str, initial: float) -> TxResult:
        """Apply, keep when it is not worse than ``initial`` and than before, else take it back, as the engine does."""
        self.proposals.append(proposal)
        tx = f"{incident}.{len(self.proposals)}"
        if self.answers and (answer := self.answers.pop(0)).tx:
            return answer.model_copy(update={"tx": tx})
        before, mu = self.objects, total(self.findings())
        self.objects = applied(self.objects, proposal.steps)
        after = total(self.findings())
        common = {"tx": tx, "severity_before": mu, "writes": len(proposal.steps)}
        if after > min(mu, initial):
            self.objects = before
            return TxResult(outcome="restored", severity_after=mu, reason=f"severity {after:g}", **common)
        self._before[tx] = before
        return TxResult(outcome="committed", severity_after=after, findings_after=tuple(self.findings()), **common)

    async def undo(self, tx: str, *, by: str, reason: str) -> TxResult:
        self.objects = self._before[tx]
        self.undone.append(tx)
        return TxResult(tx=tx, outcome="restored", writes=1)

    def later(self, seconds: float) -> datetime:
        """The world's time in so many seconds."""
        return self.clock.now() + timedelta(seconds=seconds)
