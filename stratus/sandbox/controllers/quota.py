"""Keeps the status of ResourceQuotas: what is used of each limit. (Refusing what exceeds them is admission's work.)"""

from __future__ import annotations

from fractions import Fraction

from stratus.sandbox import quantities
from stratus.sandbox.api.plugins.quota import in_scope, resources_of, usage
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
        status = {"hard": spec_of(found).get("hard") or {}, "used": self._used(found)}
        self.api.set_status(self.resource, namespace, name, status)

    def _content_changed(self, change: Change) -> None:
        namespace = namespace_of(change.object)
        if not namespace or not self.store.count(self.resource, namespace) or change.resource == self.resource:
            return
        before = change.previous
        if change.type == "MODIFIED" and before is not None and _weight(before) == _weight(change.object):
            return
        for found in self.store.list(self.resource, namespace):
            if resources_of(spec_of(found).get("hard") or {}, [change.resource]):
                self.enqueue_object(found, PERIOD)

    def _used(self, found: Object) -> dict[str, str]:
        """The present usage of each name in spec.hard, in the suffix family of the limit."""
        hard = spec_of(found).get("hard") or {}
        totals = {name: Fraction(0) for name in hard}
        for resource in resources_of(hard, self.store.resources()):
            for obj in self.store.list(resource, namespace_of(found)):
                for name, amount in usage(resource, obj).items() if in_scope(found, resource, obj) else ():
                    if name in totals:
                        totals[name] += amount
        return {name: quantities.text(total, quantities.family(hard[name])) for name, total in totals.items()}


def _weight(obj: Object) -> tuple[object, ...]:
    return spec_of(obj), is_pod_finished(obj)
