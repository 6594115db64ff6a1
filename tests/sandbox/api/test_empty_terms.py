"""A field selector may hold empty terms: kr8s sends one, and a real server passes over it."""

from __future__ import annotations

from stratus.sandbox.cluster import EmbeddedCluster


def test_a_trailing_comma_selects_the_same() -> None:
    cluster = EmbeddedCluster(virtual=True, applications=())
    cluster.start()
    path = "/api/v1/namespaces"
    plain = cluster.request("GET", path, "fieldSelector=metadata.name%3Ddefault")
    comma = cluster.request("GET", path, "fieldSelector=metadata.name%3Ddefault,")
    assert (comma.status, comma.body) == (200, plain.body)
    assert cluster.request("GET", path, "fieldSelector=metadata.name").status == 400
