"""Eviction: deleting a pod only if its disruption budgets allow it."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors, selectors
from stratus.sandbox.api.core import Api

Object = dict[str, Any]

_BUDGETS = "poddisruptionbudgets.policy"
_SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def evict(api: Api, namespace: str, name: str, options: Object, *, dry_run: bool = False) -> Object:
    """Evict a pod; raises ApiError 429 when a budget forbids it now, 500 when several cover it."""
    pod = api.get("pods", namespace, name)
    if _needs_no_budget(pod):
        return _delete(api, namespace, name, options, dry_run)
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        each for each in api.store.list(_BUDGETS, namespace) if selectors.matches(each["spec"].get("selector"), labels)
    ]
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise errors.ApiError(500, "", text)
    if budgets:
        _spend(api, budgets[0], name, dry_run)
    return _delete(api, namespace, name, options, dry_run)


def _needs_no_budget(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Pending", "Succeeded", "Failed") or bool(pod["metadata"].get("deletionTimestamp"))


def _spend(api: Api, budget: Object, pod: str, dry_run: bool) -> None:
    status, metadata = budget.get("status") or {}, budget["metadata"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 1):
        detail = f"The disruption budget {metadata['name']} is still being processed by the server."
        cause = {"reason": "DisruptionBudget", "message": detail}
        raise errors.too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.", [cause])
    if status.get("disruptionsAllowed", 0) <= 0:
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        detail = f"The disruption budget {metadata['name']} needs {desired} healthy pods and has {healthy} currently"
        cause = {"reason": "DisruptionBudget", "message": detail}
        raise errors.too_many_requests("Cannot evict pod as it would violate the pod's disruption budget.", [cause])
    if not dry_run:
        disrupted = {**(status.get("disruptedPods") or {}), pod: api.kernel.timestamp()}
        changed = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": disrupted}
        api.set_status(_BUDGETS, metadata["namespace"], metadata["name"], changed)


def _delete(api: Api, namespace: str, name: str, options: Object, dry_run: bool) -> Object:
    api.delete(
        "pods", namespace, name,
        propagation=options.get("propagationPolicy") or "",
        grace=options.get("gracePeriodSeconds"),
        preconditions=options.get("preconditions"),
        dry_run=dry_run,
    )  # fmt: skip
    return _SUCCESS
