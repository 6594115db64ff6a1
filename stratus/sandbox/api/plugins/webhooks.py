"""Admission webhooks: who is asked, in what order, and what an unreachable one means for the write."""

from __future__ import annotations

import base64
import copy
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import jsonpatch

from stratus.sandbox.api import conversion, errors, selectors
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

Object = dict[str, Any]
Transport = Callable[[Object, Object, float], Object]
"""Posts an AdmissionReview to a webhook's clientConfig within a time-out; raises WebhookError when it cannot."""

_MUTATING = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
_VALIDATING = "validatingwebhookconfigurations.admissionregistration.k8s.io"
_EXEMPT = (_MUTATING, _VALIDATING)


class WebhookError(Exception):
    """The webhook could not be called, or answered nonsense; its failure policy decides."""


def unreachable(config: Object, review: Object, timeout: float) -> Object:
    """The transport of a cluster in which no webhook listens."""
    target = config.get("service")
    where = f"{target['name']}.{target['namespace']}.svc:{target.get('port', 443)}" if target else config.get("url", "")
    raise WebhookError(f'Post "https://{where}": dial tcp: connect: connection refused')


class Webhooks:
    """The MutatingAdmissionWebhook and ValidatingAdmissionWebhook plug-ins."""

    def __init__(self, api: Api, transport: Transport | None = None) -> None:
        self._api = api
        self._store = api.store
        self.transport = transport or unreachable

    def mutate(self, review: Review) -> None:
        """Ask mutating webhooks in turn and apply their patches."""
        for name, hook in self._matching(_MUTATING, review):
            answer = self._call(name, hook, review)
            if answer is None or not answer.get("patch"):
                continue
            try:
                patch = json.loads(base64.b64decode(answer["patch"]))
                review.object = jsonpatch.JsonPatch(patch).apply(copy.deepcopy(review.object))
            except (ValueError, jsonpatch.JsonPatchException) as error:
                raise errors.internal(f"failed to apply the patch of webhook {hook['name']}: {error}") from None

    def validate(self, review: Review) -> None:
        """Ask validating webhooks; any one may refuse."""
        for name, hook in self._matching(_VALIDATING, review):
            self._call(name, hook, review)

    def _matching(self, resource: str, review: Review) -> Iterator[tuple[str, Object]]:
        if review.kind.resource in _EXEMPT:
            return
        for configuration in self._store.list(resource):
            for hook in configuration.get("webhooks") or ():
                if self._wants(hook, review):
                    yield configuration["metadata"]["name"], hook

    def _wants(self, hook: Object, review: Review) -> bool:
        if not any(_rule_matches(rule, review) for rule in hook.get("rules") or ()):
            return False
        if not self._namespace_matches(hook, review):
            return False
        labels = ((review.object or {}).get("metadata") or {}).get("labels")
        old = ((review.old or {}).get("metadata") or {}).get("labels")
        selector = hook.get("objectSelector") or {}
        return selectors.matches(selector, labels) or (review.old is not None and selectors.matches(selector, old))

    def _namespace_matches(self, hook: Object, review: Review) -> bool:
        selector = hook.get("namespaceSelector") or {}
        if review.kind.resource == "namespaces":
            labels = ((review.object or review.old or {}).get("metadata") or {}).get("labels")
        elif review.namespace:
            namespace = self._store.get("namespaces", "", review.namespace)
            labels = (namespace or {"metadata": {}})["metadata"].get("labels")
        else:
            return True
        return selectors.matches(selector, labels)

    def _call(self, configuration: str, hook: Object, review: Review) -> Object | None:
        if review.write.dry_run and hook.get("sideEffects") not in ("None", "NoneOnDryRun"):
            text = f'admission webhook "{hook["name"]}" does not support dry run'
            raise errors.bad_request(text)
        question = self._question(review)
        try:
            response = self.transport(hook["clientConfig"], question, hook.get("timeoutSeconds", 10)).get("response")
            if not isinstance(response, dict) or "allowed" not in response:
                raise WebhookError("webhook response is missing")
        except WebhookError as error:
            if hook.get("failurePolicy") == "Ignore":
                return None
            raise errors.internal(f'failed calling webhook "{hook["name"]}": {error}') from None
        review.write.warnings.extend(response.get("warnings") or ())
        if not response["allowed"]:
            raise _denied(hook["name"], response.get("status") or {})
        return response

    def _question(self, review: Review) -> Object:
        kind = review.kind
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        gvr = {"group": kind.group, "version": kind.version, "resource": kind.plural}
        user = review.write.user
        request: Object = {
            "uid": str(uuid.UUID(int=self._api.kernel.rng.getrandbits(128), version=4)),
            "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
            "name": review.name, "operation": review.operation,
            "userInfo": {"username": user.name, "groups": list(user.groups)},
            "object": conversion.to_view(kind, review.object) if review.object else None,
            "oldObject": review.old,
            "dryRun": review.write.dry_run,
        }  # fmt: skip
        if review.namespace:
            request["namespace"] = review.namespace
        if review.subresource:
            request["subResource"] = review.subresource
        return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def _rule_matches(rule: Object, review: Review) -> bool:
    kind = review.kind
    asked = f"{kind.plural}/{review.subresource}" if review.subresource else kind.plural
    accepted = {asked, "*/*", f"{kind.plural}/*"} | ({f"*/{review.subresource}"} if review.subresource else {"*"})
    scope = rule.get("scope", "*")
    return (
        ("*" in rule.get("operations", ()) or review.operation in rule.get("operations", ()))
        and ("*" in rule.get("apiGroups", ()) or kind.group in rule.get("apiGroups", ()))
        and ("*" in rule.get("apiVersions", ()) or kind.version in rule.get("apiVersions", ()))
        and not accepted.isdisjoint(rule.get("resources", ()))
        and (scope == "*" or (scope == "Namespaced") == kind.namespaced)
    )


def _denied(name: str, status: Object) -> errors.ApiError:
    detail = status.get("message") or status.get("reason")
    text = f'admission webhook "{name}" denied the request'
    text += f": {detail}" if detail else " without explanation"
    return errors.ApiError(status.get("code") or 400, status.get("reason") or "", text, status.get("details"))
