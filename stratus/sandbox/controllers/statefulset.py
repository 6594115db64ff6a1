"""StatefulSets: numbered pods with their own claims, made and replaced in order, one revision per template.

As in Kubernetes, OrderedReady waits for each pod before it touches the next one; so a set that is stuck on a broken pod
stays stuck after its template is reverted, until that pod is deleted.
"""

from __future__ import annotations

import re

from stratus.sandbox.api.errors import ApiError
from stratus.sandbox.controllers.base import MANAGER, PodOwner
from stratus.sandbox.controllers.replicas import pod_from_template
from stratus.sandbox.controllers.revisions import Revisions
from stratus.sandbox.objects import (
    Object,
    available_in,
    is_deleting,
    is_pod_finished,
    is_pod_ready,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
)

REVISION_LABEL = "controller-revision-hash"
NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
ORDINAL = re.compile(r"-(\d+)$")


def ordinal(pod: Object) -> int:
    match = ORDINAL.search(name_of(pod))
    return int(match[1]) if match else -1


def _healthy(pod: Object) -> bool:
    return is_pod_ready(pod) and not is_deleting(pod)


class StatefulSetController(PodOwner):
    name = "statefulset-controller"
    resource = "statefulsets.apps"

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, namespace, name)
        if found is None:
            return
        pods = {ordinal(pod): pod for pod in self.claim(found) if name_of(pod) == f"{name}-{ordinal(pod)}"}
        revisions = Revisions(self.api, self.informers, found)
        current, update = revisions.current(), revisions.update()
        if not is_deleting(found):
            self._step(found, pods, current, update)
        self._update_status(found, current, update, revisions)

    def _step(self, found: Object, pods: dict[int, Object], current: Object, update: Object) -> None:
        """Creates, removes or replaces pods, as far as the policy allows now."""
        start = (spec_of(found).get("ordinals") or {}).get("start", 0)
        wanted = range(start, start + spec_of(found).get("replicas", 1))
        one_by_one = spec_of(found).get("podManagementPolicy", "OrderedReady") == "OrderedReady"
        for number in wanted:
            pod = pods.get(number)
            if pod is not None and is_pod_finished(pod) and not is_deleting(pod):
                which = f"{str(status_of(pod).get('phase')).lower()} Pod {name_of(pod)}"
                message = f"StatefulSet {namespace_of(found)}/{name_of(found)} is recreating {which}"
                self.event(found, "Warning", "RecreatingFailedPod", message)
                self._delete(found, pod)
                return
            if pod is None:
                self._create(found, number, self._revision_for(found, number, current, update))
                if one_by_one:
                    return
            elif one_by_one and not self._is_available(found, pod):
                return
        condemned = [pods[number] for number in sorted(pods, reverse=True) if number not in wanted]
        if condemned:
            self._condemn(found, condemned, one_by_one)
        else:
            self._replace(found, {number: pods[number] for number in wanted if number in pods}, update)

    def _condemn(self, found: Object, condemned: list[Object], one_by_one: bool) -> None:
        """Scales down from the highest number; in order, each waits for the one before to be gone."""
        for pod in condemned:
            if not is_deleting(pod):
                self._delete(found, pod)
            if one_by_one:
                return

    def _replace(self, found: Object, pods: dict[int, Object], update: Object) -> None:
        """RollingUpdate: from the highest number down to the partition, one unhealthy pod at a time."""
        strategy = spec_of(found).get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        for number in sorted(pods, reverse=True):
            if number < partition:
                return
            pod = pods[number]
            if labels_of(pod).get(REVISION_LABEL) != name_of(update) and not is_deleting(pod):
                self._delete(found, pod)
                return
            if not _healthy(pod) or not self._is_available(found, pod):
                return

    def _revision_for(self, found: Object, number: int, current: Object, update: Object) -> Object:
        strategy = spec_of(found).get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") == "OnDelete":
            return update
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        return current if number < partition else update

    def _is_available(self, found: Object, pod: Object) -> bool:
        if is_deleting(pod):
            return False
        left = available_in(pod, spec_of(found).get("minReadySeconds", 0), self.kernel.now())
        if left:
            self.enqueue_object(found, left)
        return left == 0

    def _create(self, found: Object, number: int, revision: Object) -> None:
        name = f"{name_of(found)}-{number}"
        try:
            self._create_claims(found, name)
            self.api.create("pods", namespace_of(found), self._pod(found, name, number, revision), manager=MANAGER)
        except ApiError as error:
            message = f"create Pod {name} in StatefulSet {name_of(found)} failed error: {error.message}"
            self.event(found, "Warning", "FailedCreate", message)
            raise
        message = f"create Pod {name} in StatefulSet {name_of(found)} successful"
        self.event(found, "Normal", "SuccessfulCreate", message)

    def _pod(self, found: Object, name: str, number: int, revision: Object) -> Object:
        template = revision["data"]["spec"]["template"]
        pod = pod_from_template(found, template)
        labels = {**labels_of(pod), NAME_LABEL: name, REVISION_LABEL: name_of(revision), INDEX_LABEL: str(number)}
        claims = [each["metadata"]["name"] for each in spec_of(found).get("volumeClaimTemplates") or ()]
        volumes = [each for each in pod["spec"].get("volumes") or () if each["name"] not in claims]
        volumes += [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims]
        spec = {**pod["spec"], "hostname": name}
        if spec_of(found).get("serviceName"):
            spec["subdomain"] = spec_of(found)["serviceName"]
        if volumes:
            spec["volumes"] = volumes
        return {
            **pod,
            "metadata": {**pod["metadata"], "name": name, "generateName": f"{name_of(found)}-", "labels": labels},
            "spec": spec,
        }

    def _create_claims(self, found: Object, pod: str) -> None:
        for template in spec_of(found).get("volumeClaimTemplates") or ():
            name = f"{template['metadata']['name']}-{pod}"
            if self.store.get("persistentvolumeclaims", namespace_of(found), name) is not None:
                continue
            labels = {**labels_of(template), **(spec_of(found)["selector"].get("matchLabels") or {})}
            metadata: Object = {"name": name, "namespace": namespace_of(found), "labels": labels}
            policy = spec_of(found).get("persistentVolumeClaimRetentionPolicy") or {}
            if policy.get("whenDeleted") == "Delete":
                metadata["ownerReferences"] = [owner_reference(found)]
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
            claim["spec"] = spec_of(template)
            self.api.create("persistentvolumeclaims", namespace_of(found), claim, manager=MANAGER)
            message = f"create Claim {name} Pod {pod} in StatefulSet {name_of(found)} success"
            self.event(found, "Normal", "SuccessfulCreate", message)

    def _delete(self, found: Object, pod: Object) -> None:
        self.api.delete("pods", namespace_of(pod), name_of(pod))
        message = f"delete Pod {name_of(pod)} in StatefulSet {name_of(found)} successful"
        self.event(found, "Normal", "SuccessfulDelete", message)

    def _update_status(self, found: Object, current: Object, update: Object, revisions: Revisions) -> None:
        pods = [pod for pod in self.informers.children("pods", found) if ordinal(pod) >= 0]
        ready = [pod for pod in pods if is_pod_ready(pod) and not is_deleting(pod)]
        minimum = spec_of(found).get("minReadySeconds", 0)
        available = [pod for pod in ready if available_in(pod, minimum, self.kernel.now()) == 0]
        updated = [
            pod for pod in pods if labels_of(pod).get(REVISION_LABEL) == name_of(update) and not is_deleting(pod)
        ]
        old = [pod for pod in pods if labels_of(pod).get(REVISION_LABEL) == name_of(current) and not is_deleting(pod)]
        wanted = spec_of(found).get("replicas", 1)
        if len(updated) == wanted == len(pods) == len([pod for pod in updated if is_pod_ready(pod)]):
            current, old = update, updated
            revisions.trim()
        status: Object = {"replicas": len(pods)}
        counts = {
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
            "currentReplicas": len(old),
            "updatedReplicas": len(updated),
        }
        status |= {field: count for field, count in counts.items() if count or field == "availableReplicas"}
        status |= {"currentRevision": name_of(current), "updateRevision": name_of(update)}
        status |= {"observedGeneration": meta(found)["generation"], "collisionCount": 0}
        self.api.set_status(self.resource, namespace_of(found), name_of(found), status)
