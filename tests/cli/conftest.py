"""An embedded cluster behind a kubeconfig, for commands that are given as a user gives them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stratus.cli.settings import Settings
from stratus.domain.base import JsonObject
from stratus.sandbox.cluster import EmbeddedCluster
from stratus.sandbox.serve import serving, write_kubeconfig


def web(replicas: int) -> JsonObject:
    """A Deployment of one idle container."""
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "localhost:5000/pause:3.2"}]},
            },
        },
    }


@dataclass(frozen=True)
class Served:
    """A cluster, and how a command finds it."""

    cluster: EmbeddedCluster
    settings: Settings

    @property
    def options(self) -> list[str]:
        """Cluster and journal, without a namespace."""
        return ["--kubeconfig", self.settings.kubeconfig, "--journal", self.settings.journal]


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Real time, loopback, no application."""
    cluster = EmbeddedCluster(applications=())
    kubeconfig, journal = tmp_path / "kubeconfig", tmp_path / "journal.db"
    async with serving(cluster) as access:
        write_kubeconfig(access, kubeconfig)
        yield Served(cluster, Settings(kubeconfig=str(kubeconfig), namespaces=("default",), journal=str(journal)))
