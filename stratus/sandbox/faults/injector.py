"""Runs faults and fixes against a cluster: installs what they need, waits where a person would, never looks back."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.api import Api, ApiError
from stratus.sandbox.apps.applications import application
from stratus.sandbox.faults.catalogue import CATALOGUE, find
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import Create, Operation, Wait
from stratus.sandbox.objects import spec_of, status_of

RETRY = 0.5  # seconds between two looks of a waiting step
PATIENCE = 120.0  # seconds after which a waiting step is given up


class Run:
    """One fault or fix on its way; `done` when every step has been made, `failed` says why it was given up."""

    def __init__(self, api: Api, steps: Sequence[Operation]) -> None:
        self._api = api
        self._steps = list(steps)
        self._deadline = api.kernel.now() + PATIENCE
        self.failed = ""

    @property
    def done(self) -> bool:
        return not self._steps

    def proceed(self) -> None:
        """Makes the steps that can be made now; a waiting one is looked at again later. Raises ApiError."""
        while self._steps:
            if not self._steps[0].apply(self._api):
                if self._api.kernel.now() >= self._deadline:
                    self.failed = f"gave up: {self._steps[0].describe()}"
                    return
                self._api.kernel.call_later(RETRY, self._retry)
                return
            self._steps.pop(0)
            self._deadline = self._api.kernel.now() + PATIENCE

    def _retry(self) -> None:
        """A later look: nobody is there to raise an error to, so it is kept."""
        try:
            self.proceed()
        except ApiError as error:
            self.failed = str(error)


class Faults:
    """The catalogue, bound to one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self) -> Sequence[Fault]:
        """All faults."""
        return CATALOGUE

    def inject(self, name: str) -> Run:
        """Brings a fault in, after installing its application if that is missing. Raises KeyError: no such fault."""
        fault = find(name)
        steps = [*self._application(fault), *fault.inject]
        return self._start(steps)

    def heal(self, name: str) -> Run:
        """Applies the catalogue's fix. Raises KeyError: no such fault; ApiError when the objects are not there."""
        return self._start(find(name).heal)

    def run(self, steps: Sequence[Operation]) -> Run:
        """Runs other steps, such as a wrong fix."""
        return self._start(steps)

    def _start(self, steps: Sequence[Operation]) -> Run:
        run = Run(self._api, steps)
        run.proceed()
        return run

    def _application(self, fault: Fault) -> Sequence[Operation]:
        if self._api.store.get("namespaces", "", fault.namespace) is not None:
            return ()
        objects: list[Operation] = [Create(obj) for obj in application(fault.application)]
        return [*objects, Wait(lambda api: available(api, fault.namespace), f"{fault.application} is healthy")]


def available(api: Api, namespace: str) -> bool:
    """Whether every Deployment of the namespace has all its replicas available."""
    deployments = api.list("deployments.apps", namespace)
    return all(status_of(d).get("availableReplicas", 0) == spec_of(d).get("replicas", 1) for d in deployments)
