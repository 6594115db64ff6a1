"""What the backends of an Ingress are asked, and of whom nothing is asked."""

from __future__ import annotations

from agents.evidence.routes import Answered, ask_routes
from stratus.domain.base import JsonObject
from stratus.domain.errors import Unobservable
from stratus.ports import HttpReply
from stratus.testing.oracles import DictReader
from tests.agents.world import container, deployment, obj, pod, service


def entry(name: str, path: str = "/api", port: object = 8080) -> JsonObject:
    backend = {"service": {"name": name, "port": {"number" if isinstance(port, int) else "name": port}}}
    return obj("Ingress", "entry", spec={"rules": [{"http": {"paths": [{"path": path, "backend": backend}]}}]})


def app(name: str, port: int = 8080) -> list[JsonObject]:
    owner = deployment(name, container(name, port))
    return [owner, pod(owner), service(name, port)]


async def test_a_backend_that_knows_its_path_is_the_only_one_asked() -> None:
    reader = DictReader()
    answers = await ask_routes(reader, [*app("web"), *app("geo"), entry("web", port="http")])
    assert answers == (Answered("shop", "web", 8080, "/api", 200),)


async def test_where_it_does_not_know_it_the_others_are_asked_but_no_data_stores() -> None:
    reader = DictReader()
    reader.answers["shop/geo:8080/api"] = HttpReply(status=404, body="404 page not found")
    database = obj("Service", "db", spec={"selector": {"app": "db"}, "ports": [{"port": 5432, "targetPort": 5432}]})
    answers = await ask_routes(reader, [*app("web"), *app("geo"), database, entry("geo")])
    assert {(a.service, a.status) for a in answers} == {("geo", 404), ("web", 200)}


async def test_who_does_not_answer_has_no_status_and_stops_nothing() -> None:
    reader = DictReader()
    reader.answers["shop/web:8080/api"] = Unobservable("away")
    assert [a.status for a in await ask_routes(reader, [*app("web"), entry("web")])] == [0]


async def test_a_backend_that_is_not_there_is_not_asked() -> None:
    reader = DictReader()
    assert await ask_routes(reader, [entry("nobody"), *app("web"), entry("web", port=9)]) == ()
    assert reader.requests == []
