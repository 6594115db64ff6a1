"""Alerts follow the objects, and the answers have the shape of Prometheus' and Alertmanager's."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from stratus.cluster.reader import Reader
from stratus.cluster.transport import InProcessTransport
from stratus.oracles.panel import Panel
from stratus.oracles.settings import AlertSettings, OracleSettings
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.traffic.alerts import load_rules
from stratus.sandbox.traffic.promql.parser import parse
from stratus.testing.clock import KernelClock

REAL_RULES = Path(__file__).parents[4] / "shared" / "realcluster" / "observe" / "rules.yml"


@pytest.fixture(scope="module")
def cluster() -> EmbeddedCluster:
    cluster = EmbeddedCluster(virtual=True, applications=["hotel"])
    cluster.start()
    cluster.settle()
    cluster.advance(60)
    return cluster


def get(cluster: EmbeddedCluster, path: str, query: str = "", **more: Any) -> Any:
    return json.loads(cluster.monitoring.http("GET", path, _query(query), b"").body)


def _query(text: str) -> dict[str, list[str]]:
    return {name: [value] for name, _, value in (pair.partition("=") for pair in text.split("&") if pair)}


def data(cluster: EmbeddedCluster, name: str, query: str = "") -> Any:
    answer = get(cluster, f"/prometheus/api/v1/{name}", query)
    assert answer["status"] == "success"
    return answer["data"]


def test_a_healthy_cluster_is_silent(cluster: EmbeddedCluster) -> None:
    assert list(cluster.monitoring.alerts.active()) == []
    assert get(cluster, "/alertmanager/api/v2/alerts") == []


def test_the_application_is_scraped_under_the_real_clusters_names(cluster: EmbeddedCluster) -> None:
    result = data(cluster, "query", 'query=load_requests_total{code="200"}')["result"]
    (row,) = result
    assert row["metric"]["target"] == "frontend:8080"
    assert {"__name__", "app", "code", "instance", "job", "namespace", "pod", "target"} == set(row["metric"])
    assert float(row["value"][1]) > 200
    (scalar,) = data(cluster, "query", "query=sum(rate(load_requests_total[20s]))")["result"]
    assert float(scalar["value"][1]) == pytest.approx(5, abs=0.3)
    (ready,) = data(cluster, "query", 'query=kube_deployment_status_replicas_available{deployment="geo"}')["result"]
    assert ready["metric"]["job"] == "objects" and ready["value"][1] == "1"


def test_a_range_query_has_a_value_per_step(cluster: EmbeddedCluster) -> None:
    end = cluster.kernel.now()
    query = f"query=sum(load_requests_total)&start={end - 20}&end={end}&step=5"
    (row,) = data(cluster, "query_range", query)["result"]
    assert len(row["values"]) == 5
    assert [float(v) for _, v in row["values"]] == sorted(float(v) for _, v in row["values"])


def test_errors_are_prometheus_errors(cluster: EmbeddedCluster) -> None:
    answer = cluster.monitoring.http("GET", "/prometheus/api/v1/query", _query("query=sum("), b"")
    assert answer.status == 400
    assert json.loads(answer.body)["errorType"] == "bad_data"
    assert cluster.monitoring.http("GET", "/prometheus/api/v1/query", {}, b"").status == 400
    assert cluster.monitoring.http("GET", "/prometheus/api/v1/nothing", {}, b"").status == 404
    posted = cluster.monitoring.http("POST", "/prometheus/api/v1/query", {}, b"query=1%2B1")
    assert json.loads(posted.body)["data"]["result"][1] == "2"


def test_labels_series_and_rules_are_listed(cluster: EmbeddedCluster) -> None:
    assert "namespace" in data(cluster, "labels")
    assert "load_requests_total" in data(cluster, "label/__name__/values")
    assert data(cluster, "label/target/values") == ["frontend:8080"]
    assert data(cluster, "series", "match[]=load_requests_total")
    assert cluster.monitoring.http("GET", "/prometheus/-/ready", {}, b"").status == 200
    names = {rule["name"] for group in data(cluster, "rules")["groups"] for rule in group["rules"]}
    assert "RequestErrorRate" in names


def test_an_alert_is_pending_then_firing_then_gone() -> None:
    cluster = EmbeddedCluster(virtual=True, applications=["hotel"])
    cluster.start()
    cluster.settle()
    cluster.advance(40)
    cluster.faults.inject("scaled-to-zero")
    seen = []
    for _ in range(20):
        cluster.advance(1)
        seen.append(
            next((a.state for a in cluster.monitoring.alerts.active() if a.rule.name == "RequestErrorRate"), "")
        )
    assert seen == sorted(seen, key=["", "pending", "firing"].index)
    assert seen[-1] == "firing" and seen.count("pending") in (5, 6, 7)
    (alert,) = get(cluster, "/alertmanager/api/v2/alerts")
    wanted = {"alertname": "RequestErrorRate", "namespace": "hotel", "service": "frontend", "severity": "critical"}
    assert wanted.items() <= alert["labels"].items()
    assert alert["annotations"]["summary"] == "More than 10% of requests to frontend:8080 fail"
    assert {"startsAt", "endsAt", "updatedAt", "fingerprint", "receivers", "status", "generatorURL"} < set(alert)
    (shown,) = data(cluster, "alerts")["alerts"]
    assert (shown["state"], shown["labels"]) == ("firing", alert["labels"])
    cluster.faults.heal("scaled-to-zero")
    cluster.advance(60)
    assert get(cluster, "/alertmanager/api/v2/alerts") == []


def test_load_costs_no_lookups_while_nothing_changes(cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: list[str] = []
    resolve = cluster.network.dns.resolve

    def counted(host: str, pod: dict[str, Any]) -> tuple[str, ...]:
        lookups.append(host)
        return resolve(host, pod)

    monkeypatch.setattr(cluster.network.dns, "resolve", counted)
    cluster.advance(60)
    assert lookups == []
    pod = cluster.api.list("pods", "hotel", labels="app=geo")[0]
    cluster.api.delete("pods", "hotel", pod["metadata"]["name"])
    cluster.advance(10)
    assert "mongodb-geo" in lookups


def test_the_same_seed_gives_the_same_history() -> None:
    def history() -> list[tuple[float, str]]:
        cluster = EmbeddedCluster(seed=3, virtual=True, applications=["hotel"])
        cluster.start()
        cluster.advance(20)
        cluster.faults.inject("failing-deploy")
        cluster.advance(60)
        pods = cluster.api.list("pods", "hotel", labels="app=search")
        process = cluster.nodes.running("hotel", pods[0]["metadata"]["name"], "search")
        assert process is not None
        return list(process.logs())

    first = history()
    assert len(first) > 5
    assert first == history()


@pytest.mark.skipif(not REAL_RULES.exists(), reason="the real test cluster's rules are not beside this checkout")
def test_the_real_clusters_rules_are_among_ours() -> None:
    ours = {rule.name: rule for rule in load_rules()}
    for group in yaml.safe_load(REAL_RULES.read_text())["groups"]:
        for rule in group["rules"]:
            mine = ours[rule["alert"]]
            assert mine.hold == float(rule["for"].removesuffix("s"))
            if group["name"] == "workloads":
                assert mine.expression == parse(rule["expr"])
                assert mine.annotations == rule["annotations"]


async def test_the_alert_oracle_can_believe_it_once_it_has_run_for_its_lag(cluster: EmbeddedCluster) -> None:
    reader = Reader(InProcessTransport(cluster.request))
    alerts = AlertSettings(prometheus="/prometheus", alertmanager="/alertmanager")
    panel = Panel(reader, KernelClock(cluster.kernel), OracleSettings(namespaces=("hotel",), alerts=alerts))
    (said,) = [each for each in (await panel.observe()).readings if each.oracle == "alerts"]
    assert said.state == "observing" and not said.findings
    assert said.lag == max(rule.hold + rule.interval for rule in load_rules()) + 2


async def test_a_cluster_with_a_past_goes_on_in_real_time() -> None:
    before = time.time()
    cluster = EmbeddedCluster(applications=["hotel"], past=60)
    cluster.start()
    assert cluster.healthy() and not cluster.kernel.virtual
    assert cluster.kernel.now() - before < 60, "its past is not its future"
    (rate,) = data(cluster, "query", "query=sum(rate(load_requests_total[20s]))")["result"]
    assert float(rate["value"][1]) == pytest.approx(5, abs=0.5)
    life = asyncio.create_task(cluster.kernel.run())
    patch = b'{"spec":{"replicas":2}}'
    headers = {"content-type": "application/merge-patch+json"}
    cluster.request("PATCH", "/apis/apps/v1/namespaces/hotel/deployments/geo", body=patch, headers=headers)
    changed = asyncio.Event()
    cluster.store.subscribe(lambda change: changed.set(), "pods")
    await asyncio.wait_for(changed.wait(), 30)
    life.cancel()
