"""What changed lately where it hurts: the analyser for every mistake that no other one knows.

Any field of any object that differs from an earlier state of it, on a component that suffers or that a suffering one
needs, is a suspect; so is an object that is new or gone since the last healthy state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from agents.evidence import Change, Source, Workload
from agents.evidence.changes import CREDENTIAL, parse_time
from agents.evidence.workload import selects
from agents.minds.base import Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, hypothesis, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.steps import Step

_BY_FIELD: tuple[tuple[str, frozenset[str]], ...] = (
    ("image", frozenset({"image", "imagePullPolicy", "imagePullSecrets"})),
    ("probe", frozenset({"livenessProbe", "readinessProbe", "startupProbe", "readinessGates"})),
    ("command", frozenset({"command", "args", "workingDir", "lifecycle"})),
    ("init-container", frozenset({"initContainers"})),
    ("resources", frozenset({"resources"})),
    ("scheduling", frozenset({"nodeSelector", "affinity", "tolerations", "hostPort", "topologySpreadConstraints",
                              "schedulerName", "priorityClassName", "nodeName", "hostNetwork", "runtimeClassName"})),
    ("dns", frozenset({"dnsPolicy", "dnsConfig", "hostAliases"})),
    ("config", frozenset({"env", "envFrom", "ports", "volumeMounts", "securityContext"})),
    ("storage", frozenset({"volumes", "volumeClaimTemplates"})),
    ("scaling", frozenset({"replicas"})),
    ("rollout-strategy", frozenset({"strategy", "updateStrategy", "paused", "minReadySeconds"})),
    ("auth-config", frozenset({"serviceAccountName", "automountServiceAccountToken"})),
)  # fmt: skip
BY_KIND = {
    "Service": "service-networking", "Endpoints": "service-networking", "Ingress": "ingress",
    "NetworkPolicy": "network-policy", "ConfigMap": "config", "Secret": "auth-config", "ResourceQuota": "quota",
    "LimitRange": "quota", "HorizontalPodAutoscaler": "autoscaling", "PersistentVolumeClaim": "storage",
    "PersistentVolume": "storage", "Node": "scheduling", "CronJob": "jobs", "Job": "jobs",
    "ValidatingWebhookConfiguration": "admission", "MutatingWebhookConfiguration": "admission",
    "ServiceAccount": "auth-config", "PodDisruptionBudget": "rollout-strategy",
}  # fmt: skip
"""Which class of fault an object's own fields stand for."""
JUDGED = ("Deployment", "StatefulSet", "DaemonSet", "CronJob", "Service", "Ingress", "ConfigMap", "Secret", "NetworkPolicy",
          "ResourceQuota", "LimitRange", "HorizontalPodAutoscaler", "ServiceAccount")  # fmt: skip
OWN_MANAGER = "stratus"
"""The field manager of the engine's own writes."""
RECENT = timedelta(hours=1)
RESTARTERS = ("ConfigMap", "Secret")
"""Kinds that running processes have read before: their users restart after a change."""


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Changed fields, and objects that went or came since the last healthy state."""
    for kind in JUDGED:
        for obj in case.evidence.of(kind):
            yield from _changed(case, obj)
    yield from _gone(case)
    yield from _new(case)


def _changed(case: Case, obj: JsonObject) -> Iterator[Hypothesis]:
    subject = subject_of(obj)
    classes = {fault_class(change) for change in case.evidence.changes(obj) if not _noise(change)}
    near, most = nearness(case, subject, obj), 0.0
    for each in sorted(classes):

        def wanted(change: Change, each: str = each) -> bool:
            return not _noise(change) and fault_class(change) == each

        groups = case.recent(obj, wanted)
        if not groups:
            continue
        reason = f"{subject} differs from its {_source(groups[0])}"
        since = max((change.at for change in groups[0] if change.at), default=None)
        extra = restarts(case, obj, since) if obj["kind"] in RESTARTERS else ()
        candidates = case.restorations(obj, wanted, reason, worth=0.95, extra=extra)
        said = [change.sentence() for change in groups[0][:4]]
        suspicion = _suspicion(case, groups[0])
        confidence, most = near * suspicion, max(most, suspicion)
        yield hypothesis(subject, each, confidence, f"{subject}: {said[0]}", said, candidates, affects=users(case, obj))
    workload = case.evidence.workload(subject)
    if workload is not None and workload.earlier() and most and near >= 0.4:
        reason = f"{subject} worked with an earlier template"
        yield hypothesis(subject, sorted(classes)[0], near * most * 0.9, reason, [], case.rollbacks(workload, reason))


def _suspicion(case: Case, changes: list[Change]) -> float:
    """Factor for a change's age and author: what has long been so, or what a committed mitigation wrote, is hardly it."""
    factor = 0.95 if changes[0].source is Source.APPLIED else 1.0
    if all(change.by == OWN_MANAGER for change in changes):
        return factor * 0.4
    age = min((case.evidence.at - change.at for change in changes if change.at), default=timedelta())
    return factor * (1.0 if age < RECENT else 0.75 if age < timedelta(days=1) else 0.45)


def nearness(case: Case, subject: Subject, obj: JsonObject) -> float:
    """How plausible a change of this object is as the cause: it suffers itself, is needed by what suffers, or neither."""
    concerned = {subject, *users(case, obj)}
    if any(case.evidence.found(each) for each in concerned) or any(w.subject in concerned for w, _ in case.troubled):
        return 0.68
    if concerned & set(case.failing_path):
        return 0.62
    return 0.45 if concerned & case.suffering else 0.12


def users(case: Case, obj: JsonObject) -> set[Subject]:
    """Who is affected by an object: workloads that mount or read it, that a policy selects, that a quota governs."""
    meta, kind = obj["metadata"], obj["kind"]
    near = [w for w in case.evidence.workloads if w.namespace == meta.get("namespace", "")]
    if kind in ("ConfigMap", "Secret", "ServiceAccount", "PersistentVolumeClaim"):
        return {w.subject for w in near if meta["name"] in references(w, kind)}
    if kind == "NetworkPolicy":
        selector = ((obj.get("spec") or {}).get("podSelector") or {}).get("matchLabels") or {}
        return {w.subject for w in near if not selector or selects(selector, w.labels)}
    if kind in ("ResourceQuota", "LimitRange"):
        return {w.subject for w, _ in case.troubled if w.namespace == meta.get("namespace", "")}
    if kind == "Service":
        return case.topology.callees(subject_of(obj))
    return set()


def references(workload: Workload, kind: str) -> set[str]:
    """Names of ConfigMaps, Secrets, claims or service accounts that a pod template mentions."""
    spec, found = workload.pod_spec, set()
    if kind == "ServiceAccount":
        return {str(spec.get("serviceAccountName", "default"))}
    key, ref, name = {
        "ConfigMap": ("configMap", "configMapKeyRef", "name"),
        "Secret": ("secret", "secretKeyRef", "secretName"),
        "PersistentVolumeClaim": ("persistentVolumeClaim", "", "claimName"),
    }[kind]
    for volume in spec.get("volumes") or []:
        found.add((volume.get(key) or {}).get(name))
        for source in (volume.get("projected") or {}).get("sources") or []:
            found.add((source.get(key) or {}).get("name"))
    for container in [*workload.init_containers, *workload.containers]:
        for entry in container.get("env") or []:
            found.add(((entry.get("valueFrom") or {}).get(ref) or {}).get("name"))
        for source in container.get("envFrom") or []:
            found.add((source.get(f"{key}Ref") or {}).get("name"))
    return {str(each) for each in found if each}


def restarts(case: Case, obj: JsonObject, since: datetime | None = None) -> list[Step]:
    """Restart steps for the workloads that have read an object into their processes.

    ``since``: when it was changed; what took it into its environment before then still has what it was.
    """
    kind, namespace, name = obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
    users_ = [
        w
        for w in case.evidence.workloads
        if w.namespace == namespace
        and w.kind in ("Deployment", "StatefulSet", "DaemonSet")
        and name in references(w, kind)
        and (since is None or _mounts(w, name) or not _all_older(w, since))
    ]
    return [fixes.restart(w, case.evidence.at) for w in users_[:10]]


def _mounts(workload: Workload, name: str) -> bool:
    """Whether a workload has an object of that name as files."""
    return f"'{name}'" in f"{workload.pod_spec.get('volumes')}"


def _all_older(workload: Workload, moment: datetime) -> bool:
    started = [parse_time((pod.get("status") or {}).get("startTime")) for pod in workload.pods]
    return bool(started) and all(start is not None and start < moment for start in started)


def fault_class(change: Change) -> str:
    """The class that a changed field stands for."""
    if change.ref.kind == "ConfigMap":
        if change.ref.name == "coredns":
            return "dns"
        return "feature-flag" if "flag" in f"{change.ref.name} {change.path}".lower() else "config"
    if change.ref.kind in BY_KIND and change.ref.kind != "CronJob":
        return BY_KIND[change.ref.kind]
    text = f"{change.path} {change.before} {change.after}"
    for name, names in _BY_FIELD:
        if change.under(*names):
            if name == "config" and change.under("env", "envFrom") and CREDENTIAL.search(text):
                return "auth-config"
            return name
    return BY_KIND.get(change.ref.kind, "config")


def _noise(change: Change) -> bool:
    """Changes that cannot matter: bookkeeping, and replica counts of autoscaled workloads."""
    path = change.path
    if path[:1] == ("metadata",) or path[:2] == ("spec", "clusterIP"):
        return True
    return path[-2:] == ("metadata", "annotations") or "annotations" in path or "creationTimestamp" in path


def _source(changes: Iterable[Change]) -> str:
    first = next(iter(changes))
    return f"revision {first.revision}" if first.revision else str(first.source)


def _gone(case: Case) -> Iterator[Hypothesis]:
    """Objects of the last healthy state that are not there any more."""
    for path, healthy in case.evidence.baseline.items():
        meta, kind = healthy["metadata"], healthy["kind"]
        if case.evidence.get(kind, meta.get("namespace", ""), meta["name"]) is not None or kind not in (*JUDGED, "Pod"):
            continue
        if kind == "Pod" or _unread(case, kind):
            continue
        subject = subject_of(healthy)
        reason = f"{path} existed while everything was healthy, and is gone"
        extra = restarts(case, healthy) if kind in RESTARTERS else ()
        step = fixes.candidate(Origin.RESTORE, [fixes.create(healthy), *extra], reason)
        each = BY_KIND.get(kind, "config")
        yield hypothesis(subject, each, 0.85, reason, [reason], [step], affects=users(case, healthy))


def _unread(case: Case, kind: str) -> bool:
    return any(text.startswith(f"{kind} ") or text.startswith(f"{kind}:") for text in case.evidence.unreadable)


def _new(case: Case) -> Iterator[Hypothesis]:
    """Objects that restrict others and were not there in the last healthy state."""
    if not case.evidence.baseline:
        return
    for kind in ("NetworkPolicy", "ResourceQuota", "LimitRange", "PodDisruptionBudget"):
        for obj in case.evidence.of(kind):
            meta = obj["metadata"]
            path = f"{meta.get('namespace', '')}/{kind.lower()}/{meta['name']}"
            if path not in case.evidence.baseline:
                reason = f"{path} is new since everything was healthy"
                step = fixes.candidate(Origin.RESTORE, [fixes.delete(obj)], reason, worth=0.9)
                each = BY_KIND[kind]
                yield hypothesis(subject_of(obj), each, 0.6, reason, [reason], [step], affects=users(case, obj))
