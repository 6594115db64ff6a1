"""create role, clusterrole, rolebinding and clusterrolebinding."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.cluster.kubectl.creating import creation
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.selectors import label_selector
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step

_GROUP = "rbac.authorization.k8s.io"
_API_VERSION = f"{_GROUP}/v1"


async def role(inv: Invocation) -> Sequence[Step]:
    """``kubectl create role``."""
    manifest = _object("Role", inv.meta(inv.one_name()), rules=await _rules(inv))
    return creation(inv, manifest)


async def cluster_role(inv: Invocation) -> Sequence[Step]:
    """``kubectl create clusterrole``."""
    meta = inv.meta(inv.one_name(), namespaced=False)
    if inv.flags.text("aggregation-rule"):
        rule = {"clusterRoleSelectors": [label_selector(inv.flags.text("aggregation-rule"))]}
        return creation(inv, _object("ClusterRole", meta, aggregationRule=rule, rules=[]))
    return creation(inv, _object("ClusterRole", meta, rules=await _rules(inv)))


async def role_binding(inv: Invocation) -> Sequence[Step]:
    """``kubectl create rolebinding``."""
    names = {"ClusterRole": inv.flags.text("clusterrole"), "Role": inv.flags.text("role")}
    given = [(kind, name) for kind, name in names.items() if name]
    if len(given) != 1:
        raise InvalidInput("kubectl create rolebinding needs either --clusterrole or --role")
    return _binding(inv, "RoleBinding", inv.meta(inv.one_name()), given[0])


async def cluster_role_binding(inv: Invocation) -> Sequence[Step]:
    """``kubectl create clusterrolebinding``."""
    meta = inv.meta(inv.one_name(), namespaced=False)
    return _binding(inv, "ClusterRoleBinding", meta, ("ClusterRole", inv.required("clusterrole")))


def _binding(inv: Invocation, kind: str, meta: JsonObject, role_of: tuple[str, str]) -> list[Step]:
    role_ref = {"apiGroup": _GROUP, "kind": role_of[0], "name": role_of[1]}
    found = subjects(inv)
    return creation(inv, _object(kind, meta, roleRef=role_ref, **({"subjects": found} if found else {})))


def subjects(inv: Invocation) -> list[JsonObject]:
    """What --user, --group and --serviceaccount name."""
    users = [{"kind": "User", "apiGroup": _GROUP, "name": name} for name in inv.flags.words("user")]
    groups = [{"kind": "Group", "apiGroup": _GROUP, "name": name} for name in inv.flags.words("group")]
    accounts = []
    for text in inv.flags.words("serviceaccount"):
        namespace, colon, name = text.partition(":")
        if not (namespace and colon and name):
            raise InvalidInput(f'--serviceaccount is NAMESPACE:NAME, not "{text}"')
        accounts.append({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    return [*users, *groups, *accounts]


async def _rules(inv: Invocation) -> list[JsonObject]:
    verbs = list(dict.fromkeys(verb.strip() for verb in inv.flags.words("verb") if verb.strip()))
    if not verbs:
        raise InvalidInput("at least one --verb is needed")
    verbs = ["*"] if "*" in verbs else verbs
    paths, names = inv.flags.words("non-resource-url"), inv.flags.words("resource-name")
    rules: list[JsonObject] = []
    for group, plurals in (await _grouped(inv)).items():
        named = {"resourceNames": names} if names else {}
        rules.append({"verbs": verbs, "apiGroups": [group], "resources": plurals, **named})
    if paths:
        rules.append({"verbs": verbs, "nonResourceURLs": paths})
    if not rules:
        raise InvalidInput("at least one --resource is needed")
    return rules


async def _grouped(inv: Invocation) -> dict[str, list[str]]:
    """Plurals by group, in the order in which they were named."""
    found: dict[str, list[str]] = {}
    for text in inv.flags.words("resource"):
        word, slash, subresource = text.partition("/")
        if word == "*":
            found.setdefault("", []).append("*")
            continue
        resource = await inv.catalog.by_word(word)
        plural = f"{resource.plural}{slash}{subresource}"
        if plural not in found.setdefault(resource.group, []):
            found[resource.group].append(plural)
    return found


def _object(kind: str, meta: JsonObject, **fields: object) -> JsonObject:
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": meta, **fields}
