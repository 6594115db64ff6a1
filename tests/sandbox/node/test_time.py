"""Virtual time is deterministic by seed, and costs only the work done in it."""

from __future__ import annotations

from stratus.sandbox.cluster import EmbeddedCluster
from tests.sandbox.life import Lab


def history(seed: int) -> list[tuple[float, str, str, str]]:
    """Every change of five minutes of the hotel with one broken rollout."""
    cluster = EmbeddedCluster(virtual=True, seed=seed)
    found: list[tuple[float, str, str, str]] = []
    cluster.store.subscribe(
        lambda change: found.append((cluster.kernel.now(), change.type, change.resource, change.key.name))
    )
    cluster.start()
    cluster.advance(30)
    geo = cluster.api.get("deployments.apps", "hotel", "geo")
    container = {**geo["spec"]["template"]["spec"]["containers"][0], "image": "localhost:5000/service:broken"}
    template = {**geo["spec"]["template"], "spec": {**geo["spec"]["template"]["spec"], "containers": [container]}}
    cluster.api.update("deployments.apps", "hotel", "geo", {**geo, "spec": {**geo["spec"], "template": template}})
    cluster.advance(270)
    return found


def test_the_same_seed_gives_the_same_history() -> None:
    assert history(3) == history(3)


def test_another_seed_gives_another() -> None:
    assert history(3) != history(4)


def test_placing_pods_costs_what_changes_and_not_what_is_there() -> None:
    """Writes per new pod are the same in a small and in a ten times larger cluster."""

    def writes_per_pod(existing: int) -> float:
        lab = Lab()
        lab.workload("Deployment", "old", existing)
        lab.advance(20)
        count = [0]
        lab.cluster.store.subscribe(lambda change: count.__setitem__(0, count[0] + 1), "pods", "events")
        lab.workload("Deployment", "new", 10)
        lab.advance(5)
        return count[0] / 10

    assert writes_per_pod(5) == writes_per_pod(100)
