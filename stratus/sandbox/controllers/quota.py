"""Keeps the status of ResourceQuotas: what is used of each limit. (Refusing what exceeds them is admission's work.)"""

from __future__ import annotations

from stratus.sandbox import quota
from stratus.sandbox.controllers.base import Controller
from stratus.sandbox.objects import Object, is_pod_finished, namespace_of, spec_of
from stratus.sandbox.store import Change

PERIOD = 0.2
"""Seconds within which changes of a namespace are counted together."""


class QuotaController(Controller):
    name = "resourcequota-controller"
    resource = "resourcequotas"

    def start(self) -> None:
        super().start()
        self.store.subscribe(self._content_changed)

    def reconcile(self, namespace: str, name: str) -> None:
        found = self.store.get(self.resource, namespace, name)
        if found is None:
            return
        status = {"hard": spec_of(found).get("hard") or {}, "used": quota.used(self.store, found)}
        self.api.set_status(self.resource, namespace, name, status)

    def _content_changed(self, change: Change) -> None:
        namespace = namespace_of(change.object)
        if not namespace or not self.store.count(self.resource, namespace) or change.resource == self.resource:
            return
        before = change.previous
        if change.type == "MODIFIED" and before is not None and _weight(before) == _weight(change.object):
            return
        for found in self.store.list(self.resource, namespace):
            if any(quota.resource_of(name) == change.resource for name in spec_of(found).get("hard") or ()):
                self.enqueue_object(found, PERIOD)


def _weight(obj: Object) -> tuple[object, ...]:
    return spec_of(obj), is_pod_finished(obj)
