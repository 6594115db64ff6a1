"""What the writers promise: each step kind, its preconditions, and that dry runs store nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, OutcomeUnknown, Refused
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import (
    ApplyStep,
    CreateStep,
    DeleteStep,
    EvictStep,
    PatchStep,
    ReplaceStep,
    ScaleStep,
    Step,
)
from stratus.ports import Precondition
from tests.cluster.conftest import Cluster

Make = Callable[..., JsonObject]


def _pin(obj: JsonObject, **changes: Any) -> Precondition:
    meta = obj["metadata"]
    return Precondition(**{"uid": meta["uid"], "resource_version": meta["resourceVersion"], **changes})


def _changes(ref: ObjectRef) -> list[Step]:
    """The same change in every form, of a kind that no controller writes to."""
    body = {"data": {"b": "2"}}
    whole = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": ref.name, "namespace": ref.namespace}}
    return [
        PatchStep(target=ref, patch_type="strategic", patch=body),
        PatchStep(target=ref, patch_type="merge", patch=body),
        PatchStep(target=ref, patch_type="json", patch=[{"op": "add", "path": "/data/b", "value": "2"}]),
        ReplaceStep(target=ref, manifest={**whole, **body}),
        ApplyStep(target=ref, manifest={**whole, **body}, field_manager="tester", force=True),
    ]


@pytest.mark.parametrize("number", range(5), ids=["strategic", "merge", "json", "replace", "apply"])
async def test_an_update_is_pinned_to_version_and_uid(cluster: Cluster, number: int) -> None:
    created = await cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    )
    step = _changes(ObjectRef.of(created))[number]
    with pytest.raises(Conflict):
        await cluster.writer.send(step, _pin(created, resource_version="1"))
    with pytest.raises(Refused) as refused:
        await cluster.writer.send(step, _pin(created, uid="11111111-1111-1111-1111-111111111111"))
    assert refused.value.status in (409, 422)
    assert (await cluster.dry.send(step, _pin(created)))["data"]["b"] == "2"
    assert (await cluster.reader.get(step.target))["data"] == {"a": "1"}
    stored = await cluster.writer.send(step, _pin(created))
    assert stored["data"]["b"] == "2"
    manager = "tester" if isinstance(step, ApplyStep) else "stratus"
    assert manager in [entry["manager"] for entry in stored["metadata"]["managedFields"]]


async def test_scaling_answers_with_the_whole_object(cluster: Cluster, web: Make) -> None:
    created = await cluster.create(web())
    step = ScaleStep(target=ObjectRef.of(created), replicas=3)
    assert (await cluster.dry.send(step, Precondition()))["spec"]["replicas"] == 3
    assert (await cluster.reader.get(step.target))["spec"]["replicas"] == 0
    with pytest.raises(Conflict):
        await cluster.writer.send(step, _pin(created, resource_version="1"))
    stored = await cluster.writer.send(step, Precondition(uid=created["metadata"]["uid"]))
    assert (stored["kind"], stored["spec"]["replicas"]) == ("Deployment", 3)


async def test_what_cannot_be_scaled_is_refused(cluster: Cluster) -> None:
    with pytest.raises(Refused, match="cannot be scaled"):
        await cluster.writer.send(ScaleStep(target=cluster.ref("ConfigMap", "x"), replicas=1), Precondition())


async def test_a_delete_is_pinned_and_says_what_is_left(cluster: Cluster) -> None:
    plain = await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain"}})
    step = DeleteStep(target=ObjectRef.of(plain))
    for wrong in ({"uid": "11111111-1111-1111-1111-111111111111"}, {"resource_version": "1"}):
        with pytest.raises(Conflict):
            await cluster.writer.send(step, _pin(plain, **wrong))
    assert await cluster.dry.send(step, _pin(plain)) == {}
    assert (await cluster.reader.get(step.target))["metadata"]["uid"] == plain["metadata"]["uid"]
    assert await cluster.writer.send(step, _pin(plain)) == {}
    with pytest.raises(Absent):
        await cluster.writer.send(step, Precondition())


async def test_a_delete_that_waits_for_a_finalizer_leaves_the_object(cluster: Cluster) -> None:
    meta = {"name": "held", "finalizers": ["example.com/hold"]}
    held = await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    left = await cluster.writer.send(DeleteStep(target=ObjectRef.of(held)), _pin(held))
    assert left["metadata"]["deletionTimestamp"]
    release = PatchStep(target=ObjectRef.of(held), patch_type="merge", patch={"metadata": {"finalizers": None}})
    await cluster.writer.send(release, Precondition())


async def test_a_create_names_its_object_and_a_second_one_conflicts(cluster: Cluster) -> None:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": cluster.namespace}}
    step = CreateStep(target=cluster.ref("ConfigMap", "c"), manifest=manifest)
    assert (await cluster.dry.send(step, Precondition()))["metadata"]["name"] == "c"
    with pytest.raises(Absent):
        await cluster.reader.get(step.target)
    await cluster.writer.send(step, Precondition())
    with pytest.raises(Conflict):
        await cluster.writer.send(step, Precondition())


async def test_an_eviction_removes_the_pod_unless_dry(cluster: Cluster) -> None:
    spec = {
        "containers": [{"name": "main", "image": "localhost:5000/pause:3.2"}],
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"no-such-label": "here"},
    }
    meta = {"name": "p", "namespace": cluster.namespace}
    await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "runner"}})
    spec |= {"serviceAccountName": "runner", "automountServiceAccountToken": False}
    pod = await cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    step = EvictStep(target=ObjectRef.of(pod))
    with pytest.raises((Conflict, OutcomeUnknown)):  # 1.20 tries again for ten seconds before it admits the conflict
        await cluster.writer.send(step, Precondition(uid="11111111-1111-1111-1111-111111111111"))
    await cluster.dry.send(step, Precondition())
    assert (await cluster.reader.get(step.target))["metadata"].get("deletionTimestamp") is None
    assert await cluster.writer.send(step, Precondition(uid=pod["metadata"]["uid"])) == {}


async def test_what_the_server_refuses_carries_its_reason(cluster: Cluster, web: Make) -> None:
    created = await cluster.create(web())
    patch = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    with pytest.raises(Refused, match="immutable") as refused:
        step = PatchStep(target=ObjectRef.of(created), patch_type="merge", patch=patch)
        await cluster.dry.send(step, Precondition())
    assert (refused.value.status, refused.value.reason) == (422, "Invalid")
