"""An embedded cluster for an engine: an application that was healthy, a fault in it, and the eyes that watch it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from stratus.cli.assembly import cancel
from stratus.cli.settings import Settings

if TYPE_CHECKING:
    from stratus.sandbox.cluster import EmbeddedCluster
    from stratus.sandbox.faults import Fault

PROMETHEUS, ALERTMANAGER = "/prometheus", "/alertmanager"
"""Where the embedded API server serves the cluster's monitoring."""
PAST = 60.0
"""Seconds that the cluster has lived before anybody looks: monitoring that has just started cannot be believed."""
ALERT_WAIT = 15.0
"""Seconds for which the demonstration waits for alerts: the rules about requests are quicker, the others come later."""
SYSTEM_NAMESPACE = "kube-system"
"""Belongs to whoever runs the whole cluster, as here: its DNS may be what is broken."""
HEALTHY_POLL = 0.05
REQUESTS = 5
SERVER_ERROR = 500


@asynccontextmanager
async def embedded_cluster(application: str = "hotel", seed: int = 0) -> AsyncIterator[EmbeddedCluster]:
    """An embedded cluster on real time with an application that has been healthy for a while."""
    from stratus.sandbox.cluster import EmbeddedCluster

    cluster = EmbeddedCluster(seed=seed, applications=(application,), past=PAST)
    cluster.start()
    life = asyncio.create_task(cluster.kernel.run())
    try:
        while not cluster.healthy():  # noqa: ASYNC110 -- the cluster lives in its own task and sets no event
            await asyncio.sleep(HEALTHY_POLL)
        yield cluster
    finally:
        await cancel(life)


def watching(settings: Settings, application: str, namespace: str) -> Settings:
    """The settings with the eyes that whoever runs the application has, as far as none were given."""
    from stratus.sandbox.apps.applications import ENTRANCES

    return settings.model_copy(
        update={
            "namespaces": settings.namespaces or (namespace, SYSTEM_NAMESPACE),
            "probes": settings.probes or (ENTRANCES[application],),
            "prometheus": settings.prometheus or PROMETHEUS,
            "alertmanager": settings.alertmanager or ALERTMANAGER,
            "alert_wait": min(settings.alert_wait, ALERT_WAIT),
        }
    )


def noticed(cluster: EmbeddedCluster, fault: Fault) -> bool:
    """Whether somebody would notice by now: workloads are down, users get errors, or an alert fires."""
    if not cluster.healthy(fault.namespace):
        return True
    if any(alert.firing_at and _concerns(alert.labels, fault) for alert in cluster.monitoring.alerts.active()):
        return True
    from stratus.sandbox.apps.applications import ENTRANCES

    path = service_path(ENTRANCES[fault.application])
    return any(cluster.request("GET", path).status >= SERVER_ERROR for _ in range(REQUESTS))


def _concerns(labels: dict[str, str], fault: Fault) -> bool:
    return labels.get("namespace", fault.namespace) == fault.namespace


def service_path(probe: str) -> str:
    """``svc:NS/NAME:PORT/PATH`` as a path of the API server's service proxy."""
    namespace, _, rest = probe.removeprefix("svc:").partition("/")
    service, _, path = rest.partition("/")
    return f"/api/v1/namespaces/{namespace}/services/{service}/proxy/{path}"
