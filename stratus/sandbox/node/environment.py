"""A container's environment: literal values, references, envFrom, the variables of Services, and $(VAR) expansion."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping

from stratus.sandbox.objects import Object, annotations_of, labels_of, meta, name_of, namespace_of, spec_of, status_of
from stratus.sandbox.quantities import milli, value
from stratus.sandbox.store import Store

EXPANSION = re.compile(r"\$\$|\$\(([^)]*)\)")
VALID_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


class ConfigError(Exception):
    """The container's configuration cannot be made: CreateContainerConfigError, in the kubelet's words."""


def decode(data: str) -> str:
    """A Secret's value as text."""
    return base64.b64decode(data).decode(errors="replace")


def expand(text: str, env: Mapping[str, str]) -> str:
    """Kubernetes' $(VAR) expansion: $$ escapes, unknown names stay as written."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] is None:
            return "$"
        return env.get(match[1], match[0])

    return EXPANSION.sub(replaced, text)


class Resolver:
    """Resolves the environment of containers from the cluster's objects."""

    def __init__(self, store: Store, node: Callable[[], Object | None]) -> None:
        self._store = store
        self._node = node

    def environment(self, pod: Object, container: Object) -> dict[str, str]:
        """Name to value. Raises ConfigError when an object or key that is not optional is missing."""
        env = self._services(namespace_of(pod), bool(spec_of(pod).get("enableServiceLinks", True)))
        for source in container.get("envFrom") or ():
            env.update(self._all_of(namespace_of(pod), source))
        own: dict[str, str] = {}
        for variable in container.get("env") or ():
            found = self._value(variable, pod, container, {**env, **own})
            if found is not None:
                own[variable["name"]] = found
        return {**env, **own}

    def _value(self, variable: Object, pod: Object, container: Object, env: Mapping[str, str]) -> str | None:
        source = variable.get("valueFrom")
        if not source:
            return expand(variable.get("value") or "", env)
        if "fieldRef" in source:
            return field(pod, source["fieldRef"].get("fieldPath", ""))
        if "resourceFieldRef" in source:
            return self.resource(pod, container, source["resourceFieldRef"])
        if "configMapKeyRef" in source:
            return self._key(namespace_of(pod), "configmaps", source["configMapKeyRef"])
        return self._key(namespace_of(pod), "secrets", source["secretKeyRef"])

    def _key(self, namespace: str, resource: str, reference: Object) -> str | None:
        name, key = reference.get("name", ""), reference["key"]
        found = self._store.get(resource, namespace, name)
        optional = bool(reference.get("optional"))
        if found is None:
            if optional:
                return None
            raise ConfigError(f'{resource[:-1]} "{name}" not found')
        data = contents(resource, found)
        if key not in data:
            if optional:
                return None
            kind = "ConfigMap" if resource == "configmaps" else "Secret"
            raise ConfigError(f"couldn't find key {key} in {kind} {namespace}/{name}")
        return data[key]

    def _all_of(self, namespace: str, source: Object) -> dict[str, str]:
        resource, reference = (
            ("configmaps", source["configMapRef"]) if "configMapRef" in source else ("secrets", source["secretRef"])
        )
        name = reference.get("name", "")
        found = self._store.get(resource, namespace, name)
        if found is None:
            if reference.get("optional"):
                return {}
            raise ConfigError(f'{resource[:-1]} "{name}" not found')
        prefix = source.get("prefix", "")
        return {
            f"{prefix}{key}": text for key, text in contents(resource, found).items() if VALID_NAME.match(prefix + key)
        }

    def resource(self, pod: Object, container: Object, reference: Object) -> str:
        """A container's own limit or request; without a limit the node's allocatable stands in."""
        named = reference.get("containerName")
        if named:
            container = next((c for c in spec_of(pod)["containers"] if c["name"] == named), container)
        section, _, resource = reference["resource"].partition(".")
        amount = (container.get("resources") or {}).get(section, {}).get(resource)
        if amount is None:
            node = self._node() or {}
            amount = status_of(node).get("allocatable", {}).get(resource, "0") if section == "limits" else "0"
        divisor = reference.get("divisor") or "1"
        if divisor == "0":
            divisor = "1"
        return str(-(-milli(amount) // milli(divisor)) if resource == "cpu" else -(-value(amount) // value(divisor)))

    def _services(self, namespace: str, links: bool) -> dict[str, str]:
        env: dict[str, str] = {}
        master = self._store.get("services", "default", "kubernetes")
        for service in [*([master] if master else []), *(self._store.list("services", namespace) if links else [])]:
            ip = spec_of(service).get("clusterIP")
            ports = spec_of(service).get("ports") or ()
            if ip and ip != "None" and ports:
                env.update(_service_variables(name_of(service).upper().replace("-", "_"), ip, ports))
        return env


def _service_variables(prefix: str, ip: str, ports: list[Object]) -> dict[str, str]:
    env = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            env[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    first = ports[0]
    env[f"{prefix}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{ip}:{first['port']}"
    for port in ports:
        protocol = port.get("protocol", "TCP")
        head = f"{prefix}_PORT_{port['port']}_{protocol}"
        env[head] = f"{protocol.lower()}://{ip}:{port['port']}"
        env[f"{head}_PROTO"] = protocol.lower()
        env[f"{head}_PORT"] = str(port["port"])
        env[f"{head}_ADDR"] = ip
    return env


def contents(resource: str, obj: Object) -> dict[str, str]:
    """The keys of a ConfigMap or Secret as text."""
    data = obj.get("data") or {}
    if resource == "secrets":
        return {key: decode(text) for key, text in data.items()}
    return {**data, **{key: decode(text) for key, text in (obj.get("binaryData") or {}).items()}}


def field(pod: Object, path: str) -> str:
    """A downward-API field of the pod as text. Raises ConfigError for a path that has none."""
    keyed = re.match(r"^metadata\.(labels|annotations)\['(.*)'\]$", path)
    if keyed:
        return (labels_of(pod) if keyed[1] == "labels" else annotations_of(pod)).get(keyed[2], "")
    if path in ("metadata.labels", "metadata.annotations"):
        found = labels_of(pod) if path.endswith("labels") else annotations_of(pod)
        return "\n".join(f'{key}="{text}"' for key, text in sorted(found.items()))
    known = {
        "metadata.name": meta(pod).get("name"),
        "metadata.namespace": meta(pod).get("namespace"),
        "metadata.uid": meta(pod).get("uid"),
        "spec.nodeName": spec_of(pod).get("nodeName"),
        "spec.serviceAccountName": spec_of(pod).get("serviceAccountName"),
        "status.hostIP": status_of(pod).get("hostIP"),
        "status.podIP": status_of(pod).get("podIP"),
        "status.podIPs": status_of(pod).get("podIP"),
    }
    if path not in known:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return known[path] or ""
