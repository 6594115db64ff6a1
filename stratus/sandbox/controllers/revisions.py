"""ControllerRevisions: the templates that a StatefulSet or DaemonSet has had, so that it can be rolled back."""

from __future__ import annotations

from stratus.sandbox.api.core import Api
from stratus.sandbox.controllers.base import MANAGER, Informers
from stratus.sandbox.controllers.rollout import template_hash
from stratus.sandbox.objects import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
)

RESOURCE = "controllerrevisions.apps"
HASH_LABEL = "controller-revision-hash"
"""On pods: which revision they are made from."""
OWN_LABEL = {"StatefulSet": "controller.kubernetes.io/hash", "DaemonSet": HASH_LABEL}
"""On the revision itself, by its owner's kind."""


class Revisions:
    """The history of one owner."""

    def __init__(self, api: Api, informers: Informers, owner: Object) -> None:
        self._api = api
        self._informers = informers
        self._owner = owner

    def update(self) -> Object:
        """The revision of the present template; an old equal one is used again, under the next number."""
        data = {"spec": {"template": {**spec_of(self._owner)["template"], "$patch": "replace"}}}
        history = self._history()
        last = max((each["revision"] for each in history), default=0)
        for each in reversed(history):
            if each["data"] == data:
                if each["revision"] == last:
                    return each
                changed = {**each, "revision": last + 1}
                return self._api.update(RESOURCE, namespace_of(each), name_of(each), changed, manager=MANAGER)
        return self._create(data, last + 1)

    def current(self) -> Object:
        """The revision that the owner has finished rolling out; the present one when there is none yet."""
        wanted = status_of(self._owner).get("currentRevision")
        return next((each for each in self._history() if name_of(each) == wanted), None) or self.update()

    def trim(self) -> None:
        """Deletes the oldest revisions beyond revisionHistoryLimit that no pod uses."""
        used = {labels_of(pod).get(HASH_LABEL) for pod in self._informers.children("pods", self._owner)}
        idle = [each for each in self._history()[:-1] if not used & {name_of(each), self.digest(each)}]
        surplus = len(idle) - spec_of(self._owner).get("revisionHistoryLimit", 10)
        for each in idle[: max(0, surplus)]:
            self._api.delete(RESOURCE, namespace_of(each), name_of(each))

    def digest(self, revision: Object) -> str:
        """The hash in a revision's name."""
        return labels_of(revision).get(OWN_LABEL[self._owner["kind"]], "")

    def _history(self) -> list[Object]:
        return sorted(self._informers.children(RESOURCE, self._owner), key=lambda each: int(each["revision"]))

    def _create(self, data: Object, number: int) -> Object:
        digest = template_hash(spec_of(self._owner)["template"])
        labels = {**labels_of(spec_of(self._owner)["template"]), OWN_LABEL[self._owner["kind"]]: digest}
        metadata: Object = {"name": f"{name_of(self._owner)}-{digest}", "namespace": namespace_of(self._owner)}
        metadata |= {"labels": labels, "ownerReferences": [owner_reference(self._owner)]}
        kept = {k: v for k, v in annotations_of(self._owner).items() if k == "deprecated.daemonset.template.generation"}
        if kept:
            metadata["annotations"] = kept
        revision = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
        new = {**revision, "data": data, "revision": number}
        return self._api.create(RESOURCE, namespace_of(self._owner), new, manager=MANAGER)
