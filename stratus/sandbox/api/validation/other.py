"""Configuration, storage, policy and cluster-scoped kinds."""

from __future__ import annotations

import re
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.api import errors, metadata
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.api.validation.common import int_or_percent, label_selector, not_negative, one_of

Object = dict[str, Any]

_CONFIG_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")
_CONFIG_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_DATA_LIMIT = 1024 * 1024
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")


def _keys(data: Object, path: str) -> list[FieldError]:
    return [
        errors.invalid_value(f"{path}[{key}]", key, _CONFIG_TEXT)
        for key in data
        if not _CONFIG_KEY.match(key) or len(key) > 253 or key in (".", "..")
    ]


def config_map(obj: Object) -> list[FieldError]:
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    found = _keys(data, "data") + _keys(binary, "binaryData")
    for key in binary:
        if key in data:
            detail = "duplicate of key present in data"
            found.append(errors.invalid_value(f"binaryData[{key}]", key, detail))
    if sum(len(value.encode()) for value in (*data.values(), *binary.values())) > _DATA_LIMIT:
        found.append(errors.too_long("", _DATA_LIMIT))
    return found


def secret(obj: Object) -> list[FieldError]:
    data = obj.get("data") or {}
    found = _keys(data, "data")
    wanted = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
    for key in wanted.get(obj.get("type", ""), ()):
        if key not in data:
            found.append(errors.required(f"data[{key}]"))
    if sum(len(value) * 3 // 4 for value in data.values()) > _DATA_LIMIT:
        found.append(errors.too_long("data", _DATA_LIMIT))
    return found


def claim(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = _access_modes(spec)
    storage = (spec.get("resources", {}).get("requests") or {}).get("storage")
    if storage is None:
        found.append(errors.required("spec.resources[storage]"))
    elif quantities.parse(storage) <= 0:
        found.append(errors.invalid_value("spec.resources[storage]", storage, "must be greater than zero"))
    return found + label_selector(spec.get("selector"), "spec.selector")


def _access_modes(spec: Object) -> list[FieldError]:
    modes = spec.get("accessModes") or []
    if not modes:
        return [errors.required("spec.accessModes", "at least 1 access mode is required")]
    return [errors.not_supported("spec.accessModes", mode, _MODES) for mode in modes if mode not in _MODES]


def volume(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = _access_modes(spec)
    if not spec.get("capacity"):
        found.append(errors.required("spec.capacity"))
    found += one_of(spec, "persistentVolumeReclaimPolicy", "spec", ("Delete", "Recycle", "Retain"))
    known = {
        "capacity", "accessModes", "persistentVolumeReclaimPolicy", "volumeMode", "storageClassName", "claimRef",
        "mountOptions", "nodeAffinity", "volumeAttributesClassName",
    }  # fmt: skip
    if not set(spec) - known:
        found.append(errors.required("spec", "must specify a volume type"))
    return found


def storage_class(obj: Object) -> list[FieldError]:
    found = [] if obj.get("provisioner") else [errors.required("provisioner")]
    found += one_of(obj, "reclaimPolicy", "", ("Delete", "Retain"))
    return found


def autoscaler(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found: list[FieldError] = []
    low, high = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if low < 1:
        found.append(errors.invalid_value("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        found.append(errors.invalid_value("spec.maxReplicas", high, "must be greater than 0"))
    elif high < low:
        found.append(errors.invalid_value("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef") or {}
    for field in ("kind", "name"):
        if not target.get(field):
            found.append(errors.required(f"spec.scaleTargetRef.{field}"))
    return found


def disruption_budget(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    found: list[FieldError] = []
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = {key: spec[key] for key in ("minAvailable", "maxUnavailable")}
        found.append(errors.invalid_value("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            found += int_or_percent(spec[field], f"spec.{field}")
    return found + label_selector(spec.get("selector"), "spec.selector")


def quota(obj: Object) -> list[FieldError]:
    hard = (obj.get("spec") or {}).get("hard") or {}
    return [
        errors.invalid_value(f"spec.hard[{name}]", amount, "must be greater than or equal to 0")
        for name, amount in hard.items()
        if quantities.parse(amount) < 0
    ]


def limit_range(obj: Object) -> list[FieldError]:
    found = []
    for index, item in enumerate(obj["spec"].get("limits") or ()):
        where = f"spec.limits[{index}]"
        low, high = item.get("min") or {}, item.get("max") or {}
        for name, amount in (item.get("default") or {}).items():
            if name in high and quantities.parse(amount) > quantities.parse(high[name]):
                detail = f"default value {amount} is greater than max value {high[name]}"
                found.append(errors.invalid_value(f"{where}.default[{name}]", amount, detail))
        for name, amount in low.items():
            if name in high and quantities.parse(amount) > quantities.parse(high[name]):
                detail = f"min value {amount} is greater than max value {high[name]}"
                found.append(errors.invalid_value(f"{where}.min[{name}]", amount, detail))
    return found


def role_binding(obj: Object) -> list[FieldError]:
    role = obj.get("roleRef") or {}
    found = one_of(role, "kind", "roleRef", ("Role", "ClusterRole"))
    if not role.get("name"):
        found.append(errors.required("roleRef.name"))
    return found


def priority_class(obj: Object) -> list[FieldError]:
    value, name = obj.get("value", 0), obj["metadata"]["name"]
    if name.startswith("system-") and name not in ("system-cluster-critical", "system-node-critical"):
        detail = "priority class names with 'system-' prefix are reserved for system use only"
        return [errors.forbidden_field("metadata.name", detail)]
    if value > 1_000_000_000 and not name.startswith("system-"):
        detail = f"maximum allowed value of a user defined priority is {1_000_000_000}"
        return [errors.forbidden_field("value", detail)]
    return one_of(obj, "preemptionPolicy", "", ("PreemptLowerPriority", "Never"))


def lease(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    found = []
    duration = spec.get("leaseDurationSeconds")
    if duration is not None and duration <= 0:
        found.append(errors.invalid_value("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    return found + not_negative(spec, "leaseTransitions", "spec")


def node(obj: Object) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate((obj.get("spec") or {}).get("taints") or ()):
        where = f"spec.taints[{index}]"
        found += metadata.check_qualified(taint.get("key", ""), f"{where}.key")
        found += one_of(taint, "effect", where, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
        key = (taint.get("key", ""), taint.get("effect", ""))
        if key in seen:
            found.append(errors.duplicate(where, taint))
        seen.add(key)
    return found


def event(obj: Object) -> list[FieldError]:
    involved = (obj.get("involvedObject") or {}).get("namespace", "")
    namespace = obj["metadata"].get("namespace", "")
    if involved != namespace and not (not involved and namespace == "default"):
        detail = "does not match event.namespace"
        return [errors.invalid_value("involvedObject.namespace", involved, detail)]
    return []


def webhooks(obj: Object) -> list[FieldError]:
    found: list[FieldError] = []
    for index, hook in enumerate(obj.get("webhooks") or ()):
        where = f"webhooks[{index}]"
        if hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            found.append(
                errors.not_supported(f"{where}.sideEffects", hook.get("sideEffects", ""), ("None", "NoneOnDryRun"))
            )
        if not hook.get("admissionReviewVersions"):
            found.append(errors.required(f"{where}.admissionReviewVersions"))
        config = hook.get("clientConfig") or {}
        if ("url" in config) == ("service" in config):
            detail = "exactly one of url or service is required"
            found.append(errors.required(f"{where}.clientConfig", detail))
        found += one_of(hook, "failurePolicy", where, ("Fail", "Ignore"))
        if not 1 <= hook.get("timeoutSeconds", 10) <= 30:
            detail = "the timeout value must be between 1 and 30 seconds"
            found.append(errors.invalid_value(f"{where}.timeoutSeconds", hook["timeoutSeconds"], detail))
    return found


def custom_resource_definition(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    names, found = spec.get("names") or {}, []
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if obj["metadata"]["name"] != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        found.append(errors.invalid_value("metadata.name", obj["metadata"]["name"], detail))
    found += one_of(spec, "scope", "spec", ("Cluster", "Namespaced"))
    versions = spec.get("versions") or []
    stored = [each for each in versions if each.get("storage")]
    if len(stored) != 1:
        detail = "must have exactly one version marked as storage version"
        found.append(errors.invalid_value("spec.versions", versions, detail))
    for index, version in enumerate(versions):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            found.append(errors.required(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required"))
    return found
