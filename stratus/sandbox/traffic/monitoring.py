"""Monitoring of the cluster: scrape, evaluate, and answer as Prometheus and Alertmanager do."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from stratus.sandbox.backend import ProxyAnswer
from stratus.sandbox.kernel import Kernel
from stratus.sandbox.store import Store
from stratus.sandbox.traffic import answers
from stratus.sandbox.traffic.alerts import Alerts
from stratus.sandbox.traffic.exporter import ObjectExporter
from stratus.sandbox.traffic.network import ClusterNetwork
from stratus.sandbox.traffic.promql.ast import PromqlError, Selector
from stratus.sandbox.traffic.promql.evaluate import Evaluator
from stratus.sandbox.traffic.promql.parser import duration, parse
from stratus.sandbox.traffic.promql.values import Value
from stratus.sandbox.traffic.scraper import PodScraper
from stratus.sandbox.traffic.series import Database

Query = Mapping[str, list[str]]
MAX_POINTS = 11000  # of one series in a range query, Prometheus' own bound


class Monitoring:
    """Scrapes every `interval` seconds on a fixed grid of cluster time."""

    def __init__(self, kernel: Kernel, store: Store, network: ClusterNetwork, *, interval: float = 2.0) -> None:
        self._kernel = kernel
        self._interval = interval
        self._began = kernel.now()
        self.database = Database(interval)
        self.alerts = Alerts(self.database)
        self._objects = ObjectExporter(store, self.database)
        self._pods = PodScraper(store, network, self.database)
        self._rounds = 0
        self._routes: dict[str, Callable[[Query], Any]] = {
            "query": self._query,
            "query_range": self._query_range,
            "alerts": lambda query: answers.alerts(self.alerts.active()),
            "rules": lambda query: answers.rules(self.alerts),
            "labels": lambda query: sorted({name for series in self._all() for name in ("__name__", *series.mapping)}),
            "series": self._series,
            "targets": lambda query: answers.targets(self._pods.targets()),
            "alertmanagers": lambda query: {"activeAlertmanagers": [], "droppedAlertmanagers": []},
            "metadata": lambda query: {},
            "status/buildinfo": lambda query: {"version": "2.42.0", "revision": "embedded", "goVersion": "none"},
            "status/config": lambda query: {"yaml": f"global:\n  scrape_interval: {interval:g}s\n"},
            "status/runtimeinfo": lambda query: {
                "reloadConfigSuccess": True,
                "startTime": answers.rfc3339(self._began),
            },
        }

    def start(self) -> None:
        """Begins to scrape."""
        now = self._kernel.now()
        following = (math.floor(now / self._interval) + 1) * self._interval
        self._kernel.call_later(following - now, self._tick)

    def _tick(self) -> None:
        at = round(self._kernel.now() / self._interval) * self._interval
        self.scrape(at)
        self.start()

    def scrape(self, at: float) -> None:
        """One scrape and one evaluation of the rules."""
        self._objects.scrape(at)
        self._pods.scrape(at)
        self.alerts.evaluate(at)
        self._rounds += 1
        if self._rounds % 300 == 0:
            self.database.forget(at)

    def ask(self, query: str, at: float | None = None) -> Value:
        """The value of a PromQL query, now or at a time. Raises PromqlError."""
        return Evaluator(self.database, self._kernel.now() if at is None else at).value(parse(query))

    def http(self, method: str, path: str, query: Query, body: bytes) -> ProxyAnswer:
        """Answers a request whose path starts with /prometheus/ or /alertmanager/."""
        merged = {**query, **parse_qs(body.decode("utf-8", "replace"))} if method == "POST" else query
        program, _, rest = path.strip("/").partition("/")
        if rest in ("-/healthy", "-/ready"):
            return ProxyAnswer(200, f"{program.capitalize()} is Ready.\n".encode())
        if program == "alertmanager":
            return self._alertmanager(rest, merged)
        return self._prometheus(rest.removeprefix("api/v1/"), merged)

    def _prometheus(self, name: str, query: Query) -> ProxyAnswer:
        if name.startswith("label/") and name.endswith("/values"):
            data: Any = self._label_values(name.split("/")[1])
        elif name in self._routes:
            try:
                data = self._routes[name](query)
            except PromqlError as error:
                failure = {"status": "error", "errorType": error.kind, "error": str(error)}
                return _json(400 if error.kind == "bad_data" else 422, failure)
        else:
            return ProxyAnswer(404, b"404 page not found\n")
        return _json(200, {"status": "success", "data": data})

    def _alertmanager(self, name: str, query: Query) -> ProxyAnswer:
        if name == "api/v2/alerts":
            wanted = query.get("filter", [])
            return _json(200, answers.alertmanager(self.alerts.active(), self._kernel.now(), wanted))
        if name == "api/v2/status":
            return _json(200, {"cluster": {"status": "ready"}, "versionInfo": {"version": "0.25.0"}})
        return ProxyAnswer(404, b"404 page not found\n")

    def _query(self, query: Query) -> Any:
        at = _time(query, "time", self._kernel.now())
        return answers.instant(self.ask(_text(query, "query"), at), at)

    def _query_range(self, query: Query) -> Any:
        start, end, step = _time(query, "start", 0), _time(query, "end", 0), _seconds(_text(query, "step"))
        if step <= 0:
            raise PromqlError("zero or negative query resolution step widths are not accepted. Try a positive integer")
        if (end - start) / step > MAX_POINTS:
            raise PromqlError(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution"
            )
        expression = parse(_text(query, "query"))
        moments = [start + index * step for index in range(int((end - start) / step) + 1)]
        return answers.matrix([(at, Evaluator(self.database, at).value(expression)) for at in moments])

    def _series(self, query: Query) -> Any:
        found = []
        for text in query.get("match[]", []):
            selector = parse(text)
            if not isinstance(selector, Selector):
                raise PromqlError("invalid parameter 'match[]'")
            found += [{"__name__": s.name, **s.mapping} for s in self.database.select(selector.name, selector.matches)]
        return found

    def _all(self) -> list[Any]:
        return list(self.database.select("", lambda labels: True))

    def _label_values(self, label: str) -> list[str]:
        if label == "__name__":
            return self.database.names()
        return sorted({series.mapping[label] for series in self._all() if label in series.mapping})


def _json(status: int, value: Any) -> ProxyAnswer:
    return ProxyAnswer(status, json.dumps(value).encode(), 0.0, {"Content-Type": "application/json"})


def _text(query: Query, name: str) -> str:
    values = query.get(name)
    if not values:
        raise PromqlError(f'invalid parameter "{name}": missing')
    return values[0]


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return duration(text)


def _time(query: Query, name: str, default: float) -> float:
    """A time stamp: seconds since the epoch, or RFC 3339."""
    text = (query.get(name) or [""])[0]
    if not text:
        return default
    try:
        return float(text)
    except ValueError:
        return answers.moment(text, name)
