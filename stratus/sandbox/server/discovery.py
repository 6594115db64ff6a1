"""Discovery: which groups, versions and resources are served, in the old and in the aggregated form."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.schema.kinds import Kind, Registry
from stratus.sandbox.server.http import Request, Response, dumps, page_not_found, reply

Object = dict[str, Any]

VERSION: Object = {
    "major": "1",
    "minor": "31",
    "gitVersion": "v1.31.0+stratus",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "CPython",
    "platform": "linux/amd64",
}
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "status": ("", "", "", ("get", "patch", "update")),
    "scale": ("autoscaling", "v1", "Scale", ("get", "patch", "update")),
    "log": ("", "", "Pod", ("get",)),
    "exec": ("", "", "PodExecOptions", ("create", "get")),
    "attach": ("", "", "PodAttachOptions", ("create", "get")),
    "portforward": ("", "", "PodPortForwardOptions", ("create", "get")),
    "proxy": ("", "", "ProxyOptions", ("create", "delete", "get", "patch", "update")),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "binding": ("", "", "Binding", ("create",)),
    "finalize": ("", "", "Namespace", ("update",)),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "ephemeralcontainers": ("", "", "Pod", ("get", "patch", "update")),
}


def serve(registry: Registry, request: Request) -> Response | None:
    """The discovery document at the request's path, or None if the path is no discovery path."""
    parts = [each for each in request.path.split("/") if each]
    if parts == ["version"]:
        return reply(VERSION)
    if parts in (["api"], ["apis"]):
        if request.accepts("as=APIGroupDiscoveryList"):
            return _aggregated(registry, core=parts == ["api"], request=request)
        return reply(_versions() if parts == ["api"] else _groups(registry))
    if parts == ["api", "v1"]:
        return reply(_resources(registry, "", "v1"))
    if parts[:1] == ["apis"] and len(parts) == 2:
        group = next((each for each in _groups(registry)["groups"] if each["name"] == parts[1]), None)
        return reply({"kind": "APIGroup", "apiVersion": "v1", **group}) if group else page_not_found()
    if parts[:1] == ["apis"] and len(parts) == 3:
        found = _resources(registry, parts[1], parts[2])
        return reply(found) if found["resources"] else page_not_found()
    return None


def _versions() -> Object:
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def _by_group(registry: Registry) -> dict[str, dict[str, list[Kind]]]:
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in registry:
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return found


def _groups(registry: Registry) -> Object:
    groups = []
    for group, versions in _by_group(registry).items():
        if not group:
            continue
        listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
        groups.append({"name": group, "versions": listed, "preferredVersion": listed[0]})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _resources(registry: Registry, group: str, version: str) -> Object:
    listed: list[Object] = []
    for kind in _by_group(registry).get(group, {}).get(version, ()):
        entry: Object = {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(kind.verbs),
        }
        if kind.short_names:
            entry["shortNames"] = list(kind.short_names)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        listed.append(entry)
        listed += [_subresource(kind, name) for name in kind.subresources]
    shown = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": shown, "resources": listed}


def _subresource(kind: Kind, name: str) -> Object:
    group, version, as_kind, verbs = _SUBRESOURCES[name]
    entry: Object = {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": as_kind or kind.kind,
        "verbs": list(verbs),
    }
    if group:
        entry.update(group=group, version=version)
    return entry


def _aggregated(registry: Registry, *, core: bool, request: Request) -> Response:
    items = []
    for group, versions in _by_group(registry).items():
        if (not group) != core:
            continue
        shown = [
            {"version": version, "resources": [_aggregated_resource(kind) for kind in kinds], "freshness": "Current"}
            for version, kinds in versions.items()
        ]
        metadata: Object = {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None}
        items.append({"metadata": metadata, "versions": shown})
    version = "v2" if request.accepts("v=v2;") or request.accepts("v=v2,") else "v2beta1"
    body = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
    return Response(200, dumps(body), _AGGREGATED.replace("v=v2;", f"v={version};") if version != "v2" else _AGGREGATED)


def _aggregated_resource(kind: Kind) -> Object:
    entry: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = [_aggregated_subresource(kind, name) for name in kind.subresources]
    return entry


def _aggregated_subresource(kind: Kind, name: str) -> Object:
    group, version, as_kind, verbs = _SUBRESOURCES[name]
    response = {"group": group or kind.group, "version": version or kind.version, "kind": as_kind or kind.kind}
    return {"subresource": name, "responseKind": response, "verbs": list(verbs)}
