"""How the API server merges lists of built-in kinds: the patch strategies of the Kubernetes types.

Source: the ``patchStrategy`` and ``patchMergeKey`` tags of k8s.io/api, which are also the ``x-kubernetes-patch-*``
extensions of its OpenAPI document. What is not named here is one value: a list that is replaced as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stratus.domain.base import JsonObject


@dataclass(frozen=True)
class Shape:
    """The merge behaviour of one field and of what is below it."""

    key: str = ""
    """The merge key of a list of objects; "" when the field is no such list."""
    union: bool = False
    """A list of scalars that is merged as a set."""
    retain_keys: bool = False
    """Only the keys that are given survive (a tagged union such as a volume or a Deployment's strategy)."""
    whole: bool = False
    """A mapping that is replaced and not merged."""
    drops: bool = False
    """A JSON merge patch must name every key that is to go, because nothing else says that only those given survive."""
    fields: Mapping[str, Shape] = field(default_factory=dict)


VALUE = Shape()

_METADATA = Shape(fields={"ownerReferences": Shape("uid"), "finalizers": Shape(union=True)})
_CLAIMED = Shape(fields={"volumeClaimTemplate": Shape(fields={"metadata": _METADATA})})
_CONTAINERS = Shape(
    "name",
    fields={
        "env": Shape("name"),
        "ports": Shape("containerPort"),
        "volumeMounts": Shape("mountPath"),
        "volumeDevices": Shape("devicePath"),
    },
)
_POD_SPEC = Shape(
    fields={
        "containers": _CONTAINERS,
        "initContainers": _CONTAINERS,
        "ephemeralContainers": _CONTAINERS,
        "volumes": Shape("name", retain_keys=True, fields={"ephemeral": _CLAIMED}),
        "imagePullSecrets": Shape("name"),
        "hostAliases": Shape("ip"),
        "topologySpreadConstraints": Shape("topologyKey"),
        "resourceClaims": Shape("name", retain_keys=True),
        "schedulingGates": Shape("name"),
    }
)
_TEMPLATE = Shape(fields={"metadata": _METADATA, "spec": _POD_SPEC})
_WEBHOOKS = Shape("name", fields={"matchConditions": Shape("name")})


def _spec(**fields: Shape) -> Mapping[str, Shape]:
    return {"spec": Shape(fields=fields)}


_KINDS: Mapping[str, Mapping[str, Shape]] = {
    "Pod": {"spec": _POD_SPEC},
    "PodTemplate": {"template": _TEMPLATE},
    "Deployment": _spec(template=_TEMPLATE, strategy=Shape(retain_keys=True)),
    "ReplicaSet": _spec(template=_TEMPLATE),
    "ReplicationController": _spec(template=_TEMPLATE),
    "DaemonSet": _spec(template=_TEMPLATE),
    "StatefulSet": _spec(template=_TEMPLATE),
    "Job": _spec(template=_TEMPLATE),
    "CronJob": _spec(jobTemplate=Shape(fields={"metadata": _METADATA, "spec": Shape(fields={"template": _TEMPLATE})})),
    "Service": _spec(ports=Shape("port")),
    "ServiceAccount": {"secrets": Shape("name")},
    "Node": _spec(podCIDRs=Shape(union=True)),
    "CSINode": _spec(drivers=Shape("name")),
    "MutatingWebhookConfiguration": {"webhooks": _WEBHOOKS},
    "ValidatingWebhookConfiguration": {"webhooks": _WEBHOOKS},
    "ValidatingAdmissionPolicy": _spec(matchConditions=Shape("name"), variables=Shape("name")),
}


def merging(shape: Shape) -> Shape:
    """The same fields for a JSON merge patch, in which every list is one value."""
    below = {name: merging(each) for name, each in shape.fields.items() if not (each.key or each.union)}
    return Shape(drops=shape.retain_keys or shape.whole, fields=below)


def shape_of(obj: JsonObject) -> Shape:
    """The merge behaviour of a built-in object, without its status, which only controllers write."""
    if obj["kind"] == "PodDisruptionBudget" and obj.get("apiVersion") == "policy/v1":  # v1beta1 merges it
        return Shape(fields={"metadata": _METADATA, **_spec(selector=Shape(whole=True))})
    return Shape(fields={"metadata": _METADATA, **_KINDS.get(obj["kind"], {})})
