"""Failing requests show in the applications' own counters, where every probe is green."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused, Unobservable
from stratus.domain.severity import OracleState
from stratus.oracles.settings import TrafficSettings
from stratus.oracles.traffic import TrafficOracle, counters
from stratus.oracles.world import World
from stratus.ports import HttpReply
from stratus.testing.clock import FakeClock

SETTINGS = TrafficSettings(first_gap=2.0, window=10.0, samples=5)


def page(ok: int, failed: int) -> str:
    head = "# TYPE http_requests_total counter\n"
    rows = {"200": ok, "502": failed}
    return head + "".join(f'http_requests_total{{service="geo",code="{code}"}} {n}\n' for code, n in rows.items())


def pod(name: str, port: int = 8082) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "hotel", "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": "c", "readinessProbe": {"httpGet": {"path": "/healthz", "port": port}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


class Pods:
    """A reader that only answers for pods: each read of a page gives its next text, the last one for ever."""

    def __init__(self, pages: Mapping[str, list[str]], *, forbidden: bool = False) -> None:
        self.pages = {name: list(texts) for name, texts in pages.items()}
        self.forbidden = forbidden
        self.asked: list[str] = []

    async def pod_request(self, namespace: str, pod: str, port: str, path: str, timeout: float = 3.0) -> HttpReply:
        self.asked.append(f"{pod}:{port}{path}")
        if self.forbidden:
            raise Refused("pods/proxy is forbidden", status=403)
        texts = self.pages[pod]
        text = texts.pop(0) if len(texts) > 1 else texts[0]
        return HttpReply(status=200 if text else 404, body=text)


async def look(oracle: TrafficOracle, clock: FakeClock, *names: str):
    objects = {"Pod": tuple(pod(name) for name in names)}
    return await oracle.judge(World(at=clock.now(), monotonic=clock.monotonic(), scope=("hotel",), objects=objects))


def oracle_of(pods: Pods, clock: FakeClock) -> TrafficOracle:
    return TrafficOracle(pods, clock, SETTINGS)  # type: ignore[arg-type]


async def test_a_first_look_takes_two_reads_and_sees_the_failures() -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(100, 5), page(104, 11)]})
    reading = await look(oracle_of(pods, clock), clock, "geo-1")
    assert [(f.reason, f.subject.name) for f in reading.findings] == [("RequestsFail", "geo-1")]
    assert "6 of 10 requests failed" in reading.findings[0].message
    assert pods.asked == ["geo-1:8082/metrics"] * 2
    assert clock.monotonic() == 2.0


@pytest.mark.parametrize(("failed", "reason"), [(0, None), (1, None), (3, "RequestsDegraded"), (12, "RequestsFail")])
async def test_the_share_decides(failed: int, reason: str | None) -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(0, 0), page(20 - failed, failed)]})
    reading = await look(oracle_of(pods, clock), clock, "geo-1")
    assert [f.reason for f in reading.findings] == ([reason] if reason else [])


async def test_calls_that_time_out_are_few_and_all_failed() -> None:
    """One request ends every two seconds: the first look goes on until they are enough to judge."""
    clock = FakeClock()
    pods = Pods({"geo-1": [page(900, 7), page(900, 8), page(900, 9), page(900, 10), page(900, 11)]})
    reading = await look(oracle_of(pods, clock), clock, "geo-1")
    assert [f.reason for f in reading.findings] == ["RequestsFail"]
    assert "3 of 3 requests failed" in reading.findings[0].message
    assert clock.monotonic() == 6.0


async def test_few_requests_of_which_some_succeed_say_nothing() -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(900, 7), page(901, 8)]})
    reading = await look(oracle_of(pods, clock), clock, "geo-1")
    assert not reading.findings
    assert clock.monotonic() == SETTINGS.window, "looked as long as the window, and no longer"


async def test_an_idle_process_without_failures_is_not_waited_for_and_not_called_healthy() -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(900, 0), page(900, 0)], "busy-1": [page(0, 0), page(9, 0)]})
    reading = await look(oracle_of(pods, clock), clock, "geo-1", "busy-1")
    assert not reading.findings
    assert [subject.name for subject in reading.unjudged] == ["geo-1"]
    assert clock.monotonic() == SETTINGS.first_gap


async def test_old_failures_leave_the_window() -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(0, 0), page(0, 10), page(60, 10)]})
    oracle = oracle_of(pods, clock)
    assert (await look(oracle, clock, "geo-1")).findings
    await clock.sleep(11.0)
    assert not (await look(oracle, clock, "geo-1")).findings


async def test_silence_after_failures_is_not_health() -> None:
    """No request in the window says nothing, so the last verdict stands for a while."""
    clock, pods = FakeClock(), Pods({"geo-1": [page(0, 0), page(0, 10)]})
    oracle = oracle_of(pods, clock)
    assert (await look(oracle, clock, "geo-1")).findings
    await clock.sleep(15.0)
    assert [f.reason for f in (await look(oracle, clock, "geo-1")).findings] == ["RequestsFail"]


async def test_a_restarted_process_is_not_a_negative_rate() -> None:
    clock, pods = FakeClock(), Pods({"geo-1": [page(500, 50), page(1, 0), page(30, 0)]})
    oracle = oracle_of(pods, clock)
    assert not (await look(oracle, clock, "geo-1")).findings
    assert not (await look(oracle, clock, "geo-1")).findings


async def test_pods_without_counters_are_left_alone() -> None:
    clock, pods = FakeClock(), Pods({"db-1": ["", "unused"]})
    oracle = oracle_of(pods, clock)
    reading = await look(oracle, clock, "db-1")
    assert (reading.state, reading.lag) == (OracleState.OBSERVING, 0.0)
    await look(oracle, clock, "db-1")
    assert len(pods.asked) == 1


async def test_a_forbidden_proxy_is_blind_and_names_the_permission() -> None:
    clock = FakeClock()
    with pytest.raises(Unobservable, match="get pods/proxy in hotel"):
        await look(oracle_of(Pods({}, forbidden=True), clock), clock, "geo-1")


def test_other_metrics_are_not_requests() -> None:
    assert counters("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 4\n") is None
    seen = counters(
        'http_server_requests_seconds_count{method="GET",status="503"} 2\nload_requests_total{code="0"} 1\n'
    )
    assert seen is not None
    assert (seen.total, seen.failed) == (3, 3)
