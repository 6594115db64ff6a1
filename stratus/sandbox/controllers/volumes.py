"""PersistentVolumes and claims: binding, provisioning by a StorageClass, release and the protection of what is in use.

A volume belongs to one claim by uid: after its claim is gone it stays Released, and a new claim of the same name does
not get it until somebody clears spec.claimRef.
"""

from __future__ import annotations

from stratus.sandbox.controllers.base import MANAGER, Controller
from stratus.sandbox.node.filters import SELECTED_NODE, claims
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    is_deleting,
    is_pod_finished,
    labels_of,
    meta,
    name_of,
    namespace_of,
    selects,
    spec_of,
    status_of,
    uid_of,
)
from stratus.sandbox.quantities import parse
from stratus.sandbox.store import Change

CLAIMS, VOLUMES, CLASSES = "persistentvolumeclaims", "persistentvolumes", "storageclasses.storage.k8s.io"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
LOCAL_PROVISIONER = "stratus.local/dynamic"
"""The provisioner that the embedded cluster runs itself; classes with another one wait for that."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
CLAIM_FINALIZER, VOLUME_FINALIZER = "kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"


def claim_of(volume: Object) -> Object:
    return spec_of(volume).get("claimRef") or {}


class _Binder(Controller):
    name = "persistentvolume-controller"

    def replace(self, resource: str, obj: Object) -> Object:
        """Writes binding results, which clients may not write but the binder may."""
        return self.api.replace_internal(resource, obj)

    def drop_finalizer(self, resource: str, obj: Object, finalizer: str) -> None:
        kept = [each for each in meta(obj).get("finalizers") or () if each != finalizer]
        changed = {**obj, "metadata": {**meta(obj), "finalizers": kept}}
        self.api.update(resource, namespace_of(obj), name_of(obj), changed, manager=MANAGER)


class ClaimController(_Binder):
    """Finds or makes a volume for each claim."""

    resource = CLAIMS

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._volume_changed, VOLUMES, CLASSES)
        self.store.subscribe(self._pod_changed, "pods")

    def reconcile(self, namespace: str, name: str) -> None:
        claim = self.store.get(CLAIMS, namespace, name)
        if claim is None:
            return
        if is_deleting(claim):
            if CLAIM_FINALIZER in (meta(claim).get("finalizers") or ()) and not self._is_used(claim):
                self.drop_finalizer(CLAIMS, claim, CLAIM_FINALIZER)
        elif spec_of(claim).get("volumeName"):
            self._check_bound(claim)
        else:
            self._find(claim)

    def _is_used(self, claim: Object) -> bool:
        pods = self.store.list("pods", namespace_of(claim))
        return any(name_of(claim) in claims(pod) and not is_pod_finished(pod) for pod in pods)

    def _check_bound(self, claim: Object) -> None:
        volume = self.store.get(VOLUMES, "", spec_of(claim)["volumeName"])
        if volume is None:
            if BIND_COMPLETED in annotations_of(claim) and status_of(claim).get("phase") != "Lost":
                self.api.set_status(CLAIMS, namespace_of(claim), name_of(claim), {"phase": "Lost"})
                message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
                self.event(claim, "Warning", "ClaimLost", message)
            return
        owner = claim_of(volume)
        if not owner or self._is_reserved(volume, claim):
            self._bind(claim, volume)
        elif owner.get("uid") == uid_of(claim):
            self._bind(claim, volume)
        elif BIND_COMPLETED in annotations_of(claim) and status_of(claim).get("phase") != "Lost":
            self.api.set_status(CLAIMS, namespace_of(claim), name_of(claim), {"phase": "Lost"})
            message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
            self.event(claim, "Warning", "ClaimMisbound", message)

    @staticmethod
    def _is_reserved(volume: Object, claim: Object) -> bool:
        """A claimRef written by hand, without a uid, keeps a volume for the claim of that name."""
        owner = claim_of(volume)
        same = owner.get("name") == name_of(claim) and owner.get("namespace") == namespace_of(claim)
        return same and not owner.get("uid")

    def _find(self, claim: Object) -> None:
        owned = [v for v in self.store.list(VOLUMES) if claim_of(v).get("uid") == uid_of(claim)]
        fitting = owned or [volume for volume in self.store.list(VOLUMES) if self._fits(volume, claim)]
        if fitting:
            best = min(fitting, key=lambda v: (not claim_of(v), parse(spec_of(v)["capacity"]["storage"]), name_of(v)))
            return self._bind(claim, best)
        self._provision(claim)

    def _fits(self, volume: Object, claim: Object) -> bool:
        spec, wanted = spec_of(volume), spec_of(claim)
        if is_deleting(volume) or (claim_of(volume) and not self._is_reserved(volume, claim)):
            return False
        size = (wanted.get("resources") or {}).get("requests", {}).get("storage", "0")
        return (
            (spec.get("storageClassName") or "") == (wanted.get("storageClassName") or "")
            and set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ())
            and spec.get("volumeMode", "Filesystem") == wanted.get("volumeMode", "Filesystem")
            and parse(spec["capacity"]["storage"]) >= parse(size)
            and ("selector" not in wanted or selects(wanted["selector"], labels_of(volume)))
        )

    def _provision(self, claim: Object) -> None:
        name = spec_of(claim).get("storageClassName") or ""
        if not name:
            message = "no persistent volumes available for this claim and no storage class is set"
            return self.event(claim, "Normal", "FailedBinding", message)
        storage_class = self.store.get(CLASSES, "", name)
        if storage_class is None:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            return self.event(claim, "Warning", "ProvisioningFailed", message)
        late = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
        if late and SELECTED_NODE not in annotations_of(claim):
            message = "waiting for first consumer to be created before binding"
            return self.event(claim, "Normal", "WaitForFirstConsumer", message)
        provisioner = storage_class["provisioner"]
        if provisioner == LOCAL_PROVISIONER:
            return self._make(claim, storage_class)
        if provisioner != NO_PROVISIONER:
            message = (
                f'waiting for a volume to be created, either by external provisioner "{provisioner}" or manually '
                "created by system administrator"
            )
            self.event(claim, "Normal", "ExternalProvisioning", message)

    def _make(self, claim: Object, storage_class: Object) -> None:
        spec, name = spec_of(claim), f"pvc-{uid_of(claim)}"
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {PROVISIONED_BY: LOCAL_PROVISIONER}},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "volumeMode": spec.get("volumeMode", "Filesystem"),
                "storageClassName": name_of(storage_class),
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "hostPath": {"path": f"/var/local/volumes/{name}", "type": "DirectoryOrCreate"},
                "claimRef": _reference(claim),
            },
        }
        made = self.api.create(VOLUMES, "", volume, manager=MANAGER)
        message = f"Successfully provisioned volume {name}"
        self.event(claim, "Normal", "ProvisioningSucceeded", message)
        annotations = {**annotations_of(claim), PROVISIONER: LOCAL_PROVISIONER}
        self._bind({**claim, "metadata": {**meta(claim), "annotations": annotations}}, made)

    def _bind(self, claim: Object, volume: Object) -> None:
        """Both sides name each other, and both are Bound."""
        if claim_of(volume).get("uid") != uid_of(claim) or status_of(volume).get("phase") != "Bound":
            annotations = dict(annotations_of(volume))
            if not claim_of(volume):
                annotations[BY_CONTROLLER] = "yes"
            metadata = {**meta(volume), **({"annotations": annotations} if annotations else {})}
            spec = {**spec_of(volume), "claimRef": _reference(claim)}
            volume = self.replace(VOLUMES, {**volume, "metadata": metadata, "spec": spec, "status": {"phase": "Bound"}})
        status = {
            "phase": "Bound",
            "accessModes": spec_of(volume)["accessModes"],
            "capacity": {"storage": spec_of(volume)["capacity"]["storage"]},
        }
        annotations = {**annotations_of(claim), BIND_COMPLETED: "yes"}
        if not spec_of(claim).get("volumeName"):
            annotations[BY_CONTROLLER] = "yes"
        new = {
            **claim,
            "metadata": {**meta(claim), "annotations": annotations},
            "spec": {**spec_of(claim), "volumeName": name_of(volume)},
            "status": {**status_of(claim), **status},
        }
        if new != self.store.get(CLAIMS, namespace_of(claim), name_of(claim)):
            self.replace(CLAIMS, new)

    def _volume_changed(self, change: Change) -> None:
        owner = claim_of(change.object)
        if owner:
            self.enqueue(owner.get("namespace", ""), owner.get("name", ""))
        for claim in self.store.list(CLAIMS):
            volume = spec_of(claim).get("volumeName")
            if volume == name_of(change.object) or status_of(claim).get("phase") != "Bound":
                self.enqueue_object(claim)

    def _pod_changed(self, change: Change) -> None:
        """A claim in deletion goes when its last pod has gone."""
        if change.type == "DELETED" or is_pod_finished(change.object):
            for name in claims(change.object):
                self.enqueue(namespace_of(change.object), name)


class VolumeController(_Binder):
    """Phases and reclaiming of volumes."""

    resource = VOLUMES

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._claim_changed, CLAIMS)

    def reconcile(self, namespace: str, name: str) -> None:
        volume = self.store.get(VOLUMES, "", name)
        if volume is None:
            return
        owner = claim_of(volume)
        claim = self.store.get(CLAIMS, owner.get("namespace", ""), owner.get("name", "")) if owner else None
        phase = "Available"
        if owner.get("uid"):
            phase = "Bound" if claim is not None and uid_of(claim) == owner["uid"] else "Released"
        if is_deleting(volume):
            if phase != "Bound" and VOLUME_FINALIZER in (meta(volume).get("finalizers") or ()):
                self.drop_finalizer(VOLUMES, volume, VOLUME_FINALIZER)
            return
        if status_of(volume).get("phase") != phase:
            self.api.set_status(VOLUMES, "", name, {"phase": phase})
        if phase == "Released" and spec_of(volume).get("persistentVolumeReclaimPolicy") == "Delete":
            self._reclaim(volume)

    def _reclaim(self, volume: Object) -> None:
        if annotations_of(volume).get(PROVISIONED_BY) == LOCAL_PROVISIONER:
            self.api.delete(VOLUMES, "", name_of(volume))
            return
        message = "error getting deleter volume plugin for volume: no deletable volume plugin matched"
        if status_of(volume).get("phase") != "Failed":
            self.api.set_status(VOLUMES, "", name_of(volume), {"phase": "Failed", "message": message})
            self.event(volume, "Warning", "VolumeFailedDelete", message)

    def _claim_changed(self, change: Change) -> None:
        for obj in (change.object, change.previous):
            name = spec_of(obj).get("volumeName") if obj else None
            if name:
                self.enqueue("", name)


def _reference(claim: Object) -> Object:
    return {
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "apiVersion": "v1",
        "resourceVersion": meta(claim).get("resourceVersion", ""),
    }
