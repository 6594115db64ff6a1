"""Services, their endpoints, ingresses and network policies."""

from __future__ import annotations

import ipaddress
from typing import Any

from stratus.sandbox.api import errors, metadata
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.api.validation.common import label_selector, one_of, port, port_number_or_name

Object = dict[str, Any]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = one_of(spec, "type", "spec", _TYPES)
    headless = spec.get("clusterIP") == "None"
    external = spec.get("type") == "ExternalName"
    ports = spec.get("ports") or []
    if not ports and not headless and not external:
        found.append(errors.required("spec.ports"))
    if external and not spec.get("externalName"):
        found.append(errors.required("spec.externalName"))
    if spec.get("type") == "LoadBalancer" and headless:
        found.append(
            errors.invalid_value("spec.clusterIP", "None", "may not be set to 'None' for LoadBalancer services")
        )
    found += _service_ports(ports, external)
    found += metadata.check_labels(spec.get("selector") or {}, "spec.selector")
    found += one_of(spec, "sessionAffinity", "spec", ("ClientIP", "None"))
    return found


def _service_ports(ports: list[Object], external: bool) -> list[FieldError]:
    found: list[FieldError] = []
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, each in enumerate(ports):
        where = f"spec.ports[{index}]"
        name = each.get("name", "")
        if len(ports) > 1 and not name:
            found.append(errors.required(f"{where}.name"))
        elif name and not metadata.is_dns_label(name):
            found.append(errors.invalid_value(f"{where}.name", name, metadata.LABEL_TEXT))
        elif name and name in names:
            found.append(errors.duplicate(f"{where}.name", name))
        names.add(name)
        number = each.get("port", 0)
        found += port(number, f"{where}.port")
        found += one_of(each, "protocol", where, ("SCTP", "TCP", "UDP"))
        target = each.get("targetPort")
        if target not in (None, ""):
            found += port_number_or_name(target, f"{where}.targetPort")
        key = (each.get("protocol", "TCP"), number)
        if key in numbers:
            found.append(errors.duplicate(where, each))
        numbers.add(key)
    return found


def _ip(value: str, path: str) -> list[FieldError]:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return [errors.invalid_value(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    return []


def endpoints(obj: Object) -> list[FieldError]:
    found: list[FieldError] = []
    for index, subset in enumerate(obj.get("subsets") or ()):
        where = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            found.append(errors.required(where, "must specify `addresses` or `notReadyAddresses`"))
        for group in ("addresses", "notReadyAddresses"):
            for position, each in enumerate(subset.get(group) or ()):
                found += _ip(each.get("ip", ""), f"{where}.{group}[{position}].ip")
        for position, each in enumerate(subset.get("ports") or ()):
            found += port(each.get("port", 0), f"{where}.ports[{position}].port")
            if len(subset["ports"]) > 1 and not each.get("name"):
                found.append(errors.required(f"{where}.ports[{position}].name"))
    return found


def endpoint_slice(obj: Object) -> list[FieldError]:
    found = []
    if not obj.get("addressType"):
        found.append(errors.required("addressType"))
    found += one_of(obj, "addressType", "", ("FQDN", "IPv4", "IPv6"))
    for index, each in enumerate(obj.get("endpoints") or ()):
        if not each.get("addresses"):
            found.append(errors.required(f"endpoints[{index}].addresses", "must contain at least 1 address"))
    return found


def ingress(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    found: list[FieldError] = []
    if not spec.get("rules") and not spec.get("defaultBackend"):
        detail = "either `defaultBackend` or `rules` must be specified"
        found.append(errors.invalid_value("spec", spec.get("rules") or [], detail))
    if spec.get("defaultBackend"):
        found += _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules") or ()):
        for position, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            found += _ingress_path(path, f"spec.rules[{index}].http.paths[{position}]")
    return found


def _ingress_path(path: Object, where: str) -> list[FieldError]:
    kind = path.get("pathType")
    if not kind:
        return [errors.required(f"{where}.pathType", "pathType must be specified")]
    found = one_of(path, "pathType", where, ("Exact", "ImplementationSpecific", "Prefix"))
    if kind in ("Exact", "Prefix") and not path.get("path", "").startswith("/"):
        found.append(errors.invalid_value(f"{where}.path", path.get("path", ""), "must be an absolute path"))
    return found + _backend(path.get("backend") or {}, f"{where}.backend")


def _backend(backend: Object, where: str) -> list[FieldError]:
    target = backend.get("service")
    if target is None:
        if "resource" in backend:
            return []
        return [errors.required(where, "resource or service backend is required")]
    if not target.get("name"):
        return [errors.required(f"{where}.service.name")]
    if not target.get("port"):
        return [errors.required(where, "port name or number is required")]
    return []


def network_policy(obj: Object) -> list[FieldError]:
    spec = obj.get("spec") or {}
    found = label_selector(spec.get("podSelector"), "spec.podSelector")
    for group, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(group) or ()):
            for position, peer in enumerate(rule.get(peers) or ()):
                where = f"spec.{group}[{index}].{peers}[{position}]"
                if not peer:
                    found.append(errors.required(where, "must specify a peer"))
                if "ipBlock" in peer and len(peer) > 1:
                    detail = "may not specify both ipBlock and another peer"
                    found.append(errors.forbidden_field(where, detail))
            for position, each in enumerate(rule.get("ports") or ()):
                found += port(each.get("port"), f"spec.{group}[{index}].ports[{position}].port")
    return found
