"""Nothing is created in a namespace that is absent or going, and some namespaces never go."""

from __future__ import annotations

from stratus.sandbox.api import errors
from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

_IMMORTAL = ("default", "kube-system", "kube-public")


class NamespaceLifecycle:
    """The NamespaceLifecycle plug-in."""

    def __init__(self, api: Api) -> None:
        self._store = api.store
        self._namespaces = api.registry.stored("namespaces")

    def __call__(self, review: Review) -> None:
        if review.operation != "CREATE" or not review.kind.namespaced:
            return
        namespace = self._store.get("namespaces", "", review.namespace)
        if namespace is None:
            raise errors.not_found(self._namespaces, review.namespace)
        if (namespace.get("status") or {}).get("phase") == "Terminating":
            detail = f"unable to create new content in namespace {review.namespace} because it is being terminated"
            error = errors.forbidden(review.kind, review.name, detail)
            message = f"namespace {review.namespace} is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
            error.details = {**(error.details or {}), "causes": [cause]}
            raise error

    def validate(self, review: Review) -> None:
        """Keep the namespaces that the cluster itself needs."""
        if review.operation == "DELETE" and review.kind.store == "namespaces" and review.name in _IMMORTAL:
            raise errors.forbidden(review.kind, review.name, "this namespace may not be deleted")
