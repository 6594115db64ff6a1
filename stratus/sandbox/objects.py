"""Questions about Kubernetes objects that the API, the controllers and the node ask alike; objects are plain dicts.

Pure functions: no store, no clock. Nothing here changes its arguments.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]


def meta(obj: Object) -> Object:
    found: Object = obj.get("metadata") or {}
    return found


def name_of(obj: Object) -> str:
    return str(meta(obj).get("name", ""))


def namespace_of(obj: Object) -> str:
    return str(meta(obj).get("namespace", ""))


def uid_of(obj: Object) -> str:
    return str(meta(obj).get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    return meta(obj).get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return meta(obj).get("annotations") or {}


def spec_of(obj: Object) -> Object:
    return obj.get("spec") or {}


def status_of(obj: Object) -> Object:
    return obj.get("status") or {}


def is_deleting(obj: Object) -> bool:
    return bool(meta(obj).get("deletionTimestamp"))


def seconds(timestamp: str) -> float:
    """Epoch seconds of an RFC 3339 time as Kubernetes writes it (UTC, with or without a fraction)."""
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{fraction or 0}")


def timestamp(at: float) -> str:
    """RFC 3339 with whole seconds, as metav1.Time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def controller_of(obj: Object) -> Object | None:
    """The owner reference with controller: true."""
    for reference in meta(obj).get("ownerReferences") or ():
        if reference.get("controller"):
            return dict(reference)
    return None


def owner_reference(owner: Object) -> Object:
    """A controller reference to `owner`, as metav1.NewControllerRef."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selects(selector: Object | None, labels: Labels) -> bool:
    """Whether a LabelSelector matches; an empty selector matches everything, an absent one nothing."""
    if selector is None:
        return False
    for key, wanted in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != wanted:
            return False
    return all(satisfies(requirement, labels) for requirement in selector.get("matchExpressions") or ())


def satisfies(requirement: Object, labels: Labels) -> bool:
    """One matchExpressions entry, node selector operators Gt and Lt included."""
    key, operator, values = requirement["key"], requirement["operator"], requirement.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    try:
        have, bound = int(labels[key]), int(values[0])
    except (KeyError, ValueError, IndexError):
        return False
    return have > bound if operator == "Gt" else have < bound


def condition(obj: Object, kind: str) -> Object | None:
    """The status condition of a type."""
    for found in status_of(obj).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return None


def is_true(obj: Object, kind: str) -> bool:
    found = condition(obj, kind)
    return bool(found and found.get("status") == "True")


def with_condition(conditions: Iterable[Object], new: Object) -> list[Object]:
    """The conditions with `new` in the place of the one of its type; lastTransitionTime is kept while the status stays."""
    result, placed = [], False
    for old in conditions:
        if old.get("type") != new["type"]:
            result.append(old)
            continue
        placed = True
        kept = {"lastTransitionTime": old["lastTransitionTime"]} if _same_status(old, new) else {}
        result.append({**new, **kept})
    return result if placed else [*result, new]


def without_condition(conditions: Iterable[Object], kind: str) -> list[Object]:
    return [found for found in conditions if found.get("type") != kind]


def _same_status(old: Object, new: Object) -> bool:
    return old.get("status") == new.get("status") and "lastTransitionTime" in old


def is_pod_active(pod: Object) -> bool:
    """Neither finished nor being deleted: what a controller counts as one of its replicas."""
    return status_of(pod).get("phase") not in ("Succeeded", "Failed") and not is_deleting(pod)


def is_pod_finished(pod: Object) -> bool:
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def is_pod_ready(pod: Object) -> bool:
    return is_true(pod, "Ready")


def available_in(pod: Object, minimum: float, now: float) -> float | None:
    """Seconds until a ready pod has been ready for `minimum` seconds (0: it is available); None while not ready."""
    ready = condition(pod, "Ready")
    if not ready or ready.get("status") != "True":
        return None
    return max(0.0, seconds(ready["lastTransitionTime"]) + minimum - now) if minimum else 0.0


def percent(value: int | str, total: int, *, round_up: bool) -> int:
    """An IntOrString of a rollout or disruption budget as a number of pods."""
    if isinstance(value, int):
        return value
    if not value.endswith("%"):
        return int(value)
    scaled = int(value[:-1]) * total
    return -(-scaled // 100) if round_up else scaled // 100


def containers_of(spec: Object) -> Sequence[Object]:
    """A pod spec's init and ordinary containers."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
