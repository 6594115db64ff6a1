"""HorizontalPodAutoscalers: every 15 seconds, replicas after the usage of resources, within bounds and windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.backend import Usage
from stratus.sandbox.controllers.base import MANAGER, Controller, Informers
from stratus.sandbox.objects import (
    Object,
    is_deleting,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    selects,
    spec_of,
    status_of,
    with_condition,
)
from stratus.sandbox.quantities import milli, value
from stratus.sandbox.store import Change

PERIOD = 15.0
TOLERANCE = 0.1
DOWN_WINDOW = 300.0
TARGETS = {
    ("apps", "Deployment"): "deployments.apps",
    ("apps", "ReplicaSet"): "replicasets.apps",
    ("apps", "StatefulSet"): "statefulsets.apps",
}


class MetricError(Exception):
    """A metric that cannot be had; `reason` is that of the condition and the event."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Proposal:
    """What one metric asks for."""

    replicas: int
    why: str
    current: Object


class AutoscalerController(Controller):
    name = "horizontal-pod-autoscaler"
    resource = "horizontalpodautoscalers.autoscaling"

    def __init__(self, api: Api, informers: Informers, usage: Callable[[Object], Mapping[str, Usage]]) -> None:
        super().__init__(api, informers)
        self._usage = usage
        self._past: dict[str, list[tuple[float, int]]] = {}

    def reconcile(self, namespace: str, name: str) -> None:
        scaler = self.store.get(self.resource, namespace, name)
        if scaler is None or is_deleting(scaler):
            return
        self.enqueue(namespace, name, PERIOD)
        reference = spec_of(scaler)["scaleTargetRef"]
        resource = TARGETS.get((str(reference.get("apiVersion", "")).partition("/")[0], reference["kind"]), "")
        target = self.store.get(resource, namespace, reference["name"]) if resource else None
        if target is None:
            plural, _, group = (resource or reference["kind"]).partition(".")
            message = f'{plural}/scale{group and "." + group} "{reference["name"]}" not found'
            self.event(scaler, "Warning", "FailedGetScale", message)
            text = f"the HPA controller was unable to get the target's current scale: {message}"
            return self._write(scaler, {}, [("AbleToScale", "False", "FailedGetScale", text)])
        self._scale(scaler, resource, target)

    def _own_changed(self, change: Change) -> None:
        """Only a new or changed spec is looked at out of turn: the status is this controller's own."""
        if change.previous is None or spec_of(change.previous) != spec_of(change.object):
            self.enqueue_object(change.object)

    def _scale(self, scaler: Object, resource: str, target: Object) -> None:
        current = int(spec_of(target).get("replicas", 1))
        low, high = spec_of(scaler).get("minReplicas", 1), spec_of(scaler)["maxReplicas"]
        counts: Object = {"currentReplicas": int(status_of(target).get("replicas", 0)), "desiredReplicas": current}
        able = (
            "AbleToScale",
            "True",
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        if current == 0 and low != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            counts["desiredReplicas"] = 0
            return self._write(scaler, counts, [able, ("ScalingActive", "False", "ScalingDisabled", text)])
        if not low <= current <= high:
            return self._enforce(scaler, resource, target, counts, current)
        try:
            proposal = self._propose(scaler, target, current)
        except MetricError as error:
            return self._failed(scaler, counts, able, error)
        wanted, limited, ready = self._limit(scaler, proposal.replicas, current, low, high)
        counts |= {"desiredReplicas": wanted, "currentMetrics": [proposal.current]}
        active = ("ScalingActive", "True", "ValidMetricFound", _found(proposal.current))
        if wanted == current:
            return self._write(scaler, counts, [ready, active, limited])
        why = f"{proposal.why} above target" if wanted > current else "All metrics below target"
        rescaled = self._resize(scaler, resource, target, wanted, why)
        self._write(scaler, counts | {"lastScaleTime": self.kernel.timestamp()}, [rescaled, active, limited])

    def _enforce(self, scaler: Object, resource: str, target: Object, counts: Object, current: int) -> None:
        """Replicas outside the bounds are brought back without asking any metric."""
        high = int(spec_of(scaler)["maxReplicas"])
        wanted = high if current > high else int(spec_of(scaler).get("minReplicas", 1))
        side = "above Spec.MaxReplicas" if current > high else "below Spec.MinReplicas"
        rescaled = self._resize(scaler, resource, target, wanted, f"Current number of replicas {side}")
        counts |= {"desiredReplicas": wanted, "lastScaleTime": self.kernel.timestamp()}
        self._write(scaler, counts, [rescaled])

    def _failed(self, scaler: Object, counts: Object, able: tuple[str, str, str, str], error: MetricError) -> None:
        text = f"failed to get {_subject(scaler)}: {error}"
        self.event(scaler, "Warning", error.reason, text)
        total = len(spec_of(scaler).get("metrics") or ())
        all_of = f"invalid metrics (1 invalid out of {total}), first error is: {text}"
        self.event(scaler, "Warning", "FailedComputeMetricsReplicas", all_of)
        message = f"the HPA was unable to compute the replica count: {text}"
        counts["desiredReplicas"] = int(status_of(scaler).get("desiredReplicas", 0))
        self._write(scaler, counts, [able, ("ScalingActive", "False", error.reason, message)])

    def _resize(
        self, scaler: Object, resource: str, target: Object, wanted: int, why: str
    ) -> tuple[str, str, str, str]:
        """Scales the target and says so; returns the condition to show."""
        changed = {**target, "spec": {**spec_of(target), "replicas": wanted}}
        try:
            self.api.update(resource, namespace_of(target), name_of(target), changed, manager=MANAGER)
        except ApiError as error:
            text = f"New size: {wanted}; reason: {why}; error: {error.message}"
            self.event(scaler, "Warning", "FailedRescale", text)
            raise
        self.event(scaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
        message = f"the HPA controller was able to update the target scale to {wanted}"
        return "AbleToScale", "True", "SucceededRescale", message

    # Metrics

    def _propose(self, scaler: Object, target: Object, current: int) -> Proposal:
        """The largest wish of all metrics. Raises MetricError when one cannot be had."""
        proposals = [self._resource_metric(metric, target, current) for metric in spec_of(scaler).get("metrics") or ()]
        if not proposals:
            raise MetricError("InvalidMetricSourceType", "no metrics are configured")
        return max(proposals, key=lambda each: each.replicas)

    def _resource_metric(self, metric: Object, target: Object, current: int) -> Proposal:
        kind = metric["type"]
        if kind not in ("Resource", "ContainerResource"):
            reason = {"Pods": "FailedGetPodsMetric", "Object": "FailedGetObjectMetric"}.get(
                kind, "FailedGetExternalMetric"
            )
            raise MetricError(reason, "no metrics returned from custom metrics API: no such API is served")
        source = metric["resource" if kind == "Resource" else "containerResource"]
        resource, only = source["name"], source.get("container", "")
        pods = self._pods(target)
        used = {name_of(pod): amount for pod in pods if (amount := self._used(pod, resource, only)) is not None}
        if not used:
            text = f"unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
            raise MetricError("FailedGetResourceMetric", text)
        goal = source["target"]
        if goal["type"] == "Utilization":
            ratio, status = self._utilization(pods, used, resource, only, goal["averageUtilization"])
        else:
            wanted = _amount(resource, goal["averageValue"])
            average = sum(used.values()) / len(used)
            ratio, status = average / wanted, {"averageValue": _quantity(resource, average)}
        ready = [pod for pod in pods if is_pod_ready(pod)]
        replicas = current if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * max(1, len(ready)))
        why = (
            f"{resource} resource utilization (percentage of request)"
            if goal["type"] == "Utilization"
            else f"{resource} resource"
        )
        key = "resource" if kind == "Resource" else "containerResource"
        named = {"name": resource, "current": status, **({"container": only} if only else {})}
        return Proposal(replicas, why, {"type": kind, key: named})

    def _pods(self, target: Object) -> list[Object]:
        selector = spec_of(target).get("selector")
        found = self.informers.pods_matching(namespace_of(target), (selector or {}).get("matchLabels") or {})
        alive = (pod for pod in found if selects(selector, labels_of(pod)) and not is_deleting(pod))
        return [pod for pod in alive if status_of(pod).get("phase") == "Running"]

    def _used(self, pod: Object, resource: str, only: str) -> float | None:
        usage = {name: each for name, each in self._usage(pod).items() if not only or name == only}
        if not usage:
            return None
        return sum(each.cpu * 1000 if resource == "cpu" else float(each.memory) for each in usage.values())

    @staticmethod
    def _utilization(
        pods: list[Object], used: dict[str, float], resource: str, only: str, goal: int
    ) -> tuple[float, Object]:
        requested = 0.0
        for pod in pods:
            for container in spec_of(pod)["containers"]:
                if only and container["name"] != only:
                    continue
                request = ((container.get("resources") or {}).get("requests") or {}).get(resource)
                if request is None:
                    raise MetricError("FailedGetResourceMetric", f"missing request for {resource}")
                if name_of(pod) in used:
                    requested += _amount(resource, request)
        percentage = round(100 * sum(used.values()) / requested) if requested else 0
        average = _quantity(resource, sum(used.values()) / len(used))
        return percentage / goal, {"averageUtilization": percentage, "averageValue": average}

    # Bounds

    def _limit(
        self, scaler: Object, wanted: int, current: int, low: int, high: int
    ) -> tuple[int, tuple[str, str, str, str], tuple[str, str, str, str]]:
        """The wish within window, rate and bounds, with the conditions that say which of them held it."""
        stable = self._stabilized(scaler, wanted, current)
        ready = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
        if stable != wanted:
            text = "recent recommendations were higher than current one, applying the highest recent recommendation"
            ready = ("AbleToScale", "True", "ScaleDownStabilized", text)
        bound = min(high, max(2 * current, 4)) if stable > current else high
        result = max(low, min(stable, bound))
        if stable > bound:
            text = "the desired replica count is more than the maximum replica count"
            if bound < high:
                text = "the desired replica count is increasing faster than the maximum scale rate"
            reason = "TooManyReplicas" if bound == high else "ScaleUpLimit"
            return result, ("ScalingLimited", "True", reason, text), ready
        if stable < low:
            text = "the desired replica count is less than the minimum replica count"
            return result, ("ScalingLimited", "True", "TooFewReplicas", text), ready
        text = "the desired count is within the acceptable range"
        return result, ("ScalingLimited", "False", "DesiredWithinRange", text), ready

    def _stabilized(self, scaler: Object, wanted: int, current: int) -> int:
        """The highest wish of the window when scaling down."""
        behavior = (spec_of(scaler).get("behavior") or {}).get("scaleDown") or {}
        window, now = float(behavior.get("stabilizationWindowSeconds", DOWN_WINDOW)), self.kernel.now()
        past = self._past.setdefault(str(meta(scaler)["uid"]), [(now, current)])
        past.append((now, wanted))
        past[:] = [(at, wish) for at, wish in past if now - at <= window]
        highest = max((wish for _, wish in past), default=wanted)
        return wanted if wanted >= current else min(current, max(wanted, highest))

    def _write(self, scaler: Object, counts: Object, conditions: list[tuple[str, str, str, str]]) -> None:
        old = status_of(scaler)
        found: list[Object] = old.get("conditions") or []
        for kind, state, reason, message in conditions:
            new = {"type": kind, "status": state, "lastTransitionTime": self.kernel.timestamp()}
            found = with_condition(found, {**new, "reason": reason, "message": message})
        status = {"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": None, **counts, "conditions": found}
        if "lastScaleTime" in old:
            status.setdefault("lastScaleTime", old["lastScaleTime"])
        self.api.set_status(self.resource, namespace_of(scaler), name_of(scaler), status)


def _amount(resource: str, quantity: str) -> float:
    return float(milli(quantity) if resource == "cpu" else value(quantity))


def _quantity(resource: str, amount: float) -> str:
    return f"{math.ceil(amount)}m" if resource == "cpu" else str(math.ceil(amount))


def _subject(scaler: Object) -> str:
    metric = (spec_of(scaler).get("metrics") or [{}])[0]
    source = metric.get("resource") or metric.get("containerResource") or {}
    return f"{source['name']} utilization" if source else f"{metric.get('type', 'external')} metric"


def _found(current: Object) -> str:
    source = current.get("resource") or current.get("containerResource") or {}
    form = " utilization (percentage of request)" if "averageUtilization" in source["current"] else ""
    return f"the HPA was able to successfully calculate a replica count from {source['name']} resource{form}"
