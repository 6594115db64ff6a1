"""Read-only judges of a cluster and their sum. What they cannot see, they say; it never counts as healthy."""

from stratus.oracles.panel import Panel
from stratus.oracles.settings import AlertSettings, Confirm, MetricQuery, OracleSettings, Probe

__all__ = ["AlertSettings", "Confirm", "MetricQuery", "OracleSettings", "Panel", "Probe"]
