"""Rolls Deployments out: one ReplicaSet per pod template, scaled within maxSurge and maxUnavailable.

The steps and their order are those of k8s.io/kubernetes/pkg/controller/deployment, because clients wait for exactly
the conditions, revisions and events that come out of them.
"""

from __future__ import annotations

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers import rollout
from stratus.sandbox.controllers.base import MANAGER, PodOwner
from stratus.sandbox.controllers.deployment_status import StatusMixin
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    controller_of,
    is_deleting,
    is_pod_finished,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    status_of,
    uid_of,
)
from stratus.sandbox.store import Change

REPLICA_SETS = "replicasets.apps"


class DeploymentController(StatusMixin, PodOwner):
    name = "deployment-controller"
    resource = "deployments.apps"
    children_resource = REPLICA_SETS

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._pod_changed, "pods")

    def essence(self, child: Object) -> tuple[object, ...]:
        return child["metadata"], child["spec"], status_of(child)

    def reconcile(self, namespace: str, name: str) -> None:
        deployment = self.store.get(self.resource, namespace, name)
        if deployment is None:
            return
        sets = self.claim(deployment)
        if is_deleting(deployment):
            self.sync_status(deployment, sets, self._find_new(deployment, sets))
            return
        deployment = self.check_paused(deployment)
        if deployment["spec"].get("paused") or self._is_scaling(deployment, sets):
            self._scale_only(deployment, sets)
        elif rollout.is_rolling(deployment):
            self._roll(deployment, sets)
        else:
            self._recreate(deployment, sets)

    def _pod_changed(self, change: Change) -> None:
        """Recreate waits for old pods to be gone, which no ReplicaSet status tells."""
        if change.type == "ADDED" or (change.type == "MODIFIED" and not is_pod_finished(change.object)):
            return
        owner = controller_of(change.object)
        if owner is None or owner["kind"] != "ReplicaSet":
            return
        replica_set = self.store.get(REPLICA_SETS, namespace_of(change.object), owner["name"])
        grand = controller_of(replica_set) if replica_set else None
        if grand and self.owns(grand):
            self.enqueue(namespace_of(change.object), grand["name"])

    # Finding and making the new ReplicaSet

    def _find_new(self, deployment: Object, sets: list[Object]) -> Object | None:
        template = deployment["spec"]["template"]
        for candidate in sorted(sets, key=rollout.age):
            if rollout.same_template(candidate["spec"]["template"], template):
                return candidate
        return None

    def _split(
        self, deployment: Object, sets: list[Object], *, create: bool
    ) -> tuple[Object, Object | None, list[Object]]:
        """The Deployment with its revision, the new ReplicaSet, and the old ones."""
        new = self._find_new(deployment, sets)
        old = [each for each in sets if new is None or uid_of(each) != uid_of(new)]
        number = max(map(rollout.revision, old), default=0) + 1
        if new is not None:
            new = self._sync_existing(deployment, new, number)
            deployment = self.set_revision(
                deployment, new, "FoundNewReplicaSet", f'Found new replica set "{name_of(new)}"'
            )
        elif create:
            new = self._create_new(deployment, old, number)
            if new is not None:
                message = f'Created new replica set "{name_of(new)}"'
                deployment = self.set_revision(deployment, new, "NewReplicaSetCreated", message, always=True)
        return deployment, new, old

    def _sync_existing(self, deployment: Object, replica_set: Object, number: int) -> Object:
        changed = rollout.annotated(replica_set, deployment, number, new=False)
        minimum = deployment["spec"].get("minReadySeconds", 0)
        if replica_set["spec"].get("minReadySeconds", 0) != minimum:
            changed = {**changed, "spec": {**changed["spec"], "minReadySeconds": minimum}}
        return replica_set if changed is replica_set else self._update_set(changed)

    def _create_new(self, deployment: Object, old: list[Object], number: int) -> Object | None:
        replica_set = self._new_set(deployment, old, number)
        try:
            created = self.api.create(REPLICA_SETS, namespace_of(deployment), replica_set, manager=MANAGER)
        except ApiError as error:
            if error.code == 409 and error.reason == "AlreadyExists":
                self.count_collision(deployment)
            else:
                self.creation_failed(deployment, name_of(replica_set), error)
            raise
        size = rollout.replicas(created)
        if size:
            self._announce(deployment, created, "up", size)
        return created

    def _new_set(self, deployment: Object, old: list[Object], number: int) -> Object:
        spec, template = deployment["spec"], deployment["spec"]["template"]
        digest = rollout.template_hash(template, status_of(deployment).get("collisionCount", 0))
        labels = {**labels_of(template), rollout.HASH_LABEL: digest}
        selector = spec["selector"]
        match = {**(selector.get("matchLabels") or {}), rollout.HASH_LABEL: digest}
        replica_set: Object = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{name_of(deployment)}-{digest}",
                "namespace": namespace_of(deployment),
                "labels": labels,
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": rollout.new_size(deployment, old, 0),
                "selector": {**selector, "matchLabels": match},
                "template": {**template, "metadata": {**meta(template), "labels": labels}},
            },
        }
        if spec.get("minReadySeconds"):
            replica_set["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        return rollout.annotated(replica_set, deployment, number, new=True)

    # Scaling

    def _is_scaling(self, deployment: Object, sets: list[Object]) -> bool:
        wanted = str(rollout.replicas(deployment))
        return any(annotations_of(each).get(rollout.DESIRED, wanted) != wanted for each in rollout.active(sets))

    def _scale_only(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = self._split(deployment, sets, create=False)
        self._scale_all(deployment, new, old)
        if deployment["spec"].get("paused"):
            self._clean_up(deployment, old)
        self.sync_status(deployment, *self._reread(deployment, new))

    def _scale_all(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        single = rollout.active_or_latest(new, old)
        if single is not None:
            if rollout.replicas(single) != rollout.replicas(deployment):
                self._scale(deployment, single, rollout.replicas(deployment))
            return
        if rollout.is_saturated(deployment, new):
            for each in rollout.active(old):
                self._scale(deployment, each, 0)
        elif rollout.is_rolling(deployment):
            self._scale_in_proportion(deployment, rollout.active([*old, *([new] if new else [])]))

    def _scale_in_proportion(self, deployment: Object, sets: list[Object]) -> None:
        wanted = rollout.replicas(deployment)
        allowed = wanted + rollout.max_surge(deployment) if wanted else 0
        to_add = allowed - sum(map(rollout.replicas, sets))
        by_age = sorted(sets, key=rollout.age, reverse=to_add > 0)
        ordered = sorted(by_age, key=rollout.replicas, reverse=True)
        shares, added = [], 0
        for each in ordered:
            share = rollout.proportion(each, deployment, to_add, added)
            shares.append(share)
            added += share
        if shares:
            shares[0] += to_add - added
        for each, share in zip(ordered, shares, strict=True):
            self._scale(deployment, each, max(0, rollout.replicas(each) + share))

    def _scale(self, deployment: Object, replica_set: Object, size: int) -> None:
        before = rollout.replicas(replica_set)
        annotations = {**annotations_of(replica_set), **rollout.size_annotations(deployment)}
        if size == before and annotations == annotations_of(replica_set):
            return
        changed = rollout.with_annotations(replica_set, annotations)
        self._update_set({**changed, "spec": {**changed["spec"], "replicas": size}})
        if size != before:
            self._announce(deployment, replica_set, "up" if size > before else "down", size)

    def _announce(self, deployment: Object, replica_set: Object, direction: str, size: int) -> None:
        message = f"Scaled {direction} replica set {name_of(replica_set)} to {size}"
        self.event(deployment, "Normal", "ScalingReplicaSet", message)

    def _update_set(self, replica_set: Object) -> Object:
        return self.api.update(
            REPLICA_SETS, namespace_of(replica_set), name_of(replica_set), replica_set, manager=MANAGER
        )

    # Strategies

    def _roll(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = self._split(deployment, sets, create=True)
        if new is not None and not self._grow_new(deployment, new, old) and not self._shrink_old(deployment, new, old):
            if rollout.is_complete(deployment, status_of(deployment)):
                self._clean_up(deployment, old)
        self.sync_rollout_status(deployment, *self._reread(deployment, new))

    def _grow_new(self, deployment: Object, new: Object, old: list[Object]) -> bool:
        current, wanted = rollout.replicas(new), rollout.replicas(deployment)
        size = wanted if current > wanted else rollout.new_size(deployment, [*old, new], current)
        if size != current:
            self._scale(deployment, new, size)
        return size != current

    def _shrink_old(self, deployment: Object, new: Object, old: list[Object]) -> bool:
        old_pods = sum(map(rollout.replicas, old))
        minimum = rollout.replicas(deployment) - rollout.max_unavailable(deployment)
        missing = rollout.replicas(new) - rollout.available(new)
        room = old_pods + rollout.replicas(new) - minimum - missing
        if not old_pods or room <= 0:
            return False
        sizes = {uid_of(each): rollout.replicas(each) for each in old}
        removed = self._plan_unhealthy(old, sizes, room)
        spare = rollout.available(new) + sum(map(rollout.available, old)) - minimum
        for each in sorted(old, key=rollout.age):
            count = min(sizes[uid_of(each)], spare)
            if count > 0:
                sizes[uid_of(each)] -= count
                spare -= count
                removed += count
        for each in sorted(old, key=rollout.age):
            if sizes[uid_of(each)] != rollout.replicas(each):
                self._scale(deployment, each, sizes[uid_of(each)])
        return removed > 0

    @staticmethod
    def _plan_unhealthy(old: list[Object], sizes: dict[str, int], room: int) -> int:
        """Takes pods that are not available first: they serve nobody, and would block the rollout for ever."""
        removed = 0
        for each in sorted(old, key=rollout.age):
            count = min(room - removed, sizes[uid_of(each)] - rollout.available(each))
            if count > 0:
                sizes[uid_of(each)] -= count
                removed += count
        return removed

    def _recreate(self, deployment: Object, sets: list[Object]) -> None:
        deployment, new, old = self._split(deployment, sets, create=False)
        running = rollout.active(old)
        for each in running:
            self._scale(deployment, each, 0)
        if not running and not self._pods_left(old):
            if new is None:
                deployment, new, old = self._split(deployment, sets, create=True)
            if new is not None:
                self._scale(deployment, new, rollout.replicas(deployment))
            if rollout.is_complete(deployment, status_of(deployment)):
                self._clean_up(deployment, old)
        self.sync_rollout_status(deployment, *self._reread(deployment, new))

    def _pods_left(self, old: list[Object]) -> bool:
        return any(not is_pod_finished(pod) for each in old for pod in self.informers.children("pods", each))

    def _clean_up(self, deployment: Object, old: list[Object]) -> None:
        """Deletes the oldest revisions beyond revisionHistoryLimit."""
        kept = [each for each in old if not is_deleting(each)]
        surplus = len(kept) - deployment["spec"].get("revisionHistoryLimit", 10)
        for each in sorted(kept, key=rollout.revision)[: max(0, surplus)]:
            status = status_of(each)
            idle = not status.get("replicas") and not rollout.replicas(each)
            if idle and meta(each)["generation"] <= status.get("observedGeneration", 0):
                self.api.delete(REPLICA_SETS, namespace_of(each), name_of(each))

    def _reread(self, deployment: Object, new: Object | None) -> tuple[list[Object], Object | None]:
        sets = self.informers.children(REPLICA_SETS, deployment)
        fresh = [each for each in sets if new is not None and uid_of(each) == uid_of(new)]
        return sets, fresh[0] if fresh else None
