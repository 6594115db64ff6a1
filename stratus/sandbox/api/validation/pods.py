"""Pods and pod templates."""

from __future__ import annotations

import re
from typing import Any

from stratus.sandbox import quantities
from stratus.sandbox.api import errors, metadata
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.api.validation.common import not_negative, one_of, port, port_name, port_number_or_name

Object = dict[str, Any]

_ENV_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")
_ENV_TEXT = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not "
    "start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
    "'[-._a-zA-Z][-._a-zA-Z0-9]*')"
)
_SOURCE_FIELDS = {
    "configMap": ("name",),
    "secret": ("secretName",),
    "persistentVolumeClaim": ("claimName",),
    "hostPath": ("path",),
    "nfs": ("server", "path"),
    "csi": ("driver",),
}
_SOURCES = frozenset({"name"})
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_TOLERATION_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def template(
    obj: Object, path: str, *, restart: tuple[str, ...] = ("Always", "OnFailure", "Never")
) -> list[FieldError]:
    """A pod template; `restart` are the restart policies that its owner supports."""
    found = metadata.check_labels((obj.get("metadata") or {}).get("labels") or {}, f"{path}.metadata.labels")
    spec = obj.get("spec") or {}
    found += pod_spec(spec, f"{path}.spec")
    if spec.get("restartPolicy") in ("Always", "OnFailure", "Never") and spec["restartPolicy"] not in restart:
        found.append(errors.not_supported(f"{path}.spec.restartPolicy", spec["restartPolicy"], restart))
    return found


def pod_spec(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    volumes, problems = _volumes(spec.get("volumes") or (), f"{path}.volumes")
    found += problems
    if not spec.get("containers"):
        found.append(errors.required(f"{path}.containers"))
    names: set[str] = set()
    for group in ("containers", "initContainers"):
        for index, each in enumerate(spec.get(group) or ()):
            found += _container(each, f"{path}.{group}[{index}]", names, volumes, group == "initContainers")
    found += one_of(spec, "restartPolicy", path, ("Always", "OnFailure", "Never"))
    found += one_of(spec, "dnsPolicy", path, ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"))
    found += not_negative(spec, "terminationGracePeriodSeconds", path)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and deadline < 1:
        detail = "must be between 1 and 2147483647, inclusive"
        found.append(errors.invalid_value(f"{path}.activeDeadlineSeconds", deadline, detail))
    found += metadata.check_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    for index, each in enumerate(spec.get("tolerations") or ()):
        found += _toleration(each, f"{path}.tolerations[{index}]")
    account = spec.get("serviceAccountName")
    if account and not metadata.is_subdomain(account):
        found.append(errors.invalid_value(f"{path}.serviceAccountName", account, metadata.SUBDOMAIN_TEXT))
    return found


def _volumes(volumes: Any, path: str) -> tuple[set[str], list[FieldError]]:
    names: set[str] = set()
    found: list[FieldError] = []
    for index, volume in enumerate(volumes):
        name, where = volume.get("name", ""), f"{path}[{index}]"
        if not name:
            found.append(errors.required(f"{where}.name"))
        elif not metadata.is_dns_label(name):
            found.append(errors.invalid_value(f"{where}.name", name, metadata.LABEL_TEXT))
        elif name in names:
            found.append(errors.duplicate(f"{where}.name", name))
        names.add(name)
        sources = [key for key in volume if key not in _SOURCES]
        if not sources:
            found.append(errors.required(where, "must specify a volume type"))
        for source in sources:
            for field in _SOURCE_FIELDS.get(source, ()):
                if not volume[source].get(field):
                    found.append(errors.required(f"{where}.{source}.{field}"))
        for extra in sources[1:]:
            found.append(errors.forbidden_field(f"{where}.{extra}", "may not specify more than 1 volume type"))
    return names, found


def _container(container: Object, path: str, names: set[str], volumes: set[str], init: bool) -> list[FieldError]:
    found: list[FieldError] = []
    name = container.get("name", "")
    if not name:
        found.append(errors.required(f"{path}.name"))
    elif not metadata.is_dns_label(name):
        found.append(errors.invalid_value(f"{path}.name", name, metadata.LABEL_TEXT))
    elif name in names:
        found.append(errors.duplicate(f"{path}.name", name))
    names.add(name)
    image = container.get("image", "")
    if not image:
        found.append(errors.required(f"{path}.image"))
    elif image != image.strip():
        found.append(errors.invalid_value(f"{path}.image", image, "must not have leading or trailing whitespace"))
    found += one_of(container, "imagePullPolicy", path, ("Always", "IfNotPresent", "Never"))
    found += _ports(container.get("ports") or (), f"{path}.ports")
    found += _environment(container, path)
    found += _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    found += _resources(container.get("resources") or {}, f"{path}.resources")
    sidecar = init and container.get("restartPolicy") == "Always"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe in container:
            if init and not sidecar:
                found.append(
                    errors.forbidden_field(
                        f"{path}.{probe}", "may not be set for init containers without restartPolicy=Always"
                    )
                )
            found += _probe(container[probe], f"{path}.{probe}", ready=probe == "readinessProbe")
    for hook, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, dict):
            found += _handler(handler, f"{path}.lifecycle.{hook}")
    return found


def _ports(ports: Any, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    names: set[str] = set()
    for index, each in enumerate(ports):
        where = f"{path}[{index}]"
        name = each.get("name")
        if name:
            problems = port_name(name, f"{where}.name")
            found += problems
            if not problems and name in names:
                found.append(errors.duplicate(f"{where}.name", name))
            names.add(name)
        number = each.get("containerPort", 0)
        if number == 0:
            found.append(errors.required(f"{where}.containerPort"))
        found += port(number or 1, f"{where}.containerPort")
        found += port(each.get("hostPort") or 1, f"{where}.hostPort")
        found += one_of(each, "protocol", where, ("SCTP", "TCP", "UDP"))
    return found


def _environment(container: Object, path: str) -> list[FieldError]:
    found = []
    for index, each in enumerate(container.get("env") or ()):
        where = f"{path}.env[{index}]"
        name = each.get("name", "")
        if not name:
            found.append(errors.required(f"{where}.name"))
        elif not _ENV_NAME.match(name):
            found.append(errors.invalid_value(f"{where}.name", name, _ENV_TEXT))
        source = each.get("valueFrom")
        if source is not None:
            kinds = [
                key for key in source if key in ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
            ]
            if not kinds:
                detail = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
                found.append(errors.invalid_value(f"{where}.valueFrom", "", detail))
            elif len(kinds) > 1:
                detail = "may not have more than one field specified at a time"
                found.append(errors.invalid_value(f"{where}.valueFrom", "", detail))
            if each.get("value"):
                detail = "may not be specified when `value` is not empty"
                found.append(errors.invalid_value(f"{where}.valueFrom", "", detail))
    return found


def _mounts(mounts: Any, path: str, volumes: set[str]) -> list[FieldError]:
    found: list[FieldError] = []
    seen: set[str] = set()
    for index, each in enumerate(mounts):
        where = f"{path}[{index}]"
        if not each.get("name"):
            found.append(errors.required(f"{where}.name"))
        elif each["name"] not in volumes:
            found.append(errors.not_found_field(f"{where}.name", each["name"]))
        target = each.get("mountPath", "")
        if not target:
            found.append(errors.required(f"{where}.mountPath"))
        elif target in seen:
            found.append(errors.invalid_value(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
    return found


def _resources(resources: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for group, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            if quantities.parse(amount) < 0:
                found.append(
                    errors.invalid_value(f"{path}.{group}[{name}]", amount, "must be greater than or equal to 0")
                )
            if (
                "/" not in name
                and name not in ("cpu", "memory", "ephemeral-storage")
                and not name.startswith("hugepages-")
            ):
                detail = "must be a standard resource type or fully qualified"
                found.append(errors.invalid_value(f"{path}.{group}[{name}]", name, detail))
    for name, amount in requests.items():
        if name in limits and quantities.parse(amount) > quantities.parse(limits[name]):
            detail = f"must be less than or equal to {name} limit"
            found.append(errors.invalid_value(f"{path}.requests", amount, detail))
    return found


def _probe(probe: Object, path: str, *, ready: bool) -> list[FieldError]:
    found = _handler(probe, path)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        found += not_negative(probe, field, path)
    if not ready and probe.get("successThreshold", 1) != 1:
        found.append(errors.invalid_value(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return found


def _handler(handler: Object, path: str) -> list[FieldError]:
    kinds = [key for key in _HANDLERS if key in handler]
    if not kinds:
        return [errors.required(path, "must specify a handler type")]
    found = [errors.forbidden_field(f"{path}.{key}", "may not specify more than 1 handler type") for key in kinds[1:]]
    for kind in ("httpGet", "tcpSocket"):
        if kind in handler:
            found += port_number_or_name(handler[kind].get("port"), f"{path}.{kind}.port")
    if "exec" in handler and not handler["exec"].get("command"):
        found.append(errors.required(f"{path}.exec.command"))
    return found


def _toleration(toleration: Object, path: str) -> list[FieldError]:
    found = one_of(toleration, "effect", path, _TOLERATION_EFFECTS)
    operator = toleration.get("operator", "Equal")
    if operator not in ("Equal", "Exists"):
        found.append(errors.not_supported(f"{path}.operator", operator, ("Equal", "Exists")))
    if operator == "Exists" and toleration.get("value"):
        detail = "value must be empty when `operator` is 'Exists'"
        found.append(errors.invalid_value(f"{path}.operator", toleration, detail))
    if not toleration.get("key") and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        found.append(errors.invalid_value(f"{path}.operator", operator, detail))
    return found
