"""Every kind of workload in the same words: replicas wanted and there, what its controller says, its newest pods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.oracles.labels import LabelIndex
from stratus.oracles.pods import condition, is_finished, is_started
from stratus.oracles.world import KNOWN_OWNERS, World, controller_of, labels_of, subject_of

REVISION = "deployment.kubernetes.io/revision"
REJECTED = 2
"""So many pods that the kubelet rejected, and none that ran: the next one will fare no better."""


@dataclass(frozen=True)
class Rollout:
    """One workload at one moment."""

    subject: Subject
    desired: int
    pods: tuple[JsonObject, ...]
    """All that are not finished, those being deleted included."""
    newest: tuple[JsonObject, ...]
    """Those of the latest revision."""
    observed: bool
    """The controller has seen the latest generation."""
    complete: bool
    """By its status, the controller is done: updated, ready, available, none too many."""
    template: JsonObject
    """The pod template: metadata and spec."""
    refusal: str = ""
    """Why new pods cannot be created, in the API server's words."""
    short: bool = False
    """Fewer pods exist than wanted: if the controller could not create them, events say why."""
    generation: int = 0
    min_ready: float = 0.0
    """Seconds for which its controller only waits once a new pod is ready."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels that its pods carry."""
        return (self.template.get("metadata") or {}).get("labels") or {}


@lru_cache(maxsize=1)
def rollouts(world: World) -> tuple[Rollout, ...]:
    """All workloads that keep pods running. Raises Unobservable when something needed could not be read."""
    return tuple(_rollouts(world))


@lru_cache(maxsize=1)
def rollouts_by_label(world: World) -> LabelIndex[Rollout]:
    """The same by their pods' labels. Raises Unobservable."""
    return LabelIndex((each.subject.namespace, each.labels, each) for each in rollouts(world))


def _rollouts(world: World) -> Iterator[Rollout]:
    for deployment in world.all("Deployment"):
        yield _deployment(world, deployment)
    for stateful in world.all("StatefulSet"):
        yield _stateful_set(world, stateful)
    for daemon in world.all("DaemonSet"):
        yield _daemon_set(world, daemon)
    for replica_set in world.all("ReplicaSet"):
        owner = controller_of(replica_set)
        if owner is None or owner["kind"] not in KNOWN_OWNERS:
            if replica_set["spec"].get("replicas", 1) or _live(world.owned_by(replica_set, "Pod")):
                yield _replica_set(world, replica_set)
    yield from _other_pods(world)


def _live(pods: tuple[JsonObject, ...]) -> tuple[JsonObject, ...]:
    return tuple(pod for pod in pods if not is_finished(pod))


def _seen(obj: JsonObject) -> bool:
    return int(obj.get("status", {}).get("observedGeneration", 0)) >= int(obj["metadata"].get("generation", 0))


def _wanted(obj: JsonObject) -> int:
    replicas = obj["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _deployment(world: World, obj: JsonObject) -> Rollout:
    sets = sorted(world.owned_by(obj, "ReplicaSet"), key=_revision)
    pods = {each["metadata"]["uid"]: _live(world.owned_by(each, "Pod")) for each in sets}
    status, desired = obj.get("status", {}), _wanted(obj)
    updated = status.get("updatedReplicas", 0)
    counts = (updated, status.get("replicas", 0), status.get("readyReplicas", 0), status.get("availableReplicas", 0))
    newest = sets[-1] if sets else None
    turned_away = _turned_away(world, newest) if newest else ""
    if newest and turned_away:
        pods[newest["metadata"]["uid"]] = ()  # the one that is alive at the moment will fare as those before it
    paused = obj["spec"].get("paused", False)
    done = counts[1:] == (desired,) * 3 if paused else counts == (desired,) * 4
    return Rollout(
        subject=subject_of(obj),
        desired=desired,
        pods=tuple(pod for every in pods.values() for pod in every),
        newest=pods[newest["metadata"]["uid"]] if newest else (),
        observed=_seen(obj),
        complete=done and not status.get("unavailableReplicas"),
        template=obj["spec"]["template"],
        refusal=next(filter(None, map(_refusal, reversed(sets))), "") or turned_away,
        generation=int(obj["metadata"].get("generation", 0)),
        min_ready=float(obj["spec"].get("minReadySeconds") or 0),
    )


def _revision(replica_set: JsonObject) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(REVISION, "0")
    return int(text) if text.isdigit() else 0


def _refusal(replica_set: JsonObject) -> str:
    """Why a ReplicaSet that still wants pods cannot create them."""
    failure = condition(replica_set, "ReplicaFailure")
    lacks = replica_set.get("status", {}).get("replicas", 0) < _wanted(replica_set)
    return str(failure.get("message", "")) if failure.get("status") == "True" and lacks else ""


def _turned_away(world: World, replica_set: JsonObject) -> str:
    """Why the kubelet rejects a ReplicaSet's pods before anything in them starts; they are made again without end."""
    pods = world.owned_by(replica_set, "Pod")
    if any(map(is_started, pods)) or not _wanted(replica_set):
        return ""
    statuses = [pod.get("status", {}) for pod in pods if is_finished(pod)]
    said = [f"{status['reason']}: {status.get('message', '')}" for status in statuses if status.get("reason")]
    return said[-1] if len(said) >= REJECTED else ""


def _replica_set(world: World, obj: JsonObject) -> Rollout:
    desired, status = _wanted(obj), obj.get("status", {})
    pods = _live(world.owned_by(obj, "Pod"))
    counts = (status.get("replicas", 0), status.get("readyReplicas", 0), status.get("availableReplicas", 0))
    complete = counts == (desired,) * 3
    template = obj["spec"].get("template") or {}
    return Rollout(world.owner(obj), desired, pods, pods, _seen(obj), complete, template, _refusal(obj))


def _stateful_set(world: World, obj: JsonObject) -> Rollout:
    desired, status, spec = _wanted(obj), obj.get("status", {}), obj["spec"]
    pods = _live(world.owned_by(obj, "Pod"))
    strategy = spec.get("updateStrategy") or {}
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    to_update = 0 if strategy.get("type") == "OnDelete" else max(0, desired - partition)
    current = status.get("currentRevision") == status.get("updateRevision")
    updated = desired if current else status.get("updatedReplicas", 0)
    complete = (status.get("replicas", 0), status.get("readyReplicas", 0)) == (desired,) * 2 and updated >= to_update
    newest = tuple(p for p in pods if labels_of(p).get("controller-revision-hash") == status.get("updateRevision"))
    return Rollout(
        subject=subject_of(obj),
        desired=desired,
        pods=pods,
        # an old pod that is not ready holds an ordered rollout up just as a new one does
        newest=newest if to_update == desired and len(newest) == desired else pods,
        observed=_seen(obj),
        complete=complete,
        template=spec["template"],
        short=len(pods) < desired,
        generation=int(obj["metadata"].get("generation", 0)),
    )


def _daemon_set(world: World, obj: JsonObject) -> Rollout:
    status = obj.get("status", {})
    desired = int(status.get("desiredNumberScheduled", 0))
    pods = _live(world.owned_by(obj, "Pod"))
    on_delete = (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
    updated = desired if on_delete else status.get("updatedNumberScheduled", 0)
    counts = (
        updated,
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("numberAvailable", 0),
    )
    complete = counts == (desired,) * 4
    return Rollout(
        subject=subject_of(obj),
        desired=desired,
        pods=pods,
        newest=pods,
        observed=_seen(obj),
        complete=complete,
        template=obj["spec"]["template"],
        short=len(pods) < desired,
        generation=int(obj["metadata"].get("generation", 0)),
    )


def _other_pods(world: World) -> Iterator[Rollout]:
    """Pods without an owner, or whose owner is no workload of Kubernetes itself: judged by the pods that are there."""
    groups: dict[Subject, list[JsonObject]] = defaultdict(list)
    for pod in world.all("Pod"):
        owner = controller_of(pod)
        if (owner is None or owner["kind"] not in {*KNOWN_OWNERS, "Node"}) and not is_finished(pod):
            groups[world.owner(pod)].append(pod)
    for subject, every in groups.items():
        pods = tuple(every)
        staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        complete = all(condition(pod, "Ready").get("status") == "True" for pod in staying)
        template = {"metadata": {"labels": labels_of(pods[0])}, "spec": pods[0]["spec"]}
        yield Rollout(subject, len(staying), pods, pods, True, complete, template)


def templates(world: World) -> Iterator[tuple[Subject, int, JsonObject]]:
    """(subject, replicas wanted, pod template) of everything that runs pods, CronJobs and unfinished Jobs included."""
    for rollout in rollouts(world):
        yield rollout.subject, rollout.desired, rollout.template
    for cron in world.all("CronJob"):
        wanted = 0 if cron["spec"].get("suspend") else 1
        yield subject_of(cron), wanted, cron["spec"]["jobTemplate"]["spec"]["template"]
    for job in world.all("Job"):
        if controller_of(job) is None and not job.get("status", {}).get("completionTime"):
            yield subject_of(job), 1, job["spec"]["template"]
