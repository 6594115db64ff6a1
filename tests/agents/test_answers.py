"""What the agents answer when a person asks."""

from __future__ import annotations

import asyncio

from agents.answers import answer
from agents.minds.playbook import PlaybookMind
from stratus.domain.base import JsonObject
from stratus.domain.severity import Finding
from tests.agents.world import NS, World, container, deployment, finding, pod, replica_set, service, waiting


def asked(world: World, question: str) -> str:
    return asyncio.run(answer(question, world, world.reader, PlaybookMind(), world.clock, (NS,)))


def sick() -> World:
    good = deployment("geo")
    bad = deployment("geo", container("geo", image="registry.test/app:9.9"))
    objects = [bad, replica_set(good, 1), replica_set(bad, 2), pod(bad, waiting("ErrImagePull")), service("geo")]
    web = deployment("web", container("web", env=[{"name": "CALLS", "value": "geo:8080"}]))

    def judge(now: dict[str, JsonObject]) -> list[Finding]:
        return [finding("Deployment", "geo", "Unavailable")]

    return World([*objects, web, pod(web)], judge)


def test_about_a_workload_it_tells_state_cause_and_who_is_affected() -> None:
    text = asked(sick(), "why is geo down?")
    assert "shop/deployment/geo: 0 of 1 ready." in text
    assert "ErrImagePull" in text and "image changed" in text
    assert "called by web" in text
    assert "I would try: kubectl -n shop set image deployment/geo geo=registry.test/app:1.0" in text


def test_without_a_name_it_tells_what_is_wrong_everywhere() -> None:
    text = asked(sick(), "what is going on?")
    assert text.startswith("Severity 3:") and "deployment/geo" in text


def test_when_all_is_well_it_says_what_is_watched() -> None:
    assert asked(World([], lambda now: []), "status?") == "Everything is healthy. Watching: test."


def test_blind_is_not_healthy() -> None:
    world = World([], lambda now: [])
    world.blind = True
    assert "cannot see" in asked(world, "status?")


def test_asking_writes_nothing() -> None:
    world = sick()
    asked(world, "please delete geo")
    assert world.proposals == [] and world.log.recorded == []
