"""Alerts as findings of subjects, and when their absence may be believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from stratus.domain.errors import InvalidInput
from stratus.domain.severity import Observation, Reading
from stratus.oracles.alerts import AlertOracle, loud_alerts
from stratus.oracles.prometheus import LOST_EXPORTERS, Alert, seconds
from stratus.oracles.settings import AlertSettings, MetricQuery
from stratus.ports import HttpReply
from stratus.testing.clock import START, FakeClock
from stratus.testing.kube import app, kube, stamp
from stratus.testing.oracles import DictReader
from tests.oracles.support import Server, cluster, found, panel, reading

FRESH = stamp(START - timedelta(seconds=1))


def rule(name: str, *, hold: float = 15, health: str = "ok", query: str = "up == 0") -> dict[str, Any]:
    return {"type": "alerting", "name": name, "duration": hold, "health": health, "query": query}


def fired(name: str, state: str = "firing", severity: str = "warning", **labels: str) -> dict[str, Any]:
    labels = {"alertname": name, "severity": severity, "namespace": "hotel", **labels}
    return {"state": state, "labels": labels, "annotations": {"summary": f"{name} fires"}}


@dataclass
class Monitoring:
    """A Prometheus and an Alertmanager, as far as the oracle asks them."""

    rules: list[dict[str, Any]] = field(default_factory=lambda: [rule("NotReady")])
    interval: float = 2
    evaluated: str = FRESH
    alerts: list[dict[str, Any]] = field(default_factory=list)
    manager: list[dict[str, Any]] = field(default_factory=list)
    started: str = stamp(START - timedelta(hours=1))
    loaded: bool = True
    vectors: dict[str, list[Any]] = field(default_factory=dict)
    status: int = 200
    body: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        if self.body or self.status != 200:
            return web.Response(status=self.status, text=self.body or "no")
        if request.path == "/api/v2/alerts":
            return web.json_response(self.manager)
        return web.json_response({"status": "success", "data": self.data(request)})

    def data(self, request: Any) -> Any:
        group = {"name": "g", "interval": self.interval, "rules": self.rules, "lastEvaluation": self.evaluated}
        return {
            "/api/v1/alerts": {"alerts": self.alerts},
            "/api/v1/rules": {"groups": [group] if self.rules else []},
            "/api/v1/status/runtimeinfo": {"reloadConfigSuccess": self.loaded, "startTime": self.started},
            "/api/v1/status/config": {"yaml": "global:\n  scrape_interval: 3s\n"},
            "/api/v1/query": {"resultType": "vector", "result": self.vectors.get(request.query.get("query", ""), [])},
        }[request.path]


async def look(serve: Server, monitoring: Monitoring, *, manager: bool = False, **settings: Any) -> Observation:
    base = await serve(monitoring.answer)
    alerts = AlertSettings(prometheus=base, alertmanager=base if manager else "", **settings)
    return await panel(cluster(app("geo")), alerts=alerts).observe()


async def said(serve: Server, monitoring: Monitoring, **settings: Any) -> Reading:
    return reading(await look(serve, monitoring, **settings), "alerts")


async def test_without_a_url_it_is_off() -> None:
    assert reading(await panel(cluster(app("geo"))).observe(), "alerts").state == "off"


async def test_nothing_fires(serve: Server) -> None:
    answer = await said(serve, Monitoring())
    assert answer.state == "observing" and not answer.findings


async def test_the_lag_is_the_longest_hold_plus_evaluation_plus_scrape(serve: Server) -> None:
    assert (await said(serve, Monitoring(rules=[rule("A", hold=6), rule("B", hold=15)]))).lag == 15 + 2 + 3


async def test_a_rule_slower_than_anybody_waits_is_noted_and_not_waited_for(serve: Server) -> None:
    answer = await said(serve, Monitoring(rules=[rule("A", hold=6), rule("Slow", hold=900)]))
    assert answer.lag == 11 and "Slow" in answer.note


async def test_what_is_pending_is_no_finding_and_no_health(serve: Server) -> None:
    seen = await look(serve, Monitoring(alerts=[fired("NotReady", "pending", deployment="geo")]))
    assert not found(seen, "alerts")
    assert [(str(f.subject), f.reason) for f in seen.pending] == [("deployment/geo", "AlertWarning")]


@pytest.mark.parametrize(
    "query, seconds",
    [
        ("up == 0", 0),
        ("rate(errors_total[20s]) / rate(all_total[1m30s]) > 0.1", 90),
        ("max_over_time(rate(x[1m])[10m:30s]) > 1", 600),
        ('x{code=~"[45]00"} > 0', 0),
    ],
)
async def test_an_alert_lingers_as_long_as_its_rule_looks_back(serve: Server, query: str, seconds: float) -> None:
    monitoring = Monitoring(rules=[rule("NotReady", query=query)], alerts=[fired("NotReady", deployment="geo")])
    (finding,) = (await said(serve, monitoring)).findings
    assert finding.lingers == seconds + 2 + 3


class Behind(DictReader):
    """A reader whose API server has the monitoring behind it."""

    def __init__(self, prefix: str, monitoring: Monitoring) -> None:
        super().__init__()
        self.objects = cluster(app("geo")).objects
        self._prefix, self._monitoring = prefix, monitoring

    async def path_request(self, path: str, query: Mapping[str, str], timeout: float = 3.0) -> HttpReply:
        assert path.startswith(self._prefix + "/api/")
        data = self._monitoring.data(SimpleNamespace(path=path.removeprefix(self._prefix), query=query))
        body = json.dumps({"status": "success", "data": data})
        return HttpReply(status=self._monitoring.status, body=self._monitoring.body or body)


@pytest.mark.parametrize(
    "base, prefix",
    [
        ("svc:monitoring/prometheus:9090", "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy"),
        ("svc:monitoring/prometheus:web/prom/", "/api/v1/namespaces/monitoring/services/prometheus:web/proxy/prom"),
        ("/prometheus", "/prometheus"),
    ],
)
async def test_through_the_api_server(base: str, prefix: str) -> None:
    reader = Behind(prefix, Monitoring(alerts=[fired("NotReady", deployment="geo")]))
    seen = await panel(reader, alerts=AlertSettings(prometheus=base)).observe()
    assert found(seen, "alerts") == {("deployment/geo", "AlertWarning")}


@pytest.mark.parametrize("monitoring", [Monitoring(status=503), Monitoring(body="<html>login</html>")])
async def test_through_the_api_server_no_data_is_blind_too(monitoring: Monitoring) -> None:
    seen = await panel(Behind("/prometheus", monitoring), alerts=AlertSettings(prometheus="/prometheus")).observe()
    assert seen.blind == ("alerts",)


async def test_a_reader_that_cannot_ask_paths_is_blind_and_says_so() -> None:
    seen = await panel(cluster(app("geo")), alerts=AlertSettings(prometheus="svc:a/b:1")).observe()
    assert "only a URL" in reading(seen, "alerts").note


@pytest.mark.parametrize("base", ["prometheus:9090", "svc:monitoring/prometheus", "ftp://prometheus"])
def test_an_address_that_is_none_is_refused_at_once(base: str) -> None:
    with pytest.raises(InvalidInput, match="svc:NAMESPACE/NAME:PORT"):
        panel(cluster(), alerts=AlertSettings(alertmanager=base))


@pytest.mark.parametrize(
    "labels, subject",
    [
        ({"deployment": "geo"}, "deployment/geo"),
        ({"pod": "geo-1-0"}, "deployment/geo"),
        ({"pod": "geo-1-0", "service": "kube-state-metrics"}, "deployment/geo"),
        ({"pod": "geo-59497ffc48-jl252"}, "deployment/geo"),
        ({"service": "geo"}, "service/geo"),
        ({"service_name": "geo"}, "service/geo"),
        ({"service_name": "a program's own name"}, "namespace/hotel"),
        ({"statefulset": "db"}, "statefulset/db"),
        ({"node": "node-1"}, "node/node-1"),
        ({}, "namespace/hotel"),
        ({"pod": "unknown", "job": "kube-state-metrics"}, "namespace/hotel"),
    ],
)
async def test_whom_an_alert_is_about(serve: Server, labels: dict[str, str], subject: str) -> None:
    seen = await look(serve, Monitoring(alerts=[fired("NotReady", **labels)]))
    assert found(seen, "alerts") == {(subject, "AlertWarning")}


async def test_an_alert_without_namespace_and_subject_stands_for_itself(serve: Server) -> None:
    seen = await look(serve, Monitoring(alerts=[fired("TooManyErrors", namespace="")]))
    assert found(seen, "alerts") == {("alert/TooManyErrors", "AlertWarning")}


@pytest.mark.parametrize(
    "labels",
    [
        {"namespace": "elsewhere", "deployment": "geo"},
        {"severity": "info"},
        {"severity": "none"},
        {"alertname": "Watchdog"},
        {"node": "node-of-others", "namespace": ""},
    ],
)
async def test_what_is_none_of_our_business(serve: Server, labels: dict[str, str]) -> None:
    alert = fired("NotReady")
    alert["labels"] |= labels
    assert not (await said(serve, Monitoring(alerts=[alert]))).findings


async def test_pending_is_not_firing(serve: Server) -> None:
    assert not (await said(serve, Monitoring(alerts=[fired("NotReady", state="pending")]))).findings


async def test_severities_and_several_alerts_about_one_subject(serve: Server) -> None:
    alerts = [
        fired("A", deployment="geo"),
        fired("B", pod="geo-1-0"),
        fired("C", deployment="geo", severity="critical"),
    ]
    answer = await said(serve, Monitoring(alerts=alerts))
    assert {f.reason: f.message for f in answer.findings} == {
        "AlertWarning": "A: A fires; B: B fires",
        "AlertCritical": "C: C fires",
    }


def held(alert: dict[str, Any], state: str) -> dict[str, Any]:
    return {**alert, "status": {"state": state}}


async def test_the_same_alert_in_both_is_one_finding(serve: Server) -> None:
    alert = fired("NotReady", deployment="geo")
    external = fired("NotReady", deployment="geo", cluster="prod")
    answer = await said(serve, Monitoring(alerts=[alert], manager=[held(external, "active")]), manager=True)
    assert len(answer.findings) == 1


async def test_what_prometheus_says_is_over_is_over(serve: Server) -> None:
    stale = held(fired("NotReady", deployment="geo"), "active")
    assert not (await said(serve, Monitoring(manager=[stale]), manager=True)).findings


async def test_alertmanager_speaks_for_other_senders(serve: Server) -> None:
    other = held(fired("BackupFailed", deployment="geo"), "active")
    answer = await said(serve, Monitoring(manager=[other]), manager=True)
    assert [f.message for f in answer.findings] == ["BackupFailed: BackupFailed fires"]


async def test_what_somebody_silenced_is_silent(serve: Server) -> None:
    alert = fired("NotReady", deployment="geo")
    answer = await said(serve, Monitoring(alerts=[alert], manager=[held(alert, "suppressed")]), manager=True)
    assert not answer.findings


async def test_alertmanager_alone(serve: Server) -> None:
    base = await serve(Monitoring(manager=[held(fired("NotReady", deployment="geo"), "active")]).answer)
    settings = AlertSettings(alertmanager=base)
    answer = reading(await panel(cluster(app("geo")), alerts=settings).observe(), "alerts")
    assert len(answer.findings) == 1 and answer.lag == settings.alertmanager_lag


def test_labels_of_one_may_be_a_part_of_the_others() -> None:
    plain, external = Alert({"alertname": "A"}), Alert({"alertname": "A", "cluster": "prod"})
    assert loud_alerts([plain], [], [external], frozenset({"A"})) == []


# --- no data is never healthy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "monitoring, why",
    [
        (Monitoring(status=503), "answered 503"),
        (Monitoring(body="<html>login</html>"), "api/v1"),
        (Monitoring(body='{"status": "error"}'), "did not succeed"),
        (Monitoring(rules=[]), "no alerting rules"),
        (Monitoring(rules=[{"type": "recording", "name": "r"}]), "no alerting rules"),
        (Monitoring(rules=[rule("A", health="err")]), "fails to evaluate"),
        (Monitoring(loaded=False), "could not load"),
        (Monitoring(evaluated="0001-01-01T00:00:00Z"), "not evaluated"),
        (Monitoring(evaluated=stamp(START - timedelta(minutes=5))), "300 s ago"),
        (Monitoring(started=stamp(START - timedelta(seconds=5))), "started 5 s ago"),
        (
            Monitoring(vectors={LOST_EXPORTERS: [{"metric": {"job": "objects"}, "value": [0, "0"]}]}),
            "scrape job objects",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_what_cannot_be_believed_is_blind(serve: Server, monitoring: Monitoring, why: str) -> None:
    seen = await look(serve, monitoring)
    assert seen.blind == ("alerts",) and seen.severity == float("inf")
    assert why in reading(seen, "alerts").note


async def test_nobody_there_is_blind(unused_tcp_port: int) -> None:
    settings = AlertSettings(prometheus=f"http://ana:secret@127.0.0.1:{unused_tcp_port}")
    answer = reading(await panel(cluster(app("geo")), alerts=settings).observe(), "alerts")
    assert answer.state == "blind" and "secret" not in answer.note


async def test_an_alertmanager_that_is_gone_is_blind_although_prometheus_answers(
    serve: Server, unused_tcp_port: int
) -> None:
    settings = AlertSettings(
        prometheus=await serve(Monitoring().answer), alertmanager=f"http://127.0.0.1:{unused_tcp_port}"
    )
    assert reading(await panel(cluster(app("geo")), alerts=settings).observe(), "alerts").state == "blind"


async def test_applications_in_scope_that_stop_answering_blind_nobody(serve: Server) -> None:
    lost = [{"metric": {"job": "geo", "namespace": "hotel"}, "value": [0, "0"]}]
    assert (await said(serve, Monitoring(vectors={LOST_EXPORTERS: lost}))).state == "observing"


async def test_a_lost_exporter_blinds_until_it_answers_again(serve: Server) -> None:
    monitoring = Monitoring(vectors={LOST_EXPORTERS: [{"metric": {"job": "objects"}, "value": [0, "0"]}]})
    watch = panel(cluster(app("geo")), alerts=AlertSettings(prometheus=await serve(monitoring.answer)))
    assert "alerts" in (await watch.observe()).blind
    monitoring.vectors = {}  # a quarter of an hour later, the query no longer tells
    assert "alerts" in (await watch.observe()).blind
    monitoring.vectors = {"max by (job) (up) == 1": [{"metric": {"job": "objects"}, "value": [0, "1"]}]}
    assert "alerts" in (await watch.observe()).observing


# --- queries ----------------------------------------------------------------------------------------------------------

ERRORS = MetricQuery(name="errors", expr="error_ratio", above=0.1, severity="critical", lag=30)


def vector(*values: str) -> dict[str, list[Any]]:
    return {"error_ratio": [{"metric": {}, "value": [0, value]} for value in values]}


@pytest.mark.parametrize("values, findings", [(["0.05"], 0), (["0.5"], 1), (["NaN", "0.2"], 1)])
async def test_a_query_against_its_threshold(serve: Server, values: list[str], findings: int) -> None:
    answer = await said(serve, Monitoring(vectors=vector(*values)), queries=(ERRORS,))
    assert [f.reason for f in answer.findings] == ["AlertCritical"] * findings and answer.lag == 30


@pytest.mark.parametrize("values", [[], ["NaN"]])
async def test_a_query_without_data_is_blind(serve: Server, values: list[str]) -> None:
    assert (await said(serve, Monitoring(vectors=vector(*values)), queries=(ERRORS,))).state == "blind"


async def test_queries_alone_need_no_rules(serve: Server) -> None:
    assert (await said(serve, Monitoring(rules=[], vectors=vector("0")), queries=(ERRORS,))).state == "observing"


def test_queries_need_a_prometheus() -> None:
    with pytest.raises(InvalidInput, match=r"alerts\.prometheus"):
        AlertOracle(cluster(), FakeClock(), AlertSettings(queries=(ERRORS,)))


async def test_a_jobs_alert_belongs_to_its_cron_job(serve: Server) -> None:
    cron = kube("CronJob", "report", spec={"jobTemplate": {"spec": {"template": {"metadata": {}, "spec": {}}}}})
    job = kube("Job", "report-1", owner=cron, spec={"template": {"metadata": {}, "spec": {}}}, status={})
    base = await serve(Monitoring(alerts=[fired("JobFailed", job_name="report-1")]).answer)
    seen = await panel(cluster(cron, job), alerts=AlertSettings(prometheus=base)).observe()
    assert found(seen, "alerts") == {("cronjob/report", "AlertWarning")}


@pytest.mark.parametrize("text, value", [("15s", 15), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600)])
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == value
