"""Reviews: questions about permission and identity, which are created but never stored."""

from __future__ import annotations

from typing import Any

from stratus.sandbox.api import errors, rbac
from stratus.sandbox.api.core import Api
from stratus.sandbox.api.options import User
from stratus.sandbox.server import bodies
from stratus.sandbox.server.http import Request, Response, reply
from stratus.sandbox.server.routes import Target

Object = dict[str, Any]

KINDS = frozenset({
    "SelfSubjectAccessReview", "SubjectAccessReview", "LocalSubjectAccessReview", "SelfSubjectRulesReview",
    "SelfSubjectReview", "TokenReview",
})  # fmt: skip


def handle(api: Api, target: Target, request: Request, authenticate: Any) -> Response:
    """Answer one review; `authenticate` maps a token to a User or None."""
    if request.method != "POST":
        raise errors.ApiError(
            405, "MethodNotAllowed", "the server does not allow this method on the requested resource"
        )
    document = bodies.document(request)
    spec = document.get("spec") or {}
    kind = target.kind.kind
    if kind == "SelfSubjectRulesReview":
        status = _rules(api, request.user, spec.get("namespace", ""))
    elif kind == "SelfSubjectReview":
        status = {"userInfo": {"username": request.user.name, "groups": list(request.user.groups)}}
    elif kind == "TokenReview":
        user = authenticate(spec.get("token", ""))
        found = {"username": user.name, "groups": list(user.groups)} if user else {}
        status = {"authenticated": user is not None, "user": found}
    else:
        user = (
            request.user
            if kind == "SelfSubjectAccessReview"
            else User(spec.get("user", ""), tuple(spec.get("groups") or ()))
        )
        status = _access(api, user, spec)
    shown = {
        "kind": kind,
        "apiVersion": target.kind.api_version,
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": status,
    }
    return reply(shown, 201)


def _access(api: Api, user: User, spec: Object) -> Object:
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if asked is not None:
        attributes = rbac.Attributes(
            verb=asked.get("verb", ""), group=asked.get("group", ""), resource=asked.get("resource", ""),
            subresource=asked.get("subresource", ""), namespace=asked.get("namespace", ""), name=asked.get("name", ""),
        )  # fmt: skip
    else:
        attributes = rbac.Attributes(verb=(path or {}).get("verb", ""), path=(path or {}).get("path", ""))
    may, reason = rbac.allowed(api.store, user, attributes)
    return {"allowed": may, "reason": reason} if reason else {"allowed": may}


def _rules(api: Api, user: User, namespace: str) -> Object:
    if rbac.is_master(user):
        everything = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
        return {
            "resourceRules": everything,
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    resource_rules: list[Object] = []
    url_rules: list[Object] = []
    for rule, _source in rbac.rules_for(api.store, user, namespace):
        (url_rules if rule.get("nonResourceURLs") else resource_rules).append(rule)
    return {"resourceRules": resource_rules, "nonResourceRules": url_rules, "incomplete": False}
