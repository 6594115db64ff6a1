"""Semantic checks of objects: what the API server refuses with 422 and the causes it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from stratus.sandbox.api import custom, errors, metadata
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.api.validation import immutable, other, pods, services, workloads
from stratus.sandbox.schema.definitions import Node
from stratus.sandbox.schema.kinds import Kind

Object = dict[str, Any]
Missing = list[tuple[str, str]]

_CHECKS: dict[str, Callable[[Object], list[FieldError]]] = {
    "pods": lambda obj: pods.pod_spec(obj["spec"], "spec"),
    "podtemplates": lambda obj: pods.template(obj["template"], "template"),
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "replicationcontrollers": workloads.replication_controller,
    "statefulsets.apps": workloads.stateful_set,
    "daemonsets.apps": workloads.daemon_set,
    "jobs.batch": workloads.job,
    "cronjobs.batch": workloads.cron_job,
    "services": services.service,
    "endpoints": services.endpoints,
    "endpointslices.discovery.k8s.io": services.endpoint_slice,
    "ingresses.networking.k8s.io": services.ingress,
    "networkpolicies.networking.k8s.io": services.network_policy,
    "configmaps": other.config_map,
    "secrets": other.secret,
    "persistentvolumeclaims": other.claim,
    "persistentvolumes": other.volume,
    "horizontalpodautoscalers.autoscaling": other.autoscaler,
    "poddisruptionbudgets.policy": other.disruption_budget,
    "resourcequotas": other.quota,
    "limitranges": other.limit_range,
    "rolebindings.rbac.authorization.k8s.io": other.role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": other.role_binding,
    "priorityclasses.scheduling.k8s.io": other.priority_class,
    "leases.coordination.k8s.io": other.lease,
    "nodes": other.node,
    "events": other.event,
    "customresourcedefinitions.apiextensions.k8s.io": other.custom_resource_definition,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": other.webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": other.webhooks,
    "storageclasses.storage.k8s.io": other.storage_class,
}

# Required by the OpenAPI schema, but not by the server; or said better by a check of its own.
_NOT_REQUIRED = re.compile(
    r"Status$|Condition$|\.Event$|\.ContainerState|\.StatefulSetSpec$|EndpointSlice$|ManagedFields|\.OwnerReference$"
    r"|\.NodeSystemInfo$|\.NodeDaemonEndpoints$|\.DaemonEndpoint$|\.LabelSelectorRequirement$|Policy$"
    r"|\.NamespaceCondition$|\.AttachedVolume$|\.ServiceReference$|\.LimitRangeSpec$|\.ReplicationControllerSpec$"
)


def validate(kind: Kind, obj: Object, missing: Missing, node: Node) -> list[FieldError]:
    """All errors of a new object; `node` is the schema of its kind, which says all about custom ones."""
    found = metadata.validate(kind, obj["metadata"])
    if kind.custom:
        return found + custom.validate(node, obj)
    check = _CHECKS.get(kind.store)
    problems = check(obj) if check is not None else []
    return found + _required(missing, problems) + problems


def _required(missing: Missing, problems: list[FieldError]) -> list[FieldError]:
    known = {each.path for each in problems}
    return [
        errors.required(path)
        for path, definition in missing
        if path not in known and not path.startswith(("status", "metadata")) and not _NOT_REQUIRED.search(definition)
    ]


def _service_identity(new: Object, old: Object) -> list[FieldError]:
    """Services say as causes of an Invalid error what other kinds refuse before validation."""
    found = []
    if not new.get("resourceVersion"):
        found.append(errors.invalid_value("metadata.resourceVersion", "", "must be specified for an update"))
    if new.get("uid") != old.get("uid"):
        found.append(errors.invalid_value("metadata.uid", new.get("uid"), "field is immutable"))
    return found


def validate_update(
    kind: Kind, new: Object, old: Object, subresource: str, missing: Missing, node: Node
) -> list[FieldError]:
    """All errors of a changed object: its own, and changes of what may not change."""
    if subresource in ("status", "finalize"):
        return []
    found = [] if subresource == "scale" else immutable.check(kind, new, old)
    if kind.store == "services":
        found = _service_identity(new["metadata"], old["metadata"]) + found
    return found + validate(kind, new, missing, node)
