"""Services that lead nowhere, that do not answer, or that are called and do not exist."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.oracles.asking import Heard, heard
from stratus.oracles.settings import ServiceSettings
from stratus.ports import HttpReply
from stratus.testing.clock import START, FakeClock
from stratus.testing.kube import App, app, kube, service, stamp
from stratus.testing.oracles import DictReader
from tests.oracles.support import cluster, found, observe, panel, paths, reading


def proxy_says(message: str, status: int = 500) -> HttpReply:
    return HttpReply(status=status, body=json.dumps({"kind": "Status", "apiVersion": "v1", "message": message}))


REFUSED = proxy_says("error trying to reach service: dial tcp 10.0.0.1:9999: connect: connection refused")
TIMED_OUT = HttpReply(status=504, body="no answer within 3 s")


async def test_a_selector_that_no_pod_carries() -> None:
    made = app("geo")
    made.service["spec"]["selector"]["tier"] = "front"
    made.endpoints["subsets"] = []
    assert found(await observe(made)) == {("service/geo", "NoReadyEndpoints")}


async def test_pods_that_are_not_ready() -> None:
    made = app("geo")
    made.pods[0]["status"]["conditions"][1]["status"] = "False"
    made.endpoints["subsets"] = [{"notReadyAddresses": [{"ip": "10.0.0.1"}]}]
    assert ("service/geo", "NoReadyEndpoints") in found(await observe(made))


async def test_a_named_target_port_that_no_pod_has() -> None:
    made = app("geo")
    made.service["spec"]["ports"][0]["targetPort"] = "web"
    made.endpoints["subsets"] = []
    seen = await observe(made)
    assert found(seen) == {("service/geo", "NoReadyEndpoints")}
    assert "'web'" in seen.findings[0].message


async def test_a_service_whose_pods_are_on_their_way_is_not_judged() -> None:
    made = app("geo")
    made.pods[0]["metadata"]["creationTimestamp"] = stamp(START - timedelta(seconds=3))
    made.pods[0]["status"]["conditions"][1]["status"] = "False"
    made.endpoints["subsets"] = []
    seen = await observe(made)
    assert not seen.findings and paths(seen.moving) == {"deployment/geo"}


async def test_endpoints_may_lag_behind_ready_pods_but_not_for_long() -> None:
    clock, made = FakeClock(), app("geo")
    made.endpoints["subsets"] = []
    watch = panel(cluster(made), clock)
    assert paths((await watch.observe()).moving) == {"service/geo"}
    await clock.sleep(11)
    seen = await watch.observe()
    assert found(seen) == {("service/geo", "NoReadyEndpoints")} and not seen.moving


async def test_a_service_without_selector_is_not_ours_to_judge() -> None:
    made, endpoints = service("outside")
    del made["spec"]["selector"]
    assert not (await observe(made, endpoints)).findings


async def test_an_external_name_has_no_endpoints_whatever_its_selector() -> None:
    made = app("geo")
    made.service["spec"] |= {"type": "ExternalName", "externalName": "db.example.com", "selector": {"app": "nobody"}}
    made.endpoints["subsets"] = []
    assert found(await observe(made)) == set()


async def test_nobody_listens_on_the_target_port() -> None:
    made = app("geo")
    made.service["spec"]["ports"][0]["targetPort"] = 9999
    reader = cluster(made)
    reader.answers["hotel/geo:8080"] = REFUSED
    seen = await panel(reader).observe()
    assert found(seen) == {("service/geo", "DoesNotAnswer")}
    assert "connection refused" in seen.findings[0].message


async def test_the_pods_own_readiness_path_is_asked() -> None:
    reader = cluster(app("geo"))
    await panel(reader).observe()
    assert reader.requests == ["hotel/geo:8080/healthz"]


@pytest.mark.parametrize("status", [200, 301, 401, 404, 500, 502, 503, 504])
async def test_any_status_of_the_application_is_an_answer(status: int) -> None:
    reader = cluster(app("geo"))
    reader.answers["hotel/geo:8080"] = HttpReply(status=status, body="geo: call to store:8088 failed")
    assert not (await panel(reader).observe()).findings


@pytest.mark.parametrize(
    "message, expected",
    [
        ("error trying to reach service: dial tcp 10.0.0.1:80: connect: connection refused", Heard.SILENCE),
        ("error trying to reach service: dial tcp 10.0.0.1:80: i/o timeout", Heard.SILENCE),
        ("error trying to reach service: dial tcp 10.0.0.1:80: connect: no route to host", Heard.SILENCE),
        (
            'error trying to reach service: net/http: HTTP/1.x transport connection broken: malformed HTTP response "J"',
            Heard.ANSWER,
        ),
        ("error trying to reach service: EOF", Heard.ANSWER),
        ("error trying to reach service: read tcp 10.0.0.1: connection reset by peer", Heard.ANSWER),
        ('no endpoints available for service "geo"', Heard.UNCLEAR),
        ("error trying to reach service: something never heard of", Heard.SILENCE),
    ],
)
def test_what_the_proxy_says_in_the_applications_place(message: str, expected: Heard) -> None:
    assert heard(proxy_says(message), known_http=False)[0] is expected


def test_older_proxies_say_it_in_plain_text() -> None:
    reply = HttpReply(
        status=503, body="Error trying to reach service: 'dial tcp 10.0.0.1:80: connect: connection refused'"
    )
    assert heard(reply, known_http=False)[0] is Heard.SILENCE


def test_an_application_may_answer_with_a_status_object_of_its_own() -> None:
    assert heard(HttpReply(status=500, body='{"kind": "Status", "of": "mine"}'), known_http=True)[0] is Heard.ANSWER


async def test_a_time_out_of_a_port_that_speaks_http_is_silence() -> None:
    reader = cluster(app("geo"))
    reader.answers["hotel/geo:8080"] = TIMED_OUT
    assert found(await panel(reader).observe()) == {("service/geo", "DoesNotAnswer")}


async def test_a_time_out_of_a_port_of_unknown_protocol_says_nothing_unless_it_once_spoke_http() -> None:
    clock, reader = FakeClock(), cluster(app("geo", probe=False))
    watch = panel(reader, clock)
    reader.answers["hotel/geo:8080"] = TIMED_OUT
    assert not (await watch.observe()).findings
    del reader.answers["hotel/geo:8080"]
    await clock.sleep(10)
    await watch.observe()
    reader.answers["hotel/geo:8080"] = TIMED_OUT
    await clock.sleep(10)
    assert found(await watch.observe()) == {("service/geo", "DoesNotAnswer")}
    await clock.sleep(10)
    assert found(await watch.observe()) == {("service/geo", "DoesNotAnswer")}


@pytest.mark.parametrize("image, port", [("mysql:8", 8080), ("registry/mongo:4.4", 8080), ("registry/store:1", 6379)])
async def test_a_data_store_is_not_asked_in_http(image: str, port: int) -> None:
    reader = cluster(app("store", image=image, port=port, probe=False))
    await panel(reader).observe()
    assert reader.requests == []


async def test_a_data_store_is_asked_when_its_service_points_to_an_undeclared_port() -> None:
    made = app("store", image="mysql:8", port=3306, probe=False)
    made.service["spec"]["ports"][0]["targetPort"] = 9999
    reader = cluster(made)
    reader.answers["hotel/store:3306"] = REFUSED
    assert found(await panel(reader).observe()) == {("service/store", "DoesNotAnswer")}


async def test_udp_is_not_asked() -> None:
    made = app("dns")
    made.service["spec"]["ports"][0]["protocol"] = "UDP"
    reader = cluster(made)
    await panel(reader).observe()
    assert reader.requests == []


async def test_an_https_probe_is_asked_in_https() -> None:
    made = app("web")
    made.pods[0]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["scheme"] = "HTTPS"
    reader = cluster(made)
    await panel(reader).observe()
    assert reader.requests == ["hotel/https:web:8080/healthz"]


async def test_an_answer_is_believed_for_a_short_time_while_nothing_changed() -> None:
    clock, made = FakeClock(), app("geo")
    reader = cluster(made)
    watch = panel(reader, clock)
    await watch.observe()
    await clock.sleep(2)
    await watch.observe()
    assert len(reader.requests) == 1
    made.endpoints["metadata"]["resourceVersion"] = "2"
    await watch.observe()
    assert len(reader.requests) == 2
    await clock.sleep(ServiceSettings().remember)
    await watch.observe()
    assert len(reader.requests) == 3


async def test_the_time_for_which_answers_are_believed_is_its_lag() -> None:
    assert reading(await observe(app("geo")), "services").lag == ServiceSettings().remember


async def test_silence_is_asked_again_before_it_is_believed() -> None:
    class Once(DictReader):
        async def service_request(
            self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
        ) -> HttpReply:
            answer = await super().service_request(namespace, service, port, path, timeout)
            return REFUSED if len(self.requests) == 1 else answer

    reader = Once(*cluster(app("geo")).objects.values())
    assert not (await panel(reader).observe()).findings
    assert len(reader.requests) == 2


async def test_without_the_permission_for_the_proxy_it_is_blind_and_names_it() -> None:
    reader = cluster(app("geo"))
    reader.answers["hotel/geo:8080"] = Refused("forbidden", status=403)
    said = reading(await panel(reader).observe(), "services")
    assert said.state == "blind" and said.note == "permission missing: get services/proxy in namespace hotel"


async def test_asking_can_be_turned_off() -> None:
    reader = cluster(app("geo"))
    await panel(reader, services=ServiceSettings(probe=False)).observe()
    assert reader.requests == []


# --- called, and not there --------------------------------------------------------------------------------------------


def caller(**env: str) -> App:
    return app("search", env=env)


@pytest.mark.parametrize(
    "env",
    [
        {"CALLS": "geo:8082,rate:8083"},
        {"GEO_URL": "http://geo:8082/nearby"},
        {"GEO": "http://geo"},
        {"GEO_ADDR": "geo:8082"},
        {"WHERE": "geo.hotel.svc.cluster.local:8082"},
        {"WHERE": "geo.hotel.svc:8082"},
        {"GEO_ADDR": "geo.hotel:8082"},
        {"STORE_DSN": "mongodb://user:secret@geo:27017/db?ssl=true"},
    ],
)
async def test_a_service_that_is_called_and_does_not_exist(env: dict[str, str]) -> None:
    seen = await observe(caller(**env), app("rate", port=8083))
    assert found(seen) == {("service/geo", "ServiceMissing")}
    assert "deployment/search calls" in seen.findings[0].message


@pytest.mark.parametrize(
    "env",
    [
        {"IMAGE": "python:311"},
        {"LEVEL": "cache:5"},
        {"LISTEN_ADDR": "0.0.0.0:8080", "SELF": "localhost:8080", "ME": "search:8080"},
        {"API_URL": "https://api.example.com:443/v1", "BUCKET_URL": "s3://archive/key"},
        {"FILE_URL": "file://data/x", "TIME": "12:30", "PEER": "db-0.db:5432"},
        {"DB_USER": "geo", "MODE": "geo"},
        {"STORE": "geo.elsewhere.svc:80"},
    ],
)
async def test_what_only_looks_like_a_service(env: dict[str, str]) -> None:
    database = app("db", port=5432)
    assert not (await observe(caller(**env), database)).findings


async def test_arguments_name_services_too() -> None:
    assert found(await observe(app("search", args=["--geo-addr=geo:8082"]))) == {("service/geo", "ServiceMissing")}


async def test_a_bare_host_counts_when_a_workload_of_that_name_exists() -> None:
    made = app("geo")
    only_workload = [made.deployment, made.replica_set, *made.pods]
    assert found(await observe(caller(GEO_HOST="geo"), *only_workload)) == {("service/geo", "ServiceMissing")}
    assert not (await observe(caller(GEO_HOST="geo"))).findings


async def test_several_callers_of_one_missing_service_are_one_finding() -> None:
    seen = await observe(caller(CALLS="geo:8082"), app("rate", env={"CALLS": "geo:8082"}))
    assert found(seen) == {("service/geo", "ServiceMissing")}
    assert "deployment/rate" in seen.findings[0].message and "deployment/search" in seen.findings[0].message


@pytest.mark.parametrize(
    "spec",
    [
        {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "geo", "port": {"number": 80}}}}]}}]},
        {"backend": {"serviceName": "geo", "servicePort": 80}},
    ],
)
async def test_an_ingress_names_services(spec: JsonObject) -> None:
    assert found(await observe(kube("Ingress", "web", spec=spec))) == {("service/geo", "ServiceMissing")}


async def test_a_service_that_vanished_from_its_pods_is_missed_even_when_nothing_names_it() -> None:
    clock, made = FakeClock(), app("geo")
    reader = cluster(made)
    watch = panel(reader, clock)
    assert not (await watch.observe()).findings
    reader.remove(made.service)
    reader.remove(made.endpoints)
    seen = await watch.observe()
    assert found(seen) == {("service/geo", "ServiceMissing")}
    assert "deployment/geo behind it still runs" in seen.findings[0].message
    await clock.sleep(ServiceSettings().forget)
    assert not (await watch.observe()).findings


@pytest.mark.parametrize("replaced", ["by another Service", "with its workload"])
async def test_a_service_may_go_when_nothing_is_left_without_it(replaced: str) -> None:
    made = app("geo")
    reader = cluster(made)
    watch = panel(reader)
    await watch.observe()
    reader.remove(made.service)
    if replaced == "by another Service":
        other, endpoints = service("geo-v2", pods=made.pods)
        other["spec"]["selector"] = {"app": "geo"}
        reader.put(other, endpoints)
    else:
        made.deployment["spec"]["replicas"] = 0
    assert "ServiceMissing" not in {f.reason for f in (await watch.observe()).findings}
