"""ResourceQuota: what a namespace may use is checked when an object is created, and counted at once."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.api import errors
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

Object = dict[str, Any]
Amounts = dict[str, Fraction]

_COUNTED = {
    "pods": "pods", "services": "services", "secrets": "secrets", "configmaps": "configmaps",
    "persistentvolumeclaims": "persistentvolumeclaims", "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
}  # fmt: skip


class ResourceQuotas:
    """The ResourceQuota plug-in; it must run last, after everything that changes requests."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._store = api.store

    def __call__(self, review: Review) -> None:
        if review.operation == "DELETE" or review.subresource or not review.kind.namespaced:
            return
        quotas = self._store.list("resourcequotas", review.namespace)
        if not quotas:
            return
        wanted = usage(review.kind.resource, review.object)
        if review.old is not None:
            wanted = _minus(wanted, usage(review.kind.resource, review.old))
        for quota in quotas:
            self._check(review, quota, wanted)
        if not review.write.dry_run:
            for quota in quotas:
                self._charge(quota, wanted)

    def _check(self, review: Review, quota: Object, wanted: Amounts) -> None:
        hard = (quota.get("spec") or {}).get("hard") or {}
        if not in_scope(quota, review.kind.resource, review.object):
            return
        if review.kind.store == "pods" and review.old is None:
            missing = sorted(name for name in hard if _is_compute(name) and not _says(review.object, name))
            if missing:
                detail = f"failed quota: {quota['metadata']['name']}: must specify {','.join(missing)}"
                raise errors.forbidden(review.kind, review.name, detail)
        used = self._used(quota)
        over = sorted(
            name
            for name, limit in hard.items()
            if wanted.get(name, 0) > 0 and used.get(name, Fraction(0)) + wanted[name] > quantities.parse(limit)
        )
        if over:
            raise errors.forbidden(review.kind, review.name, _exceeded(quota, over, wanted, used, hard))

    def _used(self, quota: Object) -> Amounts:
        """What is used now, counted from the objects: the status may lag behind."""
        hard = (quota.get("spec") or {}).get("hard") or {}
        namespace = quota["metadata"]["namespace"]
        total: Amounts = {name: Fraction(0) for name in hard}
        for resource in resources_of(hard, self._store.resources()):
            for obj in self._store.list(resource, namespace):
                if in_scope(quota, resource, obj):
                    for name, amount in usage(resource, obj).items():
                        if name in total:
                            total[name] += amount
        return total

    def _charge(self, quota: Object, wanted: Amounts) -> None:
        status = quota.get("status") or {}
        used = dict(status.get("used") or {})
        if not used:
            return
        changed = False
        for name, amount in wanted.items():
            if name in used and amount:
                family = quantities.family(((quota.get("spec") or {}).get("hard") or {}).get(name, "1"))
                used[name] = quantities.text(quantities.parse(used[name]) + amount, family)
                changed = True
        if changed:
            metadata = quota["metadata"]
            self._api.set_status("resourcequotas", metadata["namespace"], metadata["name"], {**status, "used": used})


def _exceeded(quota: Object, over: list[str], wanted: Amounts, used: Amounts, hard: Object) -> str:
    def shown(amounts: Amounts) -> str:
        return ",".join(
            f"{name}={quantities.text(amounts.get(name, Fraction(0)), quantities.family(hard[name]))}" for name in over
        )

    limited = ",".join(f"{name}={hard[name]}" for name in over)
    name = quota["metadata"]["name"]
    return f"exceeded quota: {name}, requested: {shown(wanted)}, used: {shown(used)}, limited: {limited}"


def _minus(left: Amounts, right: Amounts) -> Amounts:
    return {name: left.get(name, Fraction(0)) - right.get(name, Fraction(0)) for name in {*left, *right}}


def _is_compute(name: str) -> bool:
    return name in ("cpu", "memory") or name.startswith(("requests.cpu", "requests.memory", "limits."))


def _says(pod: Object, name: str) -> bool:
    """Whether every container of the pod states the resource that a quota limits."""
    field, _, resource = name.rpartition(".")
    group = field or "requests"
    return all(
        resource in ((each.get("resources") or {}).get(group) or {}) for each in pod["spec"].get("containers", ())
    )


def resources_of(hard: Object, known: Any) -> list[str]:
    """Which of the `known` resources a quota counts."""
    wanted = set()
    for name in hard:
        if name.startswith("count/"):
            wanted.add(name.removeprefix("count/"))
        elif name.startswith("services"):
            wanted.add("services")
        elif name in _COUNTED:
            wanted.add(_COUNTED[name])
        elif "storage" in name and "ephemeral" not in name:
            wanted.add("persistentvolumeclaims")
        else:
            wanted.add("pods")
    return [each for each in known if each in wanted]


def in_scope(quota: Object, resource: str, obj: Object) -> bool:
    """Whether a quota's scopes select the object; scopes only ever select pods."""
    spec = quota.get("spec") or {}
    if resource != "pods":
        return not spec.get("scopes") and not spec.get("scopeSelector")
    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return False
    checks = [_scope(scope, obj) for scope in spec.get("scopes") or ()]
    for each in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        checks.append(_scope_expression(each, obj))
    return all(checks)


def _scope(scope: str, pod: Object) -> bool:
    best_effort = (pod.get("status") or {}).get("qosClass") == "BestEffort"
    terminating = (pod.get("spec") or {}).get("activeDeadlineSeconds") is not None
    wanted = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": terminating,
        "NotTerminating": not terminating,
    }
    return wanted.get(scope, True)


def _scope_expression(expression: Object, pod: Object) -> bool:
    if expression.get("scopeName") != "PriorityClass":
        return _scope(expression.get("scopeName", ""), pod)
    name, values = pod["spec"].get("priorityClassName"), expression.get("values") or ()
    operator = expression["operator"]
    return {"In": name in values, "NotIn": name not in values, "Exists": bool(name), "DoesNotExist": not name}[operator]


def usage(resource: str, obj: Object) -> Amounts:
    """What one object uses of every quota name that could count it."""
    found: Amounts = {f"count/{resource}": Fraction(1)}
    if resource in _COUNTED:
        found[_COUNTED[resource]] = Fraction(1)
    if resource == "pods":
        found.update(_pod_usage(obj))
    elif resource == "persistentvolumeclaims":
        storage = quantities.parse((obj["spec"].get("resources", {}).get("requests") or {}).get("storage", "0"))
        found["requests.storage"] = storage
        name = obj["spec"].get("storageClassName")
        if name:
            found[f"{name}.storageclass.storage.k8s.io/requests.storage"] = storage
            found[f"{name}.storageclass.storage.k8s.io/persistentvolumeclaims"] = Fraction(1)
    elif resource == "services":
        type_, ports = obj["spec"].get("type"), len(obj["spec"].get("ports") or ())
        found["services.nodeports"] = Fraction(ports if type_ in ("NodePort", "LoadBalancer") else 0)
        found["services.loadbalancers"] = Fraction(1 if type_ == "LoadBalancer" else 0)
    return found


def _pod_usage(pod: Object) -> Amounts:
    found: Amounts = {}
    for field in ("requests", "limits"):
        total: Amounts = {}
        for container in pod["spec"].get("containers", ()):
            for name, value in ((container.get("resources") or {}).get(field) or {}).items():
                total[name] = total.get(name, Fraction(0)) + quantities.parse(value)
        for container in pod["spec"].get("initContainers", ()):
            for name, value in ((container.get("resources") or {}).get(field) or {}).items():
                total[name] = max(total.get(name, Fraction(0)), quantities.parse(value))
        for name, amount in total.items():
            found[f"{field}.{name}"] = amount
            if field == "requests":
                found[name] = amount
    return found
