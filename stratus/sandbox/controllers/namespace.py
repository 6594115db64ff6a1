"""Empties namespaces that are being deleted and then lets them go; gives new ones their default account and root CA."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, Controller, Informers
from stratus.sandbox.objects import Object, is_deleting, name_of, namespace_of, spec_of, status_of, with_condition
from stratus.sandbox.store import Change

FINALIZER = "kubernetes"
ROOT_CA = "kube-root-ca.crt"
REMOVED = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)


class NamespaceController(Controller):
    name = "namespace-controller"
    resource = "namespaces"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._content_changed)

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, "", name)
        if found is None or not is_deleting(found) or FINALIZER not in (spec_of(found).get("finalizers") or ()):
            return
        for resource in list(self.store.resources()):
            for obj in self.store.list(resource, name) if self.store.count(resource, name) else ():
                if not is_deleting(obj):
                    self._delete(resource, obj)
        left = {r: count for r in self.store.resources() if (count := self.store.count(r, name))}
        if left:
            self._show(found, left)
            return
        finalizers = [each for each in spec_of(found)["finalizers"] if each != FINALIZER]
        final = {**found, "spec": {**spec_of(found), "finalizers": finalizers}}
        self.api.update(self.resource, "", name, final, subresource="finalize", manager=MANAGER)

    def _delete(self, resource: str, obj: Object) -> None:
        try:
            self.api.delete(resource, namespace_of(obj), name_of(obj), propagation="Background")
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _show(self, namespace: Object, left: dict[str, int]) -> None:
        conditions: list[Object] = status_of(namespace).get("conditions") or []
        for kind, reason, message in REMOVED:
            conditions = with_condition(conditions, self._condition(kind, "False", reason, message))
        content = ", ".join(
            f"{resource if '.' in resource else resource + '.'} has {n} resource instances"
            for resource, n in left.items()
        )
        message = f"Some resources are remaining: {content}"
        conditions = with_condition(
            conditions, self._condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", message)
        )
        finalizers = self._finalizers(name_of(namespace), left)
        conditions = with_condition(conditions, self._finalizers_condition(finalizers))
        self.api.set_status(self.resource, "", name_of(namespace), {**status_of(namespace), "conditions": conditions})

    def _finalizers(self, namespace: str, left: dict[str, int]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for resource in left:
            for obj in self.store.list(resource, namespace):
                for finalizer in obj["metadata"].get("finalizers") or ():
                    counts[finalizer] = counts.get(finalizer, 0) + 1
        return counts

    def _finalizers_condition(self, counts: dict[str, int]) -> Object:
        kind = "NamespaceFinalizersRemaining"
        if not counts:
            return self._condition(
                kind, "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"
            )
        waiting = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(counts.items()))
        message = f"Some content in the namespace has finalizers remaining: {waiting}"
        return self._condition(kind, "True", "SomeFinalizersRemain", message)

    def _condition(self, kind: str, status: str, reason: str, message: str) -> Object:
        now = self.kernel.timestamp()
        return {"type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message}

    def _content_changed(self, change: Change) -> None:
        namespace = namespace_of(change.object)
        if not namespace or change.type == "MODIFIED":
            return
        found = self.store.get(self.resource, "", namespace)
        if found is not None and is_deleting(found):
            self.enqueue("", namespace)


class ServiceAccountController(Controller):
    """Every namespace has a ServiceAccount "default" and the cluster's root certificate."""

    name = "serviceaccount-controller"
    resource = "namespaces"

    def __init__(self, api: Api, informers: Informers, root_ca: str = "") -> None:
        super().__init__(api, informers)
        self._root_ca = root_ca

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._content_deleted, "serviceaccounts", "configmaps")

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, "", name)
        if found is None or is_deleting(found):
            return
        if self.store.get("serviceaccounts", name, "default") is None:
            account = {"apiVersion": "v1", "kind": "ServiceAccount"}
            self._create("serviceaccounts", {**account, "metadata": {"name": "default", "namespace": name}})
        data = {"ca.crt": self._root_ca}
        current = self.store.get("configmaps", name, ROOT_CA)
        if current is None:
            metadata = {"name": ROOT_CA, "namespace": name}
            self._create("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        elif current.get("data") != data:
            self.api.update("configmaps", name, ROOT_CA, {**current, "data": data}, manager=MANAGER)

    def _create(self, resource: str, obj: Object) -> None:
        self.api.create(resource, namespace_of(obj), obj, manager=MANAGER)

    def _content_deleted(self, change: Change) -> None:
        if name_of(change.object) in ("default", ROOT_CA):
            self.enqueue("", namespace_of(change.object))
