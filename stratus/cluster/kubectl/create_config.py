"""create configmap, secret, namespace, serviceaccount, quota, priorityclass and poddisruptionbudget."""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Iterator, Sequence

from stratus.cluster.kubectl.creating import creation
from stratus.cluster.kubectl.hashing import named_by_content
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.selectors import equalities, label_selector
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step

_KEY = re.compile(r"^[-._a-zA-Z0-9]+$")


async def config_map(inv: Invocation) -> Sequence[Step]:
    """``kubectl create configmap``."""
    manifest: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": inv.meta(inv.one_name())}
    for key, content in _content(inv):
        try:
            manifest.setdefault("data", {})[key] = content.decode()
        except UnicodeDecodeError:
            manifest.setdefault("binaryData", {})[key] = base64.b64encode(content).decode()
    return creation(inv, named_by_content(manifest) if inv.flags.truth("append-hash") else manifest)


async def secret_generic(inv: Invocation) -> Sequence[Step]:
    """``kubectl create secret generic``."""
    return _secret(inv, inv.flags.text("type"), dict(_content(inv)))


async def secret_tls(inv: Invocation) -> Sequence[Step]:
    """``kubectl create secret tls``."""
    data = {f"tls.{part}": _one_file(inv, inv.required(flag)) for part, flag in (("crt", "cert"), ("key", "key"))}
    return _secret(inv, "kubernetes.io/tls", data)


async def secret_docker_registry(inv: Invocation) -> Sequence[Step]:
    """``kubectl create secret docker-registry``."""
    if inv.flags.has("from-file"):
        data = dict(_content(inv))
        if list(data) != [".dockerconfigjson"]:
            raise InvalidInput("give the file as --from-file=.dockerconfigjson=FILE")
        return _secret(inv, "kubernetes.io/dockerconfigjson", data)
    user, password = inv.required("docker-username"), inv.required("docker-password")
    entry = {"username": user, "password": password}
    if inv.flags.text("docker-email"):
        entry["email"] = inv.flags.text("docker-email")
    entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    server = inv.flags.text("docker-server", "https://index.docker.io/v1/")
    text = json.dumps({"auths": {server: entry}}, separators=(",", ":"))
    return _secret(inv, "kubernetes.io/dockerconfigjson", {".dockerconfigjson": text.encode()})


def _secret(inv: Invocation, kind: str, data: dict[str, bytes]) -> list[Step]:
    manifest: JsonObject = {"apiVersion": "v1", "kind": "Secret", "metadata": inv.meta(inv.one_name())}
    if kind:
        manifest["type"] = kind
    if data:
        manifest["data"] = {key: base64.b64encode(content).decode() for key, content in data.items()}
    return creation(inv, named_by_content(manifest) if inv.flags.truth("append-hash") else manifest)


def _content(inv: Invocation) -> Iterator[tuple[str, bytes]]:
    """The keys of --from-literal, --from-file and --from-env-file. Raises InvalidInput for a key that is given twice."""
    seen: set[str] = set()
    for key, content in (*_literals(inv), *_files(inv), *_env_files(inv)):
        if not _KEY.match(key):
            raise InvalidInput(f'"{key}" is not a key: letters, digits, "-", "_" and "." only')
        if key in seen:
            raise InvalidInput(f'the key "{key}" is given twice')
        seen.add(key)
        yield key, content


def _literals(inv: Invocation) -> Iterator[tuple[str, bytes]]:
    for literal in inv.flags.words("from-literal"):
        key, equals, value = literal.partition("=")
        if not equals or not key:
            raise InvalidInput("--from-literal is KEY=VALUE")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]  # kubectl strips quotes that no shell took away
        yield key, value.encode()


def _files(inv: Invocation) -> Iterator[tuple[str, bytes]]:
    for source in inv.flags.words("from-file"):
        key, equals, path = source.partition("=")
        if equals:
            yield key, _one_file(inv, path)
            continue
        yield from ((posixpath.basename(name), content) for name, content in inv.file(source).items())


def _env_files(inv: Invocation) -> Iterator[tuple[str, bytes]]:
    for path in inv.flags.words("from-env-file"):
        for line in _one_file(inv, path).decode().splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            key, equals, value = line.lstrip().partition("=")
            if not equals:
                raise InvalidInput(f"{path}: {key} has no value; give one (its value here is not looked up)")
            yield key, value.encode()


def _one_file(inv: Invocation, path: str) -> bytes:
    files = inv.file(path)
    if set(files) != {path}:
        raise InvalidInput(f"{path} is a directory; one file is needed")
    return files[path]


async def namespace(inv: Invocation) -> Sequence[Step]:
    """``kubectl create namespace``."""
    meta = inv.meta(inv.one_name(), namespaced=False)
    return creation(inv, {"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


async def service_account(inv: Invocation) -> Sequence[Step]:
    """``kubectl create serviceaccount``."""
    return creation(inv, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": inv.meta(inv.one_name())})


async def quota(inv: Invocation) -> Sequence[Step]:
    """``kubectl create quota``."""
    spec: JsonObject = {}
    if inv.flags.text("hard"):
        spec["hard"] = equalities(inv.flags.text("hard"))
    if inv.flags.text("scopes"):
        spec["scopes"] = [scope.strip() for scope in inv.flags.text("scopes").split(",")]
    meta = inv.meta(inv.one_name())
    return creation(inv, {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": spec})


async def priority_class(inv: Invocation) -> Sequence[Step]:
    """``kubectl create priorityclass``."""
    manifest: JsonObject = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": inv.meta(inv.one_name(), namespaced=False),
        "value": inv.flags.number("value"),
        "preemptionPolicy": inv.flags.text("preemption-policy", "PreemptLowerPriority"),
    }
    if inv.flags.truth("global-default"):
        manifest["globalDefault"] = True
    if inv.flags.text("description"):
        manifest["description"] = inv.flags.text("description")
    return creation(inv, manifest)


async def disruption_budget(inv: Invocation) -> Sequence[Step]:
    """``kubectl create poddisruptionbudget``."""
    bounds = {
        field: _number_or_percent(inv.flags.text(flag))
        for flag, field in (("min-available", "minAvailable"), ("max-unavailable", "maxUnavailable"))
        if inv.flags.has(flag)
    }
    if len(bounds) != 1:
        raise InvalidInput("kubectl create pdb needs either --min-available or --max-unavailable")
    resource = await inv.catalog.newest("PodDisruptionBudget", "policy/v1", "policy/v1beta1")
    manifest = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": inv.meta(inv.one_name()),
        "spec": {**bounds, "selector": label_selector(inv.required("selector"))},
    }
    return creation(inv, manifest)


def _number_or_percent(text: str) -> int | str:
    return int(text) if text.isdecimal() else text
