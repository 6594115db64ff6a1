"""What the objects of a namespace use of a ResourceQuota: the same sums for admission and for the quota's status."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from stratus.sandbox.objects import Object, is_pod_finished, spec_of
from stratus.sandbox.quantities import Family, family, parse, text
from stratus.sandbox.store import Store

COUNTED = {
    "pods": "pods",
    "services": "services",
    "configmaps": "configmaps",
    "secrets": "secrets",
    "persistentvolumeclaims": "persistentvolumeclaims",
    "replicationcontrollers": "replicationcontrollers",
    "resourcequotas": "resourcequotas",
}
COMPUTE = ("cpu", "memory", "ephemeral-storage")

Amounts = dict[str, Fraction]


def pod_usage(pod: Object) -> Amounts:
    """What one pod counts: itself, its requests and its limits. A finished pod counts nothing but its object."""
    used = {"count/pods": Fraction(1)}
    if is_pod_finished(pod):
        return used
    used["pods"] = Fraction(1)
    spec = spec_of(pod)
    for section in ("requests", "limits"):
        for resource, total in _effective(spec, section).items():
            used[f"{section}.{resource}"] = total
            if section == "requests":
                used[resource] = total
    return used


def _effective(spec: Object, section: str) -> Amounts:
    total: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, ((container.get("resources") or {}).get(section) or {}).items())
    for container in spec.get("initContainers") or ():
        for resource, quantity in ((container.get("resources") or {}).get(section) or {}).items():
            total[resource] = max(total.get(resource, Fraction(0)), parse(quantity))
    return total


def _add(total: Amounts, more: Iterable[tuple[str, str]]) -> None:
    for resource, quantity in more:
        total[resource] = total.get(resource, Fraction(0)) + parse(quantity)


def claim_usage(claim: Object) -> Amounts:
    """What one PersistentVolumeClaim counts, also under its storage class."""
    size = parse(((spec_of(claim).get("resources") or {}).get("requests") or {}).get("storage", "0"))
    used = {"persistentvolumeclaims": Fraction(1), "requests.storage": size}
    name = spec_of(claim).get("storageClassName")
    if name:
        head = f"{name}.storageclass.storage.k8s.io"
        used |= {f"{head}/persistentvolumeclaims": Fraction(1), f"{head}/requests.storage": size}
    return used


def service_usage(service: Object) -> Amounts:
    kind, ports = spec_of(service).get("type", "ClusterIP"), len(spec_of(service).get("ports") or ())
    used = {"services": Fraction(1)}
    if kind in ("NodePort", "LoadBalancer"):
        used["services.nodeports"] = Fraction(ports)
    if kind == "LoadBalancer":
        used["services.loadbalancers"] = Fraction(1)
    return used


def object_usage(resource: str, obj: Object) -> Amounts:
    """What one object counts under each quota name that concerns it."""
    plural = resource.partition(".")[0]
    counts = {f"count/{resource}": Fraction(1)}
    if resource == "pods":
        return {**counts, **pod_usage(obj)}
    if resource == "persistentvolumeclaims":
        return {**counts, **claim_usage(obj)}
    if resource == "services":
        return {**counts, **service_usage(obj)}
    return {**counts, plural: Fraction(1)} if resource in COUNTED else counts


def in_scope(quota: Object, pod: Object) -> bool:
    """Whether the quota's scopes select a pod."""
    spec, found = spec_of(quota), spec_of(pod)
    terms = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    terms += (spec.get("scopeSelector") or {}).get("matchExpressions") or []
    return all(_matches(term, found, (pod.get("status") or {}).get("qosClass", "BestEffort")) for term in terms)


def _matches(term: Object, spec: Object, qos: str) -> bool:
    name = term["scopeName"]
    if name == "PriorityClass":
        own, values, operator = spec.get("priorityClassName", ""), term.get("values") or [], term["operator"]
        return {"In": own in values, "NotIn": own not in values, "Exists": bool(own)}.get(operator, not own)
    facts = {
        "Terminating": spec.get("activeDeadlineSeconds") is not None,
        "NotTerminating": spec.get("activeDeadlineSeconds") is None,
        "BestEffort": qos == "BestEffort",
        "NotBestEffort": qos != "BestEffort",
    }
    return facts.get(name, True)


def resource_of(name: str) -> str:
    """Which resource a quota name counts: "count/deployments.apps" → "deployments.apps", "limits.cpu" → "pods"."""
    if name.startswith("count/"):
        return name.removeprefix("count/")
    if name in COUNTED:
        return COUNTED[name]
    if name.startswith("services."):
        return "services"
    if name.endswith(".storage") or "storageclass.storage.k8s.io" in name:
        return "persistentvolumeclaims"
    return "pods"


def used(store: Store, quota: Object) -> dict[str, str]:
    """The quota's present usage of each name in spec.hard, in the suffix family of the limit."""
    namespace, hard = quota["metadata"]["namespace"], spec_of(quota).get("hard") or {}
    totals: Amounts = {name: Fraction(0) for name in hard}
    kinds: dict[str, Family] = {name: family(limit) for name, limit in hard.items()}
    for resource in sorted({resource_of(name) for name in hard}):
        for obj in store.list(resource, namespace):
            if resource == "pods" and not in_scope(quota, obj):
                continue
            for name, amount in object_usage(resource, obj).items():
                if name in totals:
                    totals[name] += amount
    return {name: text(total, kinds[name]) for name, total in totals.items()}
