"""What an engine on the embedded cluster is given, and when somebody would notice a fault."""

from __future__ import annotations

import pytest

from stratus.cli.assembly import oracle_settings
from stratus.cli.embedded import noticed, watching
from stratus.cli.settings import Settings
from stratus.sandbox.apps.applications import ENTRANCES, names
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.faults import find


def test_every_application_has_an_entrance() -> None:
    assert set(ENTRANCES) == set(names())


def test_what_was_given_stays() -> None:
    given = Settings(namespaces=("hotel",), probes=("svc:hotel/geo:8082",), prometheus="http://mine", alert_wait=3)
    settings = watching(given, "hotel", "hotel")
    assert (settings.namespaces, settings.probes, settings.prometheus) == (("hotel",), given.probes, "http://mine")
    assert settings.alertmanager == "/alertmanager"
    assert oracle_settings(settings).alerts.longest_wait == 3


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("hotel/wrong-image", 20.0),  # a workload is down
        ("hotel/wrong-target-port", 20.0),  # users get errors
        ("sregym/ingress_misroute", 60.0),  # nothing but an alert tells
    ],
)
def test_a_fault_is_noticed(fault: str, seconds: float) -> None:
    about = find(fault)
    cluster = EmbeddedCluster(virtual=True, applications=(about.application,))
    cluster.start()
    cluster.settle(300)
    cluster.advance(30)
    assert not noticed(cluster, about)
    cluster.faults.inject(fault)
    cluster.until(lambda: noticed(cluster, about), seconds)
