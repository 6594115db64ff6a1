"""The alert oracle: what fires in Prometheus and Alertmanager, as findings of the subjects that the alerts are about."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Mapping

from stratus.domain.errors import InvalidInput, Unobservable
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Reading
from stratus.oracles import prometheus
from stratus.oracles.judge import blind, finding, observed, off
from stratus.oracles.monitors import Monitor, path_of
from stratus.oracles.prometheus import Alert, Rules, reachable
from stratus.oracles.settings import AlertSettings, MetricQuery
from stratus.oracles.world import KNOWN_OWNERS, World
from stratus.ports import Clock, ClusterReader

__all__ = ["AlertOracle", "loud_alerts", "reachable", "subject_of_alert"]

ORACLE = "alerts"
CRITICAL = frozenset({"critical", "page", "error", "emergency"})
SILENT = frozenset({"none", "info"})
LABEL_KINDS: tuple[tuple[str, str], ...] = (
    # label, kind: the first that is there names the subject. ``job`` and ``instance`` are the scraper's own labels, and
    # kube-state-metrics adds its own ``service``, so a pod is believed first
    ("deployment", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("cronjob", "CronJob"),
    ("job_name", "Job"),
    ("horizontalpodautoscaler", "HorizontalPodAutoscaler"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("node", "Node"),
    ("pod", "Pod"),
    ("service", "Service"),
    ("service_name", "Service"),
)
NAMED_BY_PROGRAMS = frozenset({"service_name"})
"""OpenTelemetry's labels hold what a program calls itself, which need not be a Service."""
_POD_SUFFIX = re.compile(r"(-[a-z0-9]{5}|-\d+)$")
_HASH_SUFFIX = re.compile(r"-[a-z0-9]{6,10}$")


class AlertOracle:
    """It remembers which exporters went silent until they answer again."""

    name = ORACLE

    def __init__(self, reader: ClusterReader, clock: Clock, settings: AlertSettings) -> None:
        """Raises InvalidInput for queries without a Prometheus to ask, and for an address that is none."""
        for base in filter(None, (settings.prometheus, settings.alertmanager)):
            path_of(base)
        if settings.queries and not settings.prometheus:
            raise InvalidInput("alerts.queries need alerts.prometheus: the URL of the Prometheus that answers them")
        self._clock = clock
        self._settings = settings
        self._prometheus = Monitor(settings.prometheus, reader, settings.timeout)
        self._alertmanager = Monitor(settings.alertmanager, reader, settings.timeout)
        self._lost: set[str] = set()

    async def judge(self, world: World) -> Reading:
        """One look."""
        if not self._settings.prometheus and not self._settings.alertmanager:
            return off(ORACLE, "no Prometheus and no Alertmanager is configured")
        try:
            return await self._judge(world)
        except Unobservable as error:
            return blind(ORACLE, str(error))

    async def _judge(self, world: World) -> Reading:
        alerts, rules, asked = await asyncio.gather(self._alerts(), self._rules(world), self._queries())
        if rules and not rules.names and not self._settings.queries:
            raise Unobservable("Prometheus has no alerting rules, so it judges nothing: give it some, or leave it out")
        fired, pending, active, suppressed = alerts
        loud = loud_alerts(fired, active, suppressed, rules.names if rules else frozenset())
        lingers = rules.lingers if rules else {}
        findings = _findings(loud, world, self._settings.ignore, lingers)
        coming = _findings(loud_alerts(pending, [], suppressed, frozenset()), world, self._settings.ignore, lingers)
        lag = rules.lag if rules else self._settings.alertmanager_lag
        notes = []
        if rules and rules.slow:
            notes.append(f"not waited for: {', '.join(sorted(set(rules.slow))[:5])}")
        if rules and rules.failing:
            notes.append(f"rules that fail to evaluate: {', '.join(rules.failing[:5])}")
        lag = max([lag, *(query.lag for query in self._settings.queries)])
        return observed(ORACLE, [*findings, *asked], lag=lag, note="; ".join(notes), pending=coming)

    async def _alerts(self) -> tuple[list[Alert], list[Alert], list[Alert], list[Alert]]:
        """(firing in Prometheus, pending there, active in Alertmanager, silenced or inhibited there)."""
        settings = self._settings
        fired: list[Alert] = []
        pending: list[Alert] = []
        active: list[Alert] = []
        suppressed: list[Alert] = []
        if settings.prometheus:
            fired, pending = await prometheus.active_alerts(self._prometheus)
        if settings.alertmanager:
            active, suppressed = await prometheus.alertmanager_alerts(self._alertmanager)
        return fired, pending, active, suppressed

    async def _rules(self, world: World) -> Rules | None:
        if not self._settings.prometheus:
            return None
        found, lost, answering = await asyncio.gather(
            prometheus.rules(self._prometheus, self._clock.now(), self._settings.longest_wait),
            prometheus.lost_exporters(self._prometheus),
            prometheus.answering_jobs(self._prometheus),
        )
        # an application's own targets in scope are judged by other oracles; blind is who can no longer judge others
        outside = {each.get("job", "") for each in lost if not _judged_here(each.get("namespace", ""), world)}
        self._lost = (self._lost | outside) - answering
        if self._lost:
            raise Unobservable(f"no target of scrape job {', '.join(sorted(self._lost))} answers Prometheus any more")
        return found

    async def _queries(self) -> list[Finding]:
        every = await asyncio.gather(*(self._query(each) for each in self._settings.queries))
        return [found for found in every if found]

    async def _query(self, asked: MetricQuery) -> Finding | None:
        result = await prometheus.query(self._prometheus, asked.expr)
        values = [float(each["value"][1]) for each in result]
        if not values or all(map(math.isnan, values)):
            raise Unobservable(f"query {asked.name}: no data")
        known = [value for value in values if not math.isnan(value)]
        high = asked.above is not None and max(known) > asked.above
        low = asked.below is not None and min(known) < asked.below
        if not (high or low):
            return None
        message = f"{max(known):g} is above {asked.above:g}" if high else f"{min(known):g} is below {asked.below:g}"
        reason = "AlertCritical" if asked.severity == "critical" else "AlertWarning"
        return finding(ORACLE, Subject(kind="Query", name=asked.name), reason, message)


def _judged_here(namespace: str, world: World) -> bool:
    return bool(namespace) and world.covers(namespace)


def loud_alerts(
    fired: list[Alert], active: list[Alert], suppressed: list[Alert], own_rules: frozenset[str]
) -> list[Alert]:
    """What fires, once each, without what somebody silenced.

    Prometheus' word counts for its own rules: Alertmanager learns of an alert's end only later. Alertmanager's alerts carry
    Prometheus' external labels as well, so the labels of one may be a part of the other's.
    """
    held = [alert.identity for alert in suppressed]
    loud = [alert for alert in fired if not any(alert.identity <= identity for identity in held)]
    return loud + [alert for alert in active if alert.name not in own_rules]


def _findings(
    alerts: list[Alert], world: World, ignore: tuple[str, ...], lingers: Mapping[str, float]
) -> list[Finding]:
    """One finding per subject and severity; several alerts about the same share its message."""
    said: dict[tuple[Subject, str], list[Alert]] = {}
    for alert in alerts:
        severity = alert.labels.get("severity", "warning").lower()
        subject = subject_of_alert(alert.labels, world)
        if severity in SILENT or alert.name in ignore or subject is None:
            continue
        reason = "AlertCritical" if severity in CRITICAL else "AlertWarning"
        said.setdefault((subject, reason), []).append(alert)
    return [_finding(subject, reason, about, lingers) for (subject, reason), about in said.items()]


def _finding(subject: Subject, reason: str, alerts: list[Alert], lingers: Mapping[str, float]) -> Finding:
    messages = {f"{alert.name}: {alert.summary}" if alert.summary else alert.name for alert in alerts}
    longest = max(lingers.get(alert.name, 0.0) for alert in alerts)
    return finding(ORACLE, subject, reason, "; ".join(sorted(messages)), lingers=longest)


def subject_of_alert(labels: Mapping[str, str], world: World) -> Subject | None:
    """What an alert is about; None when that lies out of scope."""
    namespace = labels.get("namespace", "")
    if namespace and not world.covers(namespace):
        return None
    for label, kind in LABEL_KINDS:
        name = labels.get(label)
        if not name:
            continue
        if kind == "Node":
            return Subject(kind=kind, name=name) if not world.scope or name in world.bound_nodes else None
        if kind == "Pod":
            owner = _owner_of_pod(namespace, name, world)
            if owner:
                return owner
            continue
        if namespace:
            if label in NAMED_BY_PROGRAMS and world.find(kind, namespace, name) is None:
                continue
            known = world.find(kind, namespace, name) if kind in KNOWN_OWNERS else None
            return world.owner(known) if known else Subject(kind=kind, namespace=namespace, name=name)
    if namespace:
        return Subject(kind="Namespace", name=namespace)
    return Subject(kind="Alert", name=labels.get("alertname", "?"))


def _owner_of_pod(namespace: str, name: str, world: World) -> Subject | None:
    """The top owner, by the pod's name when it is gone already: alerts outlive pods by their lag."""
    pod = world.find("Pod", namespace, name)
    if pod:
        return world.owner(pod)
    base = _POD_SUFFIX.sub("", name)
    for kind, owner in (
        ("Deployment", _HASH_SUFFIX.sub("", base)),
        ("StatefulSet", base),
        ("DaemonSet", base),
        ("Job", base),
    ):
        found = world.find(kind, namespace, owner)
        if found:
            return world.owner(found)
    return None
