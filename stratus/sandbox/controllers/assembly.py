"""Which controllers run, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stratus.sandbox.api.core import Api
from stratus.sandbox.backend import Usage
from stratus.sandbox.controllers.autoscaler import AutoscalerController
from stratus.sandbox.controllers.base import Controller, Informers
from stratus.sandbox.controllers.cronjob import CronJobController
from stratus.sandbox.controllers.daemonset import DaemonSetController
from stratus.sandbox.controllers.deployment import DeploymentController
from stratus.sandbox.controllers.disruption import DisruptionController
from stratus.sandbox.controllers.endpoints import EndpointsController
from stratus.sandbox.controllers.endpointslice import EndpointSliceController
from stratus.sandbox.controllers.garbage import GarbageCollector
from stratus.sandbox.controllers.job import JobController
from stratus.sandbox.controllers.namespace import NamespaceController, ServiceAccountController
from stratus.sandbox.controllers.nodelifecycle import NodeLifecycleController
from stratus.sandbox.controllers.quota import QuotaController
from stratus.sandbox.controllers.replicaset import ReplicaSetController
from stratus.sandbox.controllers.statefulset import StatefulSetController
from stratus.sandbox.controllers.volumes import ClaimController, VolumeController
from stratus.sandbox.objects import Object

UsageOf = Callable[[Object], Mapping[str, Usage]]


class Controllers:
    """The controller manager. `usage` says what each container of a pod uses now; `root_ca` is the cluster's CA (PEM)."""

    def __init__(self, api: Api, usage: UsageOf, root_ca: str = "") -> None:
        informers = Informers(api.store)
        self._all: list[Controller] = [
            NamespaceController(api, informers),
            ServiceAccountController(api, informers, root_ca),
            DeploymentController(api, informers),
            ReplicaSetController(api, informers),
            StatefulSetController(api, informers),
            DaemonSetController(api, informers),
            JobController(api, informers),
            CronJobController(api, informers),
            EndpointsController(api, informers),
            EndpointSliceController(api, informers),
            AutoscalerController(api, informers, usage),
            DisruptionController(api, informers),
            QuotaController(api, informers),
            ClaimController(api, informers),
            VolumeController(api, informers),
            NodeLifecycleController(api, informers),
            GarbageCollector(api, informers),
        ]

    def start(self) -> None:
        """Subscribes all controllers and queues what exists."""
        for controller in self._all:
            controller.start()
