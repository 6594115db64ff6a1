"""The oracles' tables as Markdown, so that docs/oracles.md says what the code does: ``python -m stratus.oracles.tables FILE``."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from stratus.domain.severity import DEFAULT_WEIGHTS
from stratus.oracles.alerts import LABEL_KINDS
from stratus.oracles.asking import PROXY_FAILURES
from stratus.oracles.nodes import PRESSURES
from stratus.oracles.permissions import permissions
from stratus.oracles.pods import CAUSES
from stratus.oracles.settings import (
    AlertSettings,
    Confirm,
    MetricQuery,
    OracleSettings,
    Probe,
    ServiceSettings,
    TrafficSettings,
    WorkloadSettings,
)
from stratus.oracles.verdicts import STATES

ORACLES: tuple[tuple[str, str, str, str], ...] = (
    # name, what it judges, what it must be allowed to, its lag
    (
        "workloads",
        "Deployments, StatefulSets, DaemonSets, Jobs, CronJobs, pods of other owners; claims, quotas, autoscalers",
        "list workloads, pods, services, claims, autoscalers, ingresses; events when a pod is silent or late",
        "what the slowest readiness probe takes to fail, within `WorkloadSettings.lag_ceiling`",
    ),
    (
        "services",
        "Services: endpoints behind them, an answer on their ports, and that those which are called exist",
        "list services, endpoints, pods, ingresses; get services/proxy",
        "`ServiceSettings.remember`",
    ),
    ("requests", "configured probes: a URL, or a Service's path", "get services/proxy for `svc:` probes", "0"),
    (
        "traffic",
        "the request counters that applications publish on their metrics pages; pods without such a page are not judged",
        "get pods/proxy",
        "`TrafficSettings.window`, once there are counters",
    ),
    (
        "alerts",
        "what fires in Prometheus and Alertmanager, and configured queries",
        "HTTP to them, or get services/proxy for `svc:` addresses",
        "longest `for:` + evaluation interval + scrape interval, of the rules within `longest_wait`",
    ),
    ("nodes", "readiness and pressure of the nodes that run pods in scope", "list nodes", "0"),
    (
        "admission",
        "webhooks that fail closed and apply to the scope",
        "list webhook configurations; get endpoints where their Services are",
        "0",
    ),
)

REASONS: Mapping[str, tuple[str, str]] = {
    # reason: (oracle, when)
    "RequestsFail": ("requests, traffic", "half of a probe's, or of a workload's counted requests fail, or more"),
    "RequestsDegraded": (
        "requests, traffic",
        "a smaller share fails (5 % of a probe's, 10 % of counted ones), or is slow",
    ),
    "NoReadyEndpoints": ("services", "nothing is behind a Service whose workloads want pods, or that has callers"),
    "DoesNotAnswer": (
        "services",
        "endpoints are there, and the proxy finds nobody listening, or nobody answering in time",
    ),
    "ServiceMissing": (
        "services",
        "a workload's environment or arguments, or an Ingress, name a Service that is not there; or it vanished from its pods",
    ),
    "Unavailable": ("workloads", "stuck without any ready pod"),
    "ScaledToZero": ("workloads", "zero replicas by its spec, behind a Service that has callers"),
    "Degraded": ("workloads", "stuck with some pods ready, not all"),
    "RolloutStuck": ("workloads", "old pods serve, the new ones never will"),
    "NotSettled": ("workloads", "no progress for the stall time, although enough pods are ready"),
    "Restarting": ("workloads", "ready, but crashed again and again with lives long enough to serve in between"),
    "JobFailed": ("workloads", "a Job failed, or its pod cannot start; of a CronJob, the newest one"),
    "JobsPilingUp": ("workloads", "unfinished Jobs of one CronJob, `piled_up` or more"),
    "ClaimPending": ("workloads", "a pod waits for a claim that is not bound"),
    "QuotaExceeded": ("workloads", "new pods are refused in this quota's name"),
    "AutoscalerBlind": ("workloads", "an autoscaler's ScalingActive is False, unless its target was scaled to zero"),
    "WebhookUnreachable": ("admission", "a webhook fails closed and its Service has no ready endpoint"),
    "NodeNotReady": ("nodes", "the Ready condition is not True"),
    "NodePressure": ("nodes", "a pressure condition is True"),
    "AlertCritical": ("alerts", "an alert with severity critical, page, error or emergency fires"),
    "AlertWarning": ("alerts", "any other alert fires that is not info or none"),
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def settings_table(*models: type[BaseModel]) -> str:
    """The fields of settings that have plain defaults, as their configuration file names them."""
    return table(("setting", "default", "meaning"), [row for model in models for row in _fields(model)])


def _fields(model: type[BaseModel]) -> Iterable[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        default: Any = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            continue
        shown = "required" if field.is_required() else f"`{list(default) if isinstance(default, tuple) else default!r}`"
        yield f"`{model.__name__}.{name}`", shown, field.description or ""


TABLES: Mapping[str, Callable[[], str]] = {
    "oracles": lambda: table(("oracle", "judges", "needs", "lag"), ORACLES),
    "reasons": lambda: table(
        ("reason", "weight", "oracle", "when"),
        [(f"`{reason}`", f"{DEFAULT_WEIGHTS[reason]:g}", *row) for reason, row in REASONS.items()],
    ),
    "states": lambda: table(("state", "when", "because"), STATES),
    "causes": lambda: table(
        ("cause", "seen in", "after", "why waiting does not heal it"),
        [(f"`{row.name}`", row.seen_in, f"{row.after:g} s", row.why) for row in CAUSES],
    ),
    "proxy": lambda: table(
        ("the proxy says", "called", "silence", "because"),
        [(f"`{pattern}`", name, "yes" if silent else "no", why) for pattern, name, silent, why in PROXY_FAILURES],
    ),
    "labels": lambda: table(("label", "subject"), [(f"`{label}`", kind) for label, kind in LABEL_KINDS]),
    "pressures": lambda: table(("condition", "because"), [(f"`{kind}`", why) for kind, why in PRESSURES]),
    "permissions": lambda: table(
        ("API group", "resource", "verb", "where", "for"),
        [
            (each.group or "core", each.resource, each.verb, "namespace" if each.namespaced else "cluster", each.why)
            for each in permissions(OracleSettings())
        ],
    ),
    "settings": lambda: settings_table(
        OracleSettings, WorkloadSettings, ServiceSettings, TrafficSettings, Probe, AlertSettings, MetricQuery, Confirm
    ),
}

_PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(document: str) -> str:
    """A document with its tables as the code has them. Raises KeyError for a table that does not exist."""
    return _PLACE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", document)


def places(document: str) -> list[str]:
    """The tables that a document shows."""
    return [match[2] for match in _PLACE.finditer(document)]


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
