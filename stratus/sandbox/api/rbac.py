"""Authorisation: what a user may do by the roles that are bound to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stratus.sandbox.api.options import User
from stratus.sandbox.store import Store

Object = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Attributes:
    """One question to the authoriser; a non-resource URL has only a verb and a path."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def is_master(user: User) -> bool:
    return "system:masters" in user.groups


def rules_for(store: Store, user: User, namespace: str) -> Iterator[tuple[Object, str]]:
    """Rules that apply to the user in a namespace, each with the binding that gives it."""
    for binding in store.list(f"clusterrolebindings.{_GROUP}"):
        if _binds(binding, user, ""):
            yield from _rules(store, binding, "", f'ClusterRoleBinding "{binding["metadata"]["name"]}"')
    if namespace:
        for binding in store.list(f"rolebindings.{_GROUP}", namespace):
            if _binds(binding, user, namespace):
                name = f"{binding['metadata']['name']}/{namespace}"
                yield from _rules(store, binding, namespace, f'RoleBinding "{name}"')


def _rules(store: Store, binding: Object, namespace: str, source: str) -> Iterator[tuple[Object, str]]:
    reference = binding.get("roleRef") or {}
    resource = f"{reference.get('kind', '').lower()}s.{_GROUP}"
    role = store.get(resource, namespace if reference.get("kind") == "Role" else "", reference.get("name", ""))
    for rule in (role or {}).get("rules") or ():
        yield rule, source


def _binds(binding: Object, user: User, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name in (user.name, "*"):
            return True
        if kind == "Group" and name in user.groups:
            return True
        if kind == "ServiceAccount":
            account = f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
            if account == user.name:
                return True
    return False


def allowed(store: Store, user: User, asked: Attributes) -> tuple[bool, str]:
    """Whether the user may, and why."""
    if is_master(user):
        return True, ""
    for rule, source in rules_for(store, user, asked.namespace):
        if _covers(rule, asked):
            return True, f"RBAC: allowed by {source}"
    return False, ""


def _covers(rule: Object, asked: Attributes) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and asked.verb not in verbs:
        return False
    if asked.path:
        return any(_path_matches(each, asked.path) for each in rule.get("nonResourceURLs") or ())
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    if "*" not in groups and asked.group not in groups:
        return False
    wanted = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    if "*" not in resources and wanted not in resources and f"*/{asked.subresource}" not in resources:
        return False
    names = rule.get("resourceNames") or ()
    return not names or asked.name in names


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))
