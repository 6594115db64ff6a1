"""The columns that `kubectl get` shows, kind by kind, with the words of the API server's printers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stratus.sandbox.kernel import parse_time
from stratus.sandbox.schema.kinds import Kind
from stratus.sandbox.server import printing
from stratus.sandbox.server.http import Request

Object = dict[str, Any]
NOW_HEADER = "x-stratus-cluster-time"
NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; a priority above 0 shows only with `-o wide`."""

    name: str
    value: Callable[[Object, float], Any]
    type: str = "string"
    priority: int = 0
    help: str = ""


def clock(request: Request) -> float:
    """The cluster's time, which the server passes with the request: ages count in it."""
    given = request.headers.get(NOW_HEADER)
    return float(given) if given else time.time()


def path(dotted: str, default: Any = NONE, type_: str = "string") -> Callable[[Object, float], Any]:
    """A column that reads one field."""
    parts = dotted.split(".")

    def read(obj: Object, _now: float) -> Any:
        value: Any = obj
        for part in parts:
            value = value.get(part) if isinstance(value, dict) else None
        return default if value in (None, "") else value

    return read


def age(obj: Object, now: float) -> str:
    created = obj["metadata"].get("creationTimestamp")
    return printing.duration(now - parse_time(created)) if created else "<unknown>"


AGE = Column(
    "Age", age, help="CreationTimestamp is a timestamp representing the server time when this object was created."
)


def _count(field: str) -> Callable[[Object, float], Any]:
    return path(field, 0)


def _wide(*found: Column) -> list[Column]:
    return [Column(each.name, each.value, each.type, 1, each.help) for each in found]


def _template(reader: Callable[[Object], str]) -> Callable[[Object, float], str]:
    return lambda obj, _now: reader(obj["spec"].get("template", {}).get("spec", {}))


CONTAINERS = Column("Containers", _template(lambda spec: printing.container_names(spec)))
IMAGES = Column("Images", _template(lambda spec: printing.container_images(spec)))
SELECTOR = Column("Selector", lambda obj, _now: printing.selector(obj["spec"].get("selector")))
_WORKLOAD_WIDE = _wide(CONTAINERS, IMAGES, SELECTOR)


def _data(obj: Object, _now: float) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


COLUMNS: dict[str, list[Column]] = {
    "pods": [
        Column("Ready", lambda obj, _now: printing.pod_ready(obj)),
        Column("Status", lambda obj, _now: printing.pod_status(obj)),
        Column("Restarts", printing.pod_restarts),
        AGE,
        *_wide(
            Column("IP", path("status.podIP")),
            Column("Node", path("spec.nodeName")),
            Column("Nominated Node", path("status.nominatedNodeName")),
            Column("Readiness Gates", lambda obj, _now: printing.readiness_gates(obj)),
        ),
    ],
    "deployments.apps": [
        Column("Ready", lambda obj, _now: f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"),
        Column("Up-to-date", _count("status.updatedReplicas"), "string"),
        Column("Available", _count("status.availableReplicas"), "string"),
        AGE,
        *_WORKLOAD_WIDE,
    ],
    "replicasets.apps": [
        Column("Desired", _count("spec.replicas"), "integer"),
        Column("Current", _count("status.replicas"), "integer"),
        Column("Ready", _count("status.readyReplicas"), "integer"),
        AGE,
        *_WORKLOAD_WIDE,
    ],
    "replicationcontrollers": [
        Column("Desired", _count("spec.replicas"), "integer"),
        Column("Current", _count("status.replicas"), "integer"),
        Column("Ready", _count("status.readyReplicas"), "integer"),
        AGE,
        *_WORKLOAD_WIDE,
    ],
    "statefulsets.apps": [
        Column("Ready", lambda obj, _now: f"{obj.get('status', {}).get('readyReplicas', 0)}/{obj['spec'].get('replicas', 0)}"),
        AGE,
        *_wide(CONTAINERS, IMAGES),
    ],
    "daemonsets.apps": [
        Column("Desired", _count("status.desiredNumberScheduled"), "integer"),
        Column("Current", _count("status.currentNumberScheduled"), "integer"),
        Column("Ready", _count("status.numberReady"), "integer"),
        Column("Up-to-date", _count("status.updatedNumberScheduled"), "integer"),
        Column("Available", _count("status.numberAvailable"), "integer"),
        Column("Node Selector", _template(lambda spec: printing.labels(spec.get("nodeSelector")))),
        AGE,
        *_WORKLOAD_WIDE,
    ],
    "jobs.batch": [
        Column("Completions", lambda obj, _now: printing.job_completions(obj)),
        Column("Duration", printing.job_duration),
        AGE,
        *_WORKLOAD_WIDE,
    ],
    "cronjobs.batch": [
        Column("Schedule", path("spec.schedule")),
        Column("Suspend", lambda obj, _now: str(bool(obj["spec"].get("suspend")))),
        Column("Active", lambda obj, _now: len(obj.get("status", {}).get("active") or ()), "integer"),
        Column("Last Schedule", lambda obj, now: printing.since(obj.get("status", {}).get("lastScheduleTime"), now)),
        AGE,
    ],
    "services": [
        Column("Type", path("spec.type")),
        Column("Cluster-IP", path("spec.clusterIP")),
        Column("External-IP", lambda obj, _now: printing.external_ip(obj)),
        Column("Port(s)", lambda obj, _now: printing.service_ports(obj)),
        AGE,
        *_wide(Column("Selector", lambda obj, _now: printing.labels(obj["spec"].get("selector")))),
    ],
    "endpoints": [Column("Endpoints", lambda obj, _now: printing.endpoints(obj)), AGE],
    "endpointslices.discovery.k8s.io": [
        Column("AddressType", path("addressType")),
        Column("Ports", lambda obj, _now: printing.slice_ports(obj)),
        Column("Endpoints", lambda obj, _now: printing.slice_addresses(obj)),
        AGE,
    ],
    "ingresses.networking.k8s.io": [
        Column("Class", path("spec.ingressClassName")),
        Column("Hosts", lambda obj, _now: printing.ingress_hosts(obj)),
        Column("Address", lambda obj, _now: printing.load_balancer(obj)),
        Column("Ports", lambda obj, _now: "80, 443" if obj.get("spec", {}).get("tls") else "80"),
        AGE,
    ],
    "networkpolicies.networking.k8s.io": [
        Column("Pod-Selector", lambda obj, _now: printing.selector(obj.get("spec", {}).get("podSelector"))),
        AGE,
    ],
    "configmaps": [Column("Data", _data), AGE],
    "secrets": [Column("Type", path("type")), Column("Data", _data), AGE],
    "serviceaccounts": [Column("Secrets", lambda obj, _now: len(obj.get("secrets") or ())), AGE],
    "namespaces": [Column("Status", path("status.phase")), AGE],
    "nodes": [
        Column("Status", lambda obj, _now: printing.node_status(obj)),
        Column("Roles", lambda obj, _now: printing.node_roles(obj)),
        AGE,
        Column("Version", path("status.nodeInfo.kubeletVersion")),
        *_wide(
            Column("Internal-IP", lambda obj, _now: printing.node_address(obj, "InternalIP")),
            Column("External-IP", lambda obj, _now: printing.node_address(obj, "ExternalIP")),
            Column("OS-Image", path("status.nodeInfo.osImage", "<unknown>")),
            Column("Kernel-Version", path("status.nodeInfo.kernelVersion", "<unknown>")),
            Column("Container-Runtime", path("status.nodeInfo.containerRuntimeVersion", "<unknown>")),
        ),
    ],
    "events": [
        Column("Last Seen", printing.event_last_seen),
        Column("Type", path("type", "")),
        Column("Reason", path("reason", "")),
        Column("Object", lambda obj, _now: printing.event_object(obj)),
        *_wide(
            Column("Subobject", path("involvedObject.fieldPath", "")),
            Column("Source", lambda obj, _now: printing.event_source(obj)),
        ),
        Column("Message", lambda obj, _now: (obj.get("message") or obj.get("note") or "").strip()),
        *_wide(
            Column("First Seen", lambda obj, now: printing.since(obj.get("firstTimestamp"), now)),
            Column("Count", path("count", 1)),
            Column("Name", path("metadata.name")),
        ),
    ],
    "persistentvolumeclaims": [
        Column("Status", lambda obj, _now: printing.phase(obj)),
        Column("Volume", path("spec.volumeName", "")),
        Column("Capacity", path("status.capacity.storage", "")),
        Column("Access Modes", lambda obj, _now: printing.access_modes((obj.get("status") or {}).get("accessModes"))),
        Column("StorageClass", path("spec.storageClassName", "")),
        AGE,
        *_wide(Column("VolumeMode", path("spec.volumeMode", "<unset>"))),
    ],
    "persistentvolumes": [
        Column("Capacity", path("spec.capacity.storage", "")),
        Column("Access Modes", lambda obj, _now: printing.access_modes(obj["spec"].get("accessModes"))),
        Column("Reclaim Policy", path("spec.persistentVolumeReclaimPolicy", "")),
        Column("Status", lambda obj, _now: printing.phase(obj)),
        Column("Claim", lambda obj, _now: printing.claim(obj)),
        Column("StorageClass", path("spec.storageClassName", "")),
        Column("Reason", path("status.reason", "")),
        AGE,
        *_wide(Column("VolumeMode", path("spec.volumeMode", "<unset>"))),
    ],
    "storageclasses.storage.k8s.io": [
        Column("Provisioner", path("provisioner")),
        Column("ReclaimPolicy", path("reclaimPolicy", "Delete")),
        Column("VolumeBindingMode", path("volumeBindingMode", "Immediate")),
        Column("AllowVolumeExpansion", lambda obj, _now: bool(obj.get("allowVolumeExpansion")), "boolean"),
        AGE,
    ],
    "horizontalpodautoscalers.autoscaling": [
        Column("Reference", lambda obj, _now: printing.scale_target(obj)),
        Column("Targets", lambda obj, _now: printing.scale_metrics(obj)),
        Column("MinPods", path("spec.minReplicas", "<unset>")),
        Column("MaxPods", path("spec.maxReplicas", 0), "integer"),
        Column("Replicas", path("status.currentReplicas", 0), "integer"),
        AGE,
    ],
    "poddisruptionbudgets.policy": [
        Column("Min Available", path("spec.minAvailable", "N/A")),
        Column("Max Unavailable", path("spec.maxUnavailable", "N/A")),
        Column("Allowed Disruptions", path("status.disruptionsAllowed", 0), "integer"),
        AGE,
    ],
    "resourcequotas": [
        AGE,
        Column("Request", lambda obj, _now: printing.quota(obj, limits=False)),
        Column("Limit", lambda obj, _now: printing.quota(obj, limits=True)),
    ],
    "limitranges": [Column("Created At", path("metadata.creationTimestamp"))],
    "priorityclasses.scheduling.k8s.io": [
        Column("Value", path("value", 0), "integer"),
        Column("Global-Default", lambda obj, _now: bool(obj.get("globalDefault")), "boolean"),
        AGE,
    ],
    "leases.coordination.k8s.io": [Column("Holder", path("spec.holderIdentity", "")), AGE],
    "roles.rbac.authorization.k8s.io": [Column("Created At", path("metadata.creationTimestamp"))],
    "clusterroles.rbac.authorization.k8s.io": [Column("Created At", path("metadata.creationTimestamp"))],
    "rolebindings.rbac.authorization.k8s.io": [
        Column("Role", lambda obj, _now: f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"), AGE,
    ],
    "clusterrolebindings.rbac.authorization.k8s.io": [
        Column("Role", lambda obj, _now: f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"), AGE,
    ],
    "controllerrevisions.apps": [
        Column("Controller", lambda obj, _now: printing.controller(obj)),
        Column("Revision", path("revision", 0), "integer"),
        AGE,
    ],
    "customresourcedefinitions.apiextensions.k8s.io": [Column("Created At", path("metadata.creationTimestamp"))],
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": [
        Column("Webhooks", lambda obj, _now: len(obj.get("webhooks") or ()), "integer"), AGE,
    ],
    "validatingwebhookconfigurations.admissionregistration.k8s.io": [
        Column("Webhooks", lambda obj, _now: len(obj.get("webhooks") or ()), "integer"), AGE,
    ],
    "ingressclasses.networking.k8s.io": [
        Column("Controller", path("spec.controller")),
        Column("Parameters", path("spec.parameters.name")),
        AGE,
    ],
    "runtimeclasses.node.k8s.io": [Column("Handler", path("handler")), AGE],
}  # fmt: skip


def for_kind(kind: Kind, custom: list[Object] | None) -> list[Column]:
    """The columns after Name; a definition's own columns replace the age."""
    if kind.custom:
        return [_custom(each) for each in custom] if custom else [AGE]
    return COLUMNS.get(kind.store, [AGE])


def _custom(found: Object) -> Column:
    dotted = re.sub(r"^\.", "", found.get("jsonPath", ""))
    if found.get("type") == "date":
        return Column(
            found["name"],
            lambda obj, now: printing.since(path(dotted, None)(obj, now), now),
            "date",
            found.get("priority", 0),
        )
    return Column(
        found["name"],
        path(dotted, ""),
        found.get("type", "string"),
        found.get("priority", 0),
        found.get("description", ""),
    )
