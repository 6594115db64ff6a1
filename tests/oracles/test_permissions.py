"""The permissions that are asked for are those that are used."""

from __future__ import annotations

from datetime import timedelta

from stratus.oracles import OracleSettings
from stratus.oracles.permissions import permissions
from stratus.oracles.world import CLUSTERED, NAMESPACED, ON_DEMAND
from stratus.testing.clock import START
from stratus.testing.kube import app, stamp, waiting, warning
from tests.oracles.support import cluster, panel


def named(settings: OracleSettings) -> set[tuple[str, str]]:
    return {(each.verb, each.resource) for each in permissions(settings)}


async def test_everything_that_a_look_lists_is_named() -> None:
    silent, idle = app("geo"), app("store", replicas=0)
    silent.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=10))
    waiting(silent.pods[0], "ContainerCreating")
    reader = cluster(silent, idle, warning(silent.pods[0], "FailedMount", "no such disk"))
    await panel(reader).observe()
    kinds = {kind for kind, _ in reader.lists}
    assert {"Event", "ConfigMap"} <= kinds
    plurals = {(NAMESPACED | CLUSTERED | ON_DEMAND)[kind][1].partition(".")[0] for kind in kinds}
    assert {("list", plural) for plural in plurals} <= named(OracleSettings())


def test_what_is_turned_off_needs_nothing() -> None:
    settings = OracleSettings(nodes=False, admission=False, namespaces=("hotel",))
    assert not {each.resource for each in permissions(settings) if not each.namespaced} - {"namespaces"}
    assert ("get", "namespaces") in named(settings)
