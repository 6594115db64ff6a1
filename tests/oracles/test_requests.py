"""What users feel: shares of failures, through the proxy and over the network."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from stratus.domain.errors import Absent, InvalidInput, Refused, Retryable, Unobservable
from stratus.oracles.requests import RequestOracle, Sample, target_of, verdict
from stratus.oracles.settings import Probe
from stratus.oracles.world import World
from stratus.ports import HttpReply
from stratus.testing.clock import START, FakeClock
from stratus.testing.kube import app
from stratus.testing.oracles import DictReader
from tests.oracles.support import Server, cluster, found, panel, reading

PROBE = Probe(target="svc:hotel/frontend:8080/request")
PAGE = "probe/frontend:8080/request"


def frontend(answer: HttpReply | Exception | None = None) -> DictReader:
    reader = cluster(app("frontend"))
    if answer:
        reader.answers["hotel/frontend:8080/request"] = answer
    return reader


async def test_without_a_probe_it_is_off() -> None:
    assert reading(await panel(frontend()).observe(), "requests").state == "off"


async def test_requests_that_succeed_are_no_finding() -> None:
    reader = frontend()
    seen = await panel(reader, probes=(PROBE,)).observe()
    assert not seen.findings and "requests" in seen.observing
    assert reader.requests.count("hotel/frontend:8080/request") == PROBE.samples


@pytest.mark.parametrize("status", [404, 502, 503])
async def test_requests_that_fail(status: int) -> None:
    reader = frontend(HttpReply(status=status, body="frontend: call to search:8081 failed"))
    seen = await panel(reader, probes=(PROBE,)).observe()
    assert found(seen) == {(PAGE, "RequestsFail")}
    assert "call to search:8081 failed" in seen.findings[0].message


async def test_a_probe_of_a_service_that_does_not_exist_fails() -> None:
    seen = await panel(frontend(Absent("not found", status=404)), probes=(PROBE,)).observe()
    assert found(seen) == {(PAGE, "RequestsFail")}


async def test_without_a_sample_it_is_blind_and_never_healthy() -> None:
    seen = await panel(frontend(Retryable("connection refused")), probes=(PROBE,)).observe()
    assert "requests" in seen.blind and seen.severity == float("inf")


async def test_without_the_permission_it_is_blind_and_names_it() -> None:
    said = reading(await panel(frontend(Refused("no", status=403)), probes=(PROBE,)).observe(), "requests")
    assert said.state == "blind" and said.note == "permission missing: get services/proxy in namespace hotel"


def share(failed: int, total: int, **probe: float) -> str:
    samples = [Sample("HTTP 502", 0.1)] * failed + [Sample("", 0.1)] * (total - failed)
    judged = verdict(PROBE.model_copy(update=probe), target_of(PROBE.target), samples)
    return judged.reason if judged else ""


@pytest.mark.parametrize(
    "failed, total, reason",
    [
        (0, 5, ""),
        (1, 20, ""),
        (2, 20, "RequestsDegraded"),
        (9, 20, "RequestsDegraded"),
        (10, 20, "RequestsFail"),
        (5, 5, "RequestsFail"),
    ],
)
def test_the_share_of_failures_decides(failed: int, total: int, reason: str) -> None:
    assert share(failed, total) == reason


@pytest.mark.parametrize(
    "last, failed, reason",
    [
        ("RequestsFail", 6, "RequestsFail"),
        ("RequestsFail", 4, "RequestsDegraded"),
        ("RequestsDegraded", 14, "RequestsDegraded"),
        ("RequestsDegraded", 15, "RequestsFail"),
        ("RequestsFail", 0, ""),
    ],
)
def test_a_reason_changes_only_with_a_clear_change(last: str, failed: int, reason: str) -> None:
    samples = [Sample("HTTP 502", 0.1)] * failed + [Sample("", 0.1)] * (20 - failed)
    judged = verdict(PROBE, target_of(PROBE.target), samples, last)
    assert (judged.reason if judged else "") == reason


def test_slow_answers_degrade_when_a_bound_is_given() -> None:
    assert share(0, 5) == ""
    assert share(0, 5, slow=0.05) == "RequestsDegraded"


def test_no_request_is_no_verdict() -> None:
    with pytest.raises(Unobservable):
        share(0, 0)


async def test_samples_that_disagree_are_followed_by_more() -> None:
    class FirstFails(DictReader):
        async def service_request(
            self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
        ) -> HttpReply:
            answer = await super().service_request(namespace, service, port, path, timeout)
            return HttpReply(status=502, body="") if len(self.requests) == 1 else answer

    reader = FirstFails(*frontend().objects.values())
    said = await RequestOracle(reader, FakeClock(), (PROBE,)).judge(World(START, 0.0))
    assert len(reader.requests) == PROBE.more_samples
    assert not said.findings, "one of forty is not above five per cent"


async def test_that_a_failure_is_over_takes_more_samples() -> None:
    reader = frontend(HttpReply(status=502, body=""))
    oracle = RequestOracle(reader, FakeClock(), (PROBE,))
    assert (await oracle.judge(World(START, 0.0))).findings
    assert len(reader.requests) == PROBE.samples, "that all fail is clear at once"
    reader.answers.clear()
    assert not (await oracle.judge(World(START, 0.0))).findings
    assert len(reader.requests) == PROBE.samples + PROBE.more_samples


async def test_a_url_that_answers(serve: Server) -> None:
    async def ok(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    probe = Probe(target=await serve(ok) + "/index?token=secret")
    seen = await panel(frontend(), probes=(probe,)).observe()
    assert not seen.findings and "requests" in seen.observing


async def test_a_url_that_fails_is_named_without_its_secrets(serve: Server) -> None:
    async def bad(request: web.Request) -> web.Response:
        return web.Response(status=500)

    base = await serve(bad)
    seen = await panel(
        frontend(), probes=(Probe(target=base.replace("//", "//ana:pw@") + "/a?token=secret"),)
    ).observe()
    assert [f.reason for f in seen.findings] == ["RequestsFail"]
    assert "secret" not in str(seen) and "pw" not in str(seen)


async def test_a_url_where_nobody_listens_fails(unused_tcp_port: int) -> None:
    probe = Probe(target=f"http://127.0.0.1:{unused_tcp_port}/")
    assert [f.reason for f in (await panel(frontend(), probes=(probe,)).observe()).findings] == ["RequestsFail"]


async def test_a_url_that_hangs_fails(serve: Server) -> None:
    never = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    probe = Probe(target=await serve(hang), timeout=0.05)
    try:
        assert [f.reason for f in (await panel(frontend(), probes=(probe,)).observe()).findings] == ["RequestsFail"]
    finally:
        never.set()


async def test_a_name_that_does_not_resolve_here_is_blind() -> None:
    seen = await panel(frontend(), probes=(Probe(target="http://name.invalid/"),)).observe()
    assert "requests" in seen.blind


@pytest.mark.parametrize("text", ["frontend", "svc:frontend:8080", "svc:hotel/frontend", "ftp://host/x", "http://"])
def test_a_probe_that_cannot_be_understood_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="svc:NAMESPACE/NAME:PORT/PATH"):
        target_of(text)


async def test_a_probed_service_has_a_caller() -> None:
    made = app("frontend", replicas=0)
    seen = await panel(cluster(made), probes=(PROBE,)).observe()
    assert ("deployment/frontend", "ScaledToZero") in found(seen)
