"""The online shop's services: the service contract plus the span metrics by which that application is watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stratus.sandbox.apps.process import Batch, ContainerContext, Reply, Sample
from stratus.sandbox.apps.profile import Profile
from stratus.sandbox.apps.service import ServiceProcess


class ShopProcess(ServiceProcess):
    """Counts calls by status and their duration, as the collector's span-metrics connector does."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(profile, settings, context)
        self._spans = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_ERROR": 0}
        self._milliseconds = 0.0

    def _own_page(self, batch: Batch, now: float) -> Reply:
        if batch.path == "/healthz":  # these programs have no health page; their probes open a connection
            return Reply(batch.count, 404, "404: This page could not be found.\n", 0.001)
        return super()._own_page(batch, now)

    def _account(self, replies: Sequence[Reply]) -> None:
        super()._account(replies)
        for reply in replies:
            self._spans["STATUS_CODE_ERROR" if reply.status >= 400 else "STATUS_CODE_UNSET"] += reply.count
            self._milliseconds += reply.count * reply.seconds * 1000

    def _degraded(self, count: int) -> None:
        self._spans["STATUS_CODE_ERROR"] += count  # the client's span of the call that failed

    def samples(self, now: float) -> Sequence[Sample]:
        name = ("service_name", self.name)
        rows = [
            Sample("traces_span_metrics_calls_total", (name, ("status_code", code)), count)
            for code, count in self._spans.items()
        ]
        total = sum(self.requests.values())
        rows.append(Sample("traces_span_metrics_duration_milliseconds_count", (name,), total))
        rows.append(Sample("traces_span_metrics_duration_milliseconds_sum", (name,), round(self._milliseconds, 3)))
        return [*super().samples(now), *rows]
