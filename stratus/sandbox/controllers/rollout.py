"""The arithmetic of a Deployment's rollout: pure functions over the Deployment and its ReplicaSets.

Rules are those of k8s.io/kubernetes/pkg/controller/deployment/util.
"""

from __future__ import annotations

import hashlib
import json

from stratus.sandbox.objects import (
    Object,
    annotations_of,
    condition,
    labels_of,
    meta,
    name_of,
    percent,
    seconds,
    spec_of,
    status_of,
)

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH_LABEL = "pod-template-hash"
NOT_COPIED = ("kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAXIMUM)
NO_DEADLINE = 2**31 - 1
SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object, collisions: int = 0) -> str:
    """A name-safe hash of a pod template, in the alphabet of rand.SafeEncodeString."""
    text = json.dumps([_comparable(template), collisions], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return "".join(SAFE_ALPHABET[ord(digit) % len(SAFE_ALPHABET)] for digit in str(number))


def same_template(one: Object, other: Object) -> bool:
    """Semantic equality of two pod templates, the pod-template-hash label left out."""
    return _comparable(one) == _comparable(other)


def _comparable(template: Object) -> Object:
    metadata = {key: value for key, value in meta(template).items() if value}
    labels = {key: value for key, value in labels_of(template).items() if key != HASH_LABEL}
    metadata.pop("labels", None)
    return {"metadata": {**metadata, **({"labels": labels} if labels else {})}, "spec": spec_of(template)}


def replicas(obj: Object) -> int:
    return int(spec_of(obj).get("replicas", 1))


def available(replica_set: Object) -> int:
    return int(status_of(replica_set).get("availableReplicas", 0))


def is_rolling(deployment: Object) -> bool:
    return bool(deployment["spec"].get("strategy", {}).get("type") == "RollingUpdate")


def limits(deployment: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of pods; they are never both zero."""
    if not is_rolling(deployment):
        return 0, 0
    rolling, total = deployment["spec"]["strategy"].get("rollingUpdate") or {}, replicas(deployment)
    surge = percent(rolling.get("maxSurge", "25%"), total, round_up=True)
    unavailable = percent(rolling.get("maxUnavailable", "25%"), total, round_up=False)
    return surge, unavailable if surge or unavailable else 1


def max_surge(deployment: Object) -> int:
    return limits(deployment)[0]


def max_unavailable(deployment: Object) -> int:
    return min(limits(deployment)[1], replicas(deployment))


def new_size(deployment: Object, every: list[Object], current: int) -> int:
    """The size the new ReplicaSet may have now, being `current` large."""
    wanted = replicas(deployment)
    if not is_rolling(deployment):
        return wanted
    room = wanted + max_surge(deployment) - sum(map(replicas, every))
    return current if room <= 0 else current + min(room, wanted - current)


def active(sets: list[Object]) -> list[Object]:
    return [each for each in sets if replicas(each) > 0]


def age(replica_set: Object) -> tuple[str, str]:
    """Sorts by creation, then name."""
    return meta(replica_set)["creationTimestamp"], name_of(replica_set)


def active_or_latest(new: Object | None, old: list[Object]) -> Object | None:
    """The only active ReplicaSet, or the latest when none is; None when several are."""
    running = active([*old, *([new] if new else [])])
    if len(running) == 1:
        return running[0]
    if running:
        return None
    return new or (max(old, key=age) if old else None)


def is_saturated(deployment: Object, replica_set: Object | None) -> bool:
    """Whether the new ReplicaSet alone serves the whole Deployment."""
    if replica_set is None:
        return False
    wanted = replicas(deployment)
    desired = annotations_of(replica_set).get(DESIRED)
    return desired == str(wanted) and replicas(replica_set) == wanted == available(replica_set)


def proportion(replica_set: Object, deployment: Object, to_add: int, added: int) -> int:
    """This ReplicaSet's share of a scaling by `to_add` pods, `added` having been given out."""
    if not replicas(replica_set) or not to_add or to_add == added:
        return 0
    share, rest = _fraction(replica_set, deployment), to_add - added
    return min(share, rest) if to_add > 0 else max(share, rest)


def _fraction(replica_set: Object, deployment: Object) -> int:
    size = replicas(replica_set)
    if not replicas(deployment):
        return -size
    total = replicas(deployment) + max_surge(deployment)
    before = int(annotations_of(replica_set).get(MAXIMUM) or status_of(deployment).get("replicas", 0)) or total
    return int(size * total / before + 0.5) - size


def revision(obj: Object) -> int:
    try:
        return int(annotations_of(obj).get(REVISION, "0"))
    except ValueError:
        return 0


def annotated(replica_set: Object, deployment: Object, number: int, *, new: bool) -> Object:
    """The ReplicaSet with the Deployment's annotations and at least revision `number`."""
    annotations = dict(annotations_of(replica_set))
    copied = {key: value for key, value in annotations_of(deployment).items() if key not in NOT_COPIED}
    annotations.update(copied)
    before = annotations.get(REVISION)
    if revision(replica_set) < number:
        annotations[REVISION] = str(number)
        if before is not None:
            history = [past for past in annotations.get(HISTORY, "").split(",") if past]
            annotations[HISTORY] = ",".join([*history, before])
    if new:
        annotations.update(size_annotations(deployment))
    return with_annotations(replica_set, annotations)


def size_annotations(deployment: Object) -> dict[str, str]:
    wanted = replicas(deployment)
    return {DESIRED: str(wanted), MAXIMUM: str(wanted + max_surge(deployment))}


def with_annotations(obj: Object, annotations: dict[str, str]) -> Object:
    if annotations == annotations_of(obj):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def has_deadline(deployment: Object) -> bool:
    return bool(deployment["spec"].get("progressDeadlineSeconds", NO_DEADLINE) != NO_DEADLINE)


def is_complete(deployment: Object, status: Object) -> bool:
    """Whether all pods, and no others, are updated and available."""
    wanted = replicas(deployment)
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    observed = int(status.get("observedGeneration", 0)) >= int(meta(deployment)["generation"])
    return observed and all(status.get(field, 0) == wanted for field in counts)


def is_progressing(before: Object, after: Object) -> bool:
    def old_pods(status: Object) -> int:
        return int(status.get("replicas", 0) - status.get("updatedReplicas", 0))

    return (
        after.get("updatedReplicas", 0) > before.get("updatedReplicas", 0)
        or old_pods(after) < old_pods(before)
        or after.get("readyReplicas", 0) > before.get("readyReplicas", 0)
        or after.get("availableReplicas", 0) > before.get("availableReplicas", 0)
    )


def time_left(deployment: Object, now: float) -> float | None:
    """Seconds until the progress deadline, negative once it is over; None while no deadline runs."""
    progressing = condition(deployment, "Progressing")
    if progressing is None or progressing["reason"] == "NewReplicaSetAvailable":
        return None
    if progressing["reason"] == "ProgressDeadlineExceeded":
        return -1.0
    return seconds(progressing["lastUpdateTime"]) + float(deployment["spec"]["progressDeadlineSeconds"]) - now
