"""Every way in which kubectl lets people name a resource, on both clusters."""

from __future__ import annotations

import pytest

from stratus.cluster.discovery import Discovery, match, path_of
from stratus.cluster.reader import Reader
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent
from stratus.domain.objects import ObjectRef
from stratus.ports import Resource
from stratus.testing.faults import RecordingTransport
from tests.cluster.conftest import Cluster

WORDS = {
    "Deployment": "apps/v1/Deployment",
    "deployments": "apps/v1/Deployment",
    "deploy": "apps/v1/Deployment",
    "deploy.apps": "apps/v1/Deployment",
    "deployments.v1.apps": "apps/v1/Deployment",
    "PO": "v1/Pod",
    "svc": "v1/Service",
    "node": "v1/Node",
    "Ingress": "networking.k8s.io/v1/Ingress",
    "event": "v1/Event",
    "sts": "apps/v1/StatefulSet",
    "roles.rbac.authorization.k8s.io": "rbac.authorization.k8s.io/v1/Role",
}


@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
async def test_words_mean_what_they_mean_to_kubectl(cluster: Cluster, warm: bool) -> None:
    for word, meant in WORDS.items():
        discovery = Discovery(cluster.transport)
        if warm:
            await discovery.resources()
        found = await discovery.resolve(word)
        assert f"{found.api_version}/{found.kind}" == meant, word
    with pytest.raises(Absent, match="nonsense"):
        await cluster.reader.discovery.resolve("nonsense")
    with pytest.raises(Absent):
        await cluster.reader.get(ObjectRef(api_version="apps/v1", kind="Nonsense", name="x"))


async def test_a_first_read_costs_two_requests(cluster: Cluster) -> None:
    recorder = RecordingTransport(cluster.transport)
    reader = Reader(recorder)
    await reader.list("Pod", cluster.namespace)
    assert len(recorder.seen) == 2
    await reader.list("Pod", cluster.namespace)
    assert len(recorder.seen) == 3


async def test_the_whole_list_is_asked_for_again_when_it_is_old(cluster: Cluster) -> None:
    now = 0.0
    recorder = RecordingTransport(cluster.transport)
    discovery = Discovery(recorder, lambda: now)
    await discovery.resources()
    first = len(recorder.seen)
    await discovery.resources()
    assert len(recorder.seen) == first
    now = 1000.0
    await discovery.resources()
    assert len(recorder.seen) == 2 * first


async def test_who_the_cluster_is(cluster: Cluster) -> None:
    identity = await cluster.reader.identity()
    system: JsonObject = await cluster.reader.get_path("/api/v1/namespaces/kube-system")
    assert identity.uid == system["metadata"]["uid"]
    assert identity.version.startswith("v1.")


def test_a_preferred_version_and_a_full_name_come_first() -> None:
    def resource(
        group: str, version: str, kind: str, *, preferred: bool = True, short: tuple[str, ...] = ()
    ) -> Resource:
        plural = kind.lower() + "s"
        return Resource(
            group=group,
            version=version,
            kind=kind,
            plural=plural,
            namespaced=True,
            preferred=preferred,
            short_names=short,
        )

    old = resource("a", "v1beta1", "Thing", preferred=False)
    new = resource("a", "v1", "Thing")
    shadow = resource("b", "v1", "Other", short=("thing",))
    assert match("thing", [shadow, old, new]) == new
    assert match("things.v1beta1.a", [new, old]) == old
    assert match("thing.b", [old, new, shadow]) == shadow
    assert path_of(new, "n", "x", "scale") == "/apis/a/v1/namespaces/n/things/x/scale"
    assert path_of(new) == "/apis/a/v1/things"
