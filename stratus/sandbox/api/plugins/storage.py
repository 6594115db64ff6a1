"""A claim that names no storage class gets the default one, if there is one."""

from __future__ import annotations

from stratus.sandbox.api.admission import Review
from stratus.sandbox.api.core import Api

_DEFAULT = "storageclass.kubernetes.io/is-default-class"


class DefaultStorageClass:
    """The DefaultStorageClass plug-in."""

    def __init__(self, api: Api) -> None:
        self._store = api.store

    def __call__(self, review: Review) -> None:
        if review.operation != "CREATE" or review.kind.store != "persistentvolumeclaims":
            return
        spec = review.object["spec"]
        if "storageClassName" in spec:
            return
        for each in self._store.list("storageclasses.storage.k8s.io"):
            if (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true":
                spec["storageClassName"] = each["metadata"]["name"]
                return
