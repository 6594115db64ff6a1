"""The harder undos: rollout history, autoscalers, custom resources, what is owned by what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stratus.cluster.cascade import cascade_of
from stratus.cluster.normal import desired
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, ScaleStep
from stratus.ports import Precondition
from tests.cluster.conftest import Cluster, deployment
from tests.cluster.undoing import PATIENCE, live, undelete, undo, write

REVISION = "deployment.kubernetes.io/revision"


async def _replica_sets(cluster: Cluster) -> dict[str, tuple[str, str, str]]:
    """name → (image, revision, owner's uid)"""
    result = {}
    for found in await cluster.reader.list("ReplicaSet", cluster.namespace):
        meta = found["metadata"]
        image = found["spec"]["template"]["spec"]["containers"][0]["image"]
        owner = "".join(reference["uid"] for reference in meta.get("ownerReferences") or [])
        result[meta["name"]] = (image, meta.get("annotations", {}).get(REVISION, ""), owner)
    return result


async def _until(cluster: Cluster, count: int, owner: str) -> dict[str, tuple[str, str, str]]:
    """The ReplicaSets once there are ``count`` and all belong to ``owner``."""
    for _ in range(PATIENCE):
        found = await _replica_sets(cluster)
        if (
            len(found) == count
            and {uid for _, _, uid in found.values()} == {owner}
            and all(r for _, r, _ in found.values())
        ):
            return found
        await cluster.wait(0.05)
    raise AssertionError(f"{count} ReplicaSets of {owner} expected: {found}")


async def test_a_deployment_comes_back_with_its_rollout_history(cluster: Cluster) -> None:
    created = await cluster.create(deployment("web"))
    target, uid = ObjectRef.of(created), created["metadata"]["uid"]
    await _until(cluster, 1, uid)
    for number, image in enumerate(("b:2", "c:3"), start=2):
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
        await write(cluster, PatchStep(target=target, patch_type="strategic", patch=patch))
        before = await _until(cluster, number, uid)
    history = await cascade_of(cluster.reader, await cluster.reader.get(target))
    assert {obj["kind"] for obj in history} == {"ReplicaSet"} and len(history) == 3
    pre, post = await write(cluster, DeleteStep(target=target))
    assert pre is not None and post is None
    await undelete(cluster, pre, history)
    again = await cluster.reader.get(target)
    after = await _until(cluster, 3, again["metadata"]["uid"])
    assert {name: row[:2] for name, row in after.items()} == {name: row[:2] for name, row in before.items()}
    assert same(desired(again), desired(pre))
    annotations = (await cluster.reader.get(target))["metadata"]["annotations"]
    assert annotations[REVISION] == "3"


async def test_an_autoscaler_that_holds_more_replicas_is_no_conflict(cluster: Cluster) -> None:
    target = ObjectRef.of(await cluster.create(deployment("web", replicas=1, paused=True)))
    pre, post = await write(cluster, ScaleStep(target=target, replicas=2))
    scaler = {
        "apiVersion": "autoscaling/v1",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 3,
            "maxReplicas": 4,
        },
    }
    await cluster.create(scaler)
    await write(cluster, ScaleStep(target=target, replicas=3))  # what the autoscaler does
    plan, left = await undo(cluster, target, pre, post)
    assert (plan.conflicts, left) == ((), ())
    assert (await cluster.reader.get(target))["spec"]["replicas"] == 3


def _definition(group: str) -> JsonObject:
    """A definition of Gadgets, whose replica count is not where Deployments keep theirs."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": free}}},
        "subresources": {"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
    }
    names = {"plural": "gadgets", "singular": "gadget", "kind": "Gadget", "shortNames": ["gd"]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


async def _served(cluster: Cluster, api_version: str) -> None:
    """Discovery lists a new definition a moment after it is established."""
    for _ in range(PATIENCE):
        try:
            await cluster.reader.discovery.exact(api_version, "Gadget")
            return
        except Absent:
            await cluster.wait(0.05)
    raise AssertionError(f"{api_version} is not served")


@pytest.fixture
async def gadget(cluster: Cluster) -> AsyncIterator[JsonObject]:
    """A custom resource of a definition that exists for this test."""
    definition = _definition(f"{cluster.namespace}.example.com")
    ref = ObjectRef.of(definition)
    await cluster.writer.send(CreateStep(target=ref, manifest=definition), Precondition())
    try:
        await _served(cluster, f"{cluster.namespace}.example.com/v1")
        spec = {"size": 1, "parts": [{"name": "a", "n": 1}, {"name": "b", "n": 2}], "plain": [1, 2]}
        manifest = {
            "apiVersion": f"{cluster.namespace}.example.com/v1",
            "kind": "Gadget",
            "metadata": {"name": "g"},
            "spec": spec,
        }
        yield await cluster.create(manifest)
    finally:
        await cluster.writer.send(DeleteStep(target=ref), Precondition())


async def test_a_custom_resource_returns(cluster: Cluster, gadget: JsonObject) -> None:
    target = ObjectRef.of(gadget)
    assert (await cluster.reader.discovery.resolve(f"gd.{target.group}")).kind == "Gadget"
    patch: Any = {"spec": {"parts": [{"name": "a", "n": 9}], "plain": [3], "extra": {"x": True}}}
    pre, post = await write(cluster, PatchStep(target=target, patch_type="merge", patch=patch))
    assert pre is not None
    assert (await undo(cluster, target, pre, post))[1] == ()
    assert same(desired(await cluster.reader.get(target)), desired(pre))
    pre, post = await write(cluster, ScaleStep(target=target, replicas=5))
    assert pre and post and post["spec"]["size"] == 5
    assert (await undo(cluster, target, pre, post))[1] == ()
    with pytest.raises(Refused, match="custom resource"):
        await cluster.writer.send(PatchStep(target=target, patch_type="strategic", patch=patch), Precondition())


async def test_what_a_custom_resource_owns_comes_back_under_it(cluster: Cluster, gadget: JsonObject) -> None:
    owner = {"apiVersion": gadget["apiVersion"], "kind": "Gadget", "name": "g", "uid": gadget["metadata"]["uid"]}
    meta = {"name": "owned", "ownerReferences": [owner]}
    child = await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}})
    cascade = await cascade_of(cluster.reader, gadget)
    assert [obj["metadata"]["name"] for obj in cascade] == ["owned"]
    pre, _ = await write(cluster, DeleteStep(target=ObjectRef.of(gadget)))
    assert pre is not None
    for _ in range(PATIENCE):
        if await live(cluster, ObjectRef.of(child)) is None:
            break
        await cluster.wait(0.05)
    await undelete(cluster, pre, cascade)
    again = await cluster.reader.get(ObjectRef.of(child))
    parent = await cluster.reader.get(ObjectRef.of(gadget))
    assert again["metadata"]["ownerReferences"][0]["uid"] == parent["metadata"]["uid"]
    assert again["data"] == {"a": "1"}


async def test_a_delete_that_orphans_takes_nothing_along(cluster: Cluster) -> None:
    created = await cluster.create(deployment("web"))
    await _until(cluster, 1, created["metadata"]["uid"])
    assert await cascade_of(cluster.reader, created, "Orphan") == []
    assert len(await cascade_of(cluster.reader, created)) == 1


async def test_a_job_comes_back_without_its_generated_selector(cluster: Cluster) -> None:
    pod = {**deployment()["spec"]["template"]["spec"], "restartPolicy": "Never", "nodeSelector": {"no-such": "node"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {"spec": pod}}}
    created = await cluster.create(job)
    target = ObjectRef.of(created)
    pre, post = await write(cluster, DeleteStep(target=target))
    assert pre is not None
    assert (await undo(cluster, target, pre, post))[1] == ()
    again = await cluster.reader.get(target)
    assert again["spec"]["selector"] != pre["spec"]["selector"]
    assert same(desired(again), desired(pre))


async def test_a_finalizer_holds_the_undo_of_a_delete_until_it_is_gone(cluster: Cluster) -> None:
    meta = {"name": "held", "finalizers": ["example.com/hold"]}
    target = ObjectRef.of(await cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}))
    pre, post = await write(cluster, DeleteStep(target=target))
    assert pre and post and post["metadata"]["deletionTimestamp"]
    waiting = asyncio.create_task(undo(cluster, target, pre, post))
    release = PatchStep(target=target, patch_type="merge", patch={"metadata": {"finalizers": None}})
    await cluster.writer.send(release, Precondition())
    assert (await waiting)[1] == ()
    after = await cluster.reader.get(target)
    assert after["metadata"]["uid"] != pre["metadata"]["uid"]
    await cluster.writer.send(release, Precondition())
