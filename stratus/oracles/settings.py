"""What an operator can change about the oracles. Times are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from stratus.domain.base import Value


class WorkloadSettings(Value):
    """When a workload that is not settled counts as stuck."""

    window: float = Field(
        default=60.0, gt=0, description="from a pod's creation to ready, when nothing is known about it"
    )
    window_floor: float = Field(default=20.0, gt=0, description="the same once a start was seen: at least this")
    window_factor: float = Field(
        default=3.0, ge=1, description="and this many times as long as the start that was seen"
    )
    proving: float = Field(
        default=60.0,
        ge=0,
        description="the longest that a workload which crashed must outlive its crashes to be settled",
    )
    stall: float = Field(default=60.0, gt=0, description="a rollout that makes no progress for so long will not finish")
    lag_ceiling: float = Field(
        default=30.0, ge=0, description="the longest wait for readiness probes to notice a failure"
    )
    piled_up: int = Field(default=3, ge=2, description="unfinished Jobs of one CronJob that are too many")
    claim_window: float = Field(default=10.0, ge=0, description="a claim that a pod waits for may stay pending so long")


class ServiceSettings(Value):
    """How Services are asked."""

    probe: bool = Field(
        default=True, description="ask Services through the API server's proxy (needs get services/proxy)"
    )
    timeout: float = Field(default=3.0, gt=0, description="for one answer")
    remember: float = Field(default=3.0, ge=0, description="an answer is believed for so long while nothing changed")
    retry_after: float = Field(
        default=0.5, ge=0, description="a Service that does not answer is asked once more after this"
    )
    catch_up: float = Field(default=10.0, ge=0, description="endpoints may lag behind ready pods for so long")
    forget: float = Field(
        default=3600.0, ge=0, description="a Service that vanished from its pods is missed for so long"
    )
    parallel: int = Field(default=8, ge=1, description="Services asked at once")


class TrafficSettings(Value):
    """How the applications' own request counters are read."""

    read: bool = Field(default=True, description="ask pods for their metrics pages (needs get pods/proxy)")
    window: float = Field(default=10.0, gt=0, description="over which failures are counted")
    first_gap: float = Field(default=2.0, ge=0, description="between the two reads of a first look")
    samples: int = Field(default=5, ge=1, description="fewer requests in the window say nothing")
    all_failed: int = Field(default=3, ge=1, description="but so many that all failed do: calls that time out are few")
    remember: float = Field(
        default=60.0, ge=0, description="a verdict stands for so long when there are too few requests"
    )
    fail_share: float = Field(default=0.5, gt=0, le=1, description="share of failures from which RequestsFail")
    degraded_share: float = Field(default=0.1, ge=0, lt=1, description="share of failures above which RequestsDegraded")
    ask_again: float = Field(default=300.0, ge=0, description="a pod without counters is asked again after this")
    pods_at_most: int = Field(default=100, ge=1, description="pods asked in one look")
    parallel: int = Field(default=8, ge=1, description="pods asked at once")
    timeout: float = Field(default=2.0, gt=0, description="for one answer")


class Probe(Value):
    """One SLO probe: a URL, or ``svc:NAMESPACE/NAME:PORT/PATH`` through the API server's service proxy."""

    target: str = Field(description="where it goes, in either form")
    samples: int = Field(default=5, ge=1, description="requests per look")
    more_samples: int = Field(
        default=40, ge=1, description="requests in all, when the first ones disagree or say that a failure is over"
    )
    timeout: float = Field(default=3.0, gt=0, description="a request that takes longer has failed")
    expect_below: int = Field(default=400, description="an HTTP status from here on is a failure")
    slow: float | None = Field(default=None, gt=0, description="a request that takes longer counts as slow")
    fail_share: float = Field(default=0.5, gt=0, le=1, description="share of failures from which RequestsFail")
    degraded_share: float = Field(
        default=0.05, ge=0, lt=1, description="share of failures above which RequestsDegraded"
    )


class MetricQuery(Value):
    """A PromQL expression with a threshold. No result, or NaN, is blind and never healthy."""

    name: str = Field(description="the subject of its findings")
    expr: str = Field(description="PromQL, one value or a vector of them")
    above: float | None = Field(default=None, description="a value above it is a finding")
    below: float | None = Field(default=None, description="a value below it is a finding")
    severity: Literal["critical", "warning"] = Field(default="warning", description="AlertCritical or AlertWarning")
    lag: float = Field(default=0.0, ge=0, description="the window of the expression's rates")


class AlertSettings(Value):
    """Where alerts come from: a URL, a Service through the API server's proxy, or a path of the API server as
    ``kubectl get --raw`` asks for it. Without any the oracle is off."""

    prometheus: str = Field(default="", description="URL or `svc:NAMESPACE/NAME:PORT` of a Prometheus")
    alertmanager: str = Field(default="", description="the same of an Alertmanager")
    queries: tuple[MetricQuery, ...] = Field(default=(), description="expressions with thresholds, asked on every look")
    timeout: float = Field(default=5.0, gt=0, description="for one answer")
    longest_wait: float = Field(default=120.0, ge=0, description="rules slower than this are noted, not waited for")
    alertmanager_lag: float = Field(default=30.0, ge=0, description="used when only an Alertmanager is given")
    ignore: tuple[str, ...] = Field(
        default=("Watchdog", "InfoInhibitor"), description="alerts that say nothing is wrong"
    )


class Confirm(Value):
    """When a finding may open an incident. What is stuck counts at once."""

    looks: int = Field(default=2, ge=1, description="consecutive looks that saw it")
    seconds: float = Field(default=3.0, ge=0, description="from the first of them to the last")


class OracleSettings(Value):
    """The whole panel."""

    namespaces: tuple[str, ...] = Field(default=(), description="() is all but kube-*")
    weights: Mapping[str, Annotated[float, Field(ge=0)]] = Field(
        default={}, description="reason: weight, over the default table; 0 is no finding"
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="patterns of subject paths that are never findings: hotel/service/old-*"
    )
    workloads: WorkloadSettings = WorkloadSettings()
    services: ServiceSettings = ServiceSettings()
    traffic: TrafficSettings = TrafficSettings()
    probes: tuple[Probe, ...] = Field(default=(), description="asked on every look")
    alerts: AlertSettings = AlertSettings()
    nodes: bool = Field(default=True, description="judge nodes (needs list nodes)")
    admission: bool = Field(default=True, description="judge webhooks (needs list of webhook configurations)")
    confirm: Confirm = Confirm()
