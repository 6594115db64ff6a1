"""Every test of this folder runs on the embedded and on a real cluster, each time in a namespace of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.conformance.clients import Client, Embedded, Real, find_kubeconfig
from tests.conformance.objects import pod


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "conformance" in str(item.path):
            item.add_marker(pytest.mark.conformance)


@pytest.fixture(scope="session")
def embedded_cluster() -> Embedded:
    return Embedded()


@pytest.fixture(scope="session")
def real_cluster() -> Iterator[Real]:
    kubeconfig = find_kubeconfig()
    if not kubeconfig:
        pytest.skip("no real cluster: set STRATUS_TEST_KUBECONFIG")
    client = Real(kubeconfig)
    yield client
    client.close()


def in_namespace(client: Client) -> Iterator[Client]:
    """The client in a fresh namespace that is deleted afterwards."""
    client.namespace = f"conformance-{uuid.uuid4().hex[:8]}"
    assert client.create("namespaces", {"metadata": {"name": client.namespace}}).code == 201
    client.eventually(lambda: client.create("pods", pod("probe"), dryRun="All").code == 201)
    yield client
    client.delete("namespaces", client.namespace)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.realcluster)])
def cluster(request: pytest.FixtureRequest) -> Iterator[Client]:
    """One of the two clusters, in a fresh namespace."""
    yield from in_namespace(request.getfixturevalue(f"{request.param}_cluster"))


@pytest.fixture
def both(embedded_cluster: Embedded, real_cluster: Real) -> Iterator[tuple[Client, Client]]:
    """Both clusters at once, for comparing answers."""
    for embedded in in_namespace(embedded_cluster):
        for real in in_namespace(real_cluster):
            yield embedded, real
