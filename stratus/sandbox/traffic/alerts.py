"""Alerting rules: expression, `for`, pending, firing; evaluated on the cluster's own time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources

import yaml

from stratus.sandbox.traffic.promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Negative,
    PromqlError,
    Selector,
    Subquery,
)
from stratus.sandbox.traffic.promql.evaluate import Evaluator
from stratus.sandbox.traffic.promql.parser import parse
from stratus.sandbox.traffic.promql.values import Labels, Vector, without_name
from stratus.sandbox.traffic.series import Database

TEMPLATE = re.compile(r"\{\{\s*(\$labels\.(\w+)|\$value)\s*\}\}")
Fingerprint = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Rule:
    """One alerting rule; `hold` is its `for`, `interval` that of its group, in seconds."""

    group: str
    interval: float
    name: str
    text: str
    expression: Expr
    hold: float
    labels: Labels
    annotations: Labels


@dataclass(frozen=True)
class Alert:
    """One active element of a rule."""

    rule: Rule
    labels: Labels
    annotations: Labels
    active_at: float
    value: float
    firing_at: float | None = None

    @property
    def state(self) -> str:
        return "pending" if self.firing_at is None else "firing"


@dataclass
class _State:
    versions: tuple[int, ...] = ()
    vector: Vector = field(default_factory=list)
    alerts: dict[Fingerprint, Alert] = field(default_factory=dict)
    error: str = ""


def load_rules() -> list[Rule]:
    """The rules that come with the cluster."""
    text = resources.files("stratus.sandbox.traffic").joinpath("rules.yml").read_text()
    return [
        Rule(
            group["name"], float(group["interval"]), rule["alert"], rule["expr"], parse(rule["expr"]), float(rule.get("for", 0)),
            rule.get("labels") or {}, rule.get("annotations") or {},
        )
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
    ]  # fmt: skip


class Alerts:
    """All rules and their active alerts."""

    def __init__(self, database: Database, rules: list[Rule] | None = None) -> None:
        self._database = database
        self.rules = load_rules() if rules is None else rules
        self._states = [_State() for _ in self.rules]
        self._evaluated: dict[str, float] = {}
        self._inputs = [_inputs(rule.expression) for rule in self.rules]

    def evaluate(self, at: float) -> None:
        """One evaluation of every rule. A rule over instant values is recomputed only when one of its inputs moved."""
        for rule, state, names in zip(self.rules, self._states, self._inputs, strict=True):
            if at % rule.interval:
                continue
            self._evaluated[rule.group] = at
            versions = tuple(self._database.versions.get(name, 0) for name in names or ())
            if names is None or versions != state.versions or not state.versions:
                self._recompute(rule, state, at)
                state.versions = versions
            if state.vector or state.alerts:
                state.alerts = dict(self._advance(rule, state, at))

    def active(self) -> Iterator[Alert]:
        """Pending and firing alerts."""
        for state in self._states:
            yield from state.alerts.values()

    def evaluated(self, group: str) -> float | None:
        """When a group was last evaluated; None: not yet."""
        return self._evaluated.get(group)

    def of(self, rule: Rule) -> list[Alert]:
        """The active alerts of one rule."""
        return list(self._states[self.rules.index(rule)].alerts.values())

    def _recompute(self, rule: Rule, state: _State, at: float) -> None:
        try:
            value = Evaluator(self._database, at).value(rule.expression)
        except PromqlError as error:
            state.error, value = str(error), []
        state.vector = value if isinstance(value, list) else []

    def _advance(self, rule: Rule, state: _State, at: float) -> Iterator[tuple[Fingerprint, Alert]]:
        for point in state.vector:
            labels = {**without_name(point.labels), **rule.labels, "alertname": rule.name}
            fingerprint = tuple(sorted(labels.items()))
            alert = state.alerts.get(fingerprint)
            if alert is None:
                annotations = {k: _render(text, point.labels, point.value) for k, text in rule.annotations.items()}
                alert = Alert(rule, labels, annotations, at, point.value)
            elif alert.value != point.value:
                alert = replace(alert, value=point.value)
            if alert.firing_at is None and at - alert.active_at >= rule.hold:
                alert = replace(alert, firing_at=at)
            yield fingerprint, alert


def _render(text: str, labels: Labels, value: float) -> str:
    return TEMPLATE.sub(lambda match: f"{value:g}" if match[2] is None else labels.get(match[2], ""), text)


def _inputs(expression: Expr) -> tuple[str, ...] | None:
    """The metric names that alone decide an expression's value; None when time does, too (ranges, time())."""
    match expression:
        case Selector(name, _, window, offset):
            return None if window or offset or not name else (name,)
        case Subquery():
            return None
        case Binary(_, left, right):
            parts = [_inputs(left), _inputs(right)]
        case Aggregation(_, inner) | Negative(inner):
            parts = [_inputs(inner)]
        case Call(function, arguments):
            parts = [None] if function == "time" else [_inputs(argument) for argument in arguments]
        case _:
            return ()
    return None if any(part is None for part in parts) else tuple(name for part in parts for name in part or ())
