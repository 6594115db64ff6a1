"""The defaults of the kinds that run no pods of their own, and the table from kind to defaulting function."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from stratus.sandbox.schema import defaults

Object = dict[str, Any]


def service(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("sessionAffinity", "None")
    spec.setdefault("type", "ClusterIP")
    if spec["sessionAffinity"] == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {})
        config.setdefault("clientIP", {}).setdefault("timeoutSeconds", 10800)
    for port in spec.get("ports", ()):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port.get("port", 0)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")


def endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def secret(obj: Object) -> None:
    """`stringData` is write-only: it becomes base64 in `data`."""
    obj.setdefault("type", "Opaque")
    for key, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = b64encode(value.encode()).decode()


def claim(obj: Object) -> None:
    obj["spec"].setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def volume(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def namespace(obj: Object) -> None:
    obj.setdefault("status", {}).setdefault("phase", "Active")


def limit_range(obj: Object) -> None:
    for item in obj["spec"].get("limits") or ():
        if item.get("type") != "Container":
            continue
        default = dict(item.get("default", {}))
        request = dict(item.get("defaultRequest", {}))
        for name, value in item.get("max", {}).items():
            default.setdefault(name, value)
        for name, value in default.items():
            request.setdefault(name, value)
        for name, value in item.get("min", {}).items():
            request.setdefault(name, value)
        item.update({key: each for key, each in (("default", default), ("defaultRequest", request)) if each})


def autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def network_policy(obj: Object) -> None:
    spec = obj["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")


def role_binding(obj: Object) -> None:
    obj.get("roleRef", {}).setdefault("apiGroup", "rbac.authorization.k8s.io")
    for subject in obj.get("subjects", ()):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")
        elif subject.get("apiGroup") == "":
            del subject["apiGroup"]


def priority_class(obj: Object) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def webhooks(obj: Object, *, mutating: bool) -> None:
    for hook in obj.get("webhooks", ()):
        hook.setdefault("failurePolicy", "Fail")
        hook.setdefault("matchPolicy", "Equivalent")
        hook.setdefault("namespaceSelector", {})
        hook.setdefault("objectSelector", {})
        hook.setdefault("timeoutSeconds", 10)
        if mutating:
            hook.setdefault("reinvocationPolicy", "Never")
        for rule in hook.get("rules", ()):
            rule.setdefault("scope", "*")
        reference = hook.get("clientConfig", {}).get("service")
        if reference is not None:
            reference.setdefault("port", 443)


def custom_resource_definition(obj: Object) -> None:
    spec = obj["spec"]
    names = spec.get("names", {})
    if "kind" in names:
        names.setdefault("singular", names["kind"].lower())
        names.setdefault("listKind", names["kind"] + "List")
    spec.setdefault("conversion", {}).setdefault("strategy", "None")


def node(obj: Object) -> None:
    for taint in obj.get("spec", {}).get("taints", ()):
        taint.setdefault("effect", "NoSchedule")


DEFAULTS: dict[str, Callable[[Object], None]] = {
    "pods": defaults.pod,
    "deployments.apps": defaults.deployment,
    "replicasets.apps": defaults.replica_set,
    "replicationcontrollers": defaults.replication_controller,
    "daemonsets.apps": defaults.daemon_set,
    "statefulsets.apps": defaults.stateful_set,
    "jobs.batch": defaults.job,
    "cronjobs.batch": defaults.cron_job,
    "podtemplates": defaults.pod_template,
    "services": service,
    "endpoints": endpoints,
    "endpointslices.discovery.k8s.io": endpoint_slice,
    "secrets": secret,
    "persistentvolumeclaims": claim,
    "persistentvolumes": volume,
    "storageclasses.storage.k8s.io": storage_class,
    "namespaces": namespace,
    "nodes": node,
    "limitranges": limit_range,
    "horizontalpodautoscalers.autoscaling": autoscaler,
    "networkpolicies.networking.k8s.io": network_policy,
    "rolebindings.rbac.authorization.k8s.io": role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": role_binding,
    "priorityclasses.scheduling.k8s.io": priority_class,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": lambda obj: webhooks(obj, mutating=True),
    "validatingwebhookconfigurations.admissionregistration.k8s.io": lambda obj: webhooks(obj, mutating=False),
    "customresourcedefinitions.apiextensions.k8s.io": custom_resource_definition,
}


def apply(resource: str, obj: Object) -> None:
    """Add the defaults of the resource's stored version to `obj`, in place."""
    function = DEFAULTS.get(resource)
    if function is not None:
        function(obj)
