"""Undo: every mutation an SRE makes returns, ownership too, and edits of others stay."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stratus.cluster.normal import desired
from stratus.cluster.tree import same
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, ScaleStep, Step
from stratus.ports import Precondition
from tests.cluster.conftest import Cluster, deployment
from tests.cluster.undoing import live, undo, write

SERVICE: JsonObject = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
}
CONFIG: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"a": "1"}}
SECRET: JsonObject = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "web"}, "data": {"a": "MQ=="}}
QUOTA: JsonObject = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "web"},
    "spec": {"hard": {"configmaps": "50"}},
}


def _web() -> JsonObject:
    made = deployment("web")
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    container["ports"] = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]
    made["metadata"]["labels"] = {"team": "a"}
    return made


def _pod(**fields: Any) -> JsonObject:
    return {"spec": {"template": {"spec": fields}}}


def _main(**fields: Any) -> JsonObject:
    return _pod(containers=[{"name": "main", **fields}])


PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 3}
TOLERATION = [{"key": "a", "operator": "Exists"}]
STAMP = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
ENV_PATH = "/spec/template/spec/containers/0/env/0"

MUTATIONS: dict[str, tuple[JsonObject, str, Any]] = {
    "image": (_web(), "strategic", _main(image="other:1")),
    "env added": (_web(), "strategic", _main(env=[{"name": "C", "value": "3"}])),
    "env changed": (_web(), "strategic", _main(env=[{"name": "A", "value": "9"}])),
    "env removed": (_web(), "strategic", _main(env=[{"name": "A", "$patch": "delete"}])),
    "env from field": (
        _web(),
        "strategic",
        _main(env=[{"name": "A", "value": None, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    ),
    "resources": (_web(), "strategic", _main(resources={"limits": {"cpu": "1500m"}, "requests": {"cpu": "1"}})),
    "probe": (_web(), "strategic", _main(livenessProbe=PROBE)),
    "node selector": (_web(), "merge", _pod(nodeSelector={"disk": "ssd"})),
    "tolerations": (_web(), "merge", _pod(tolerations=TOLERATION)),
    "volume": (_web(), "strategic", _pod(volumes=[{"name": "v", "configMap": {"name": "x"}}])),
    "strategy": (_web(), "merge", {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
    "pause": (_web(), "merge", {"spec": {"paused": True}}),
    "restart": (_web(), "strategic", {"spec": {"template": {"metadata": {"annotations": STAMP}}}}),
    "labels": (_web(), "merge", {"metadata": {"labels": {"team": None, "tier": "b"}}}),
    "annotation": (_web(), "merge", {"metadata": {"annotations": {"note": "x"}}}),
    "env item replaced": (
        _web(),
        "json",
        [{"op": "remove", "path": ENV_PATH}, {"op": "add", "path": ENV_PATH, "value": {"name": "Z", "value": "0"}}],
    ),
    "containers replaced": (
        _web(),
        "json",
        [{"op": "replace", "path": "/spec/template/spec/containers", "value": [{"name": "n", "image": "i"}]}],
    ),
    "target port": (SERVICE, "strategic", {"spec": {"ports": [{"port": 80, "targetPort": 9999}]}}),
    "port": (SERVICE, "json", [{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]),
    "selector": (SERVICE, "merge", {"spec": {"selector": {"app": None, "tier": "x"}}}),
    "node port": (SERVICE, "merge", {"spec": {"type": "NodePort"}}),
    "data": (CONFIG, "merge", {"data": {"a": None, "b": "2"}}),
    "secret": (SECRET, "merge", {"data": {"a": "Mg==", "b": "Mw=="}}),
    "quota": (QUOTA, "merge", {"spec": {"hard": {"configmaps": "0", "pods": "1"}}}),
    "finalizer added": (CONFIG, "merge", {"metadata": {"finalizers": ["example.com/hold"]}}),
}


@pytest.mark.parametrize("name", MUTATIONS)
async def test_a_change_returns_with_its_ownership(cluster: Cluster, name: str) -> None:
    manifest, patch_type, patch = MUTATIONS[name]
    target = ObjectRef.of(await cluster.create(manifest))
    step = PatchStep.model_validate({"target": target, "patch_type": patch_type, "patch": patch})
    pre, post = await write(cluster, step)
    assert pre and post and not same(desired(pre), desired(post))
    plan, left = await undo(cluster, target, pre, post)
    assert (plan.conflicts, plan.foreign, left) == ((), (), ())
    after = await cluster.reader.get(target)
    assert same(desired(after), desired(pre))
    assert _people(after) == _people(pre)


def _people(obj: JsonObject) -> Any:
    """Field ownership of everybody but the controllers, whose status moves on."""
    entries = obj["metadata"]["managedFields"]
    return [(e["manager"], e["operation"], e["fieldsV1"]) for e in entries if e["manager"] != "kube-controller-manager"]


async def test_scale_returns(cluster: Cluster) -> None:
    target = ObjectRef.of(await cluster.create(_web()))
    pre, post = await write(cluster, ScaleStep(target=target, replicas=2))
    assert (await undo(cluster, target, pre, post))[1] == ()
    assert (await cluster.reader.get(target))["spec"]["replicas"] == 0


@pytest.mark.parametrize("manifest", [CONFIG, SECRET, SERVICE, QUOTA, _web()], ids=lambda m: m["kind"])
async def test_what_was_created_goes(cluster: Cluster, manifest: JsonObject) -> None:
    placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": cluster.namespace}}
    target = ObjectRef.of(placed)
    pre, post = await write(cluster, CreateStep(target=target, manifest=placed))
    assert pre is None
    assert (await undo(cluster, target, None, post))[1] == ()
    assert await live(cluster, target) is None


async def test_what_was_created_stays_when_somebody_edited_it(cluster: Cluster) -> None:
    placed = {**CONFIG, "metadata": {**CONFIG["metadata"], "namespace": cluster.namespace}}
    target = ObjectRef.of(placed)
    _, post = await write(cluster, CreateStep(target=target, manifest=placed))
    await _edit(cluster, target, {"data": {"mine": "1"}})
    plan, left = await undo(cluster, target, None, post)
    assert [c.path for c in plan.conflicts] == ["data.mine"] and left


@pytest.mark.parametrize("manifest", [CONFIG, SECRET, SERVICE, QUOTA], ids=lambda m: m["kind"])
async def test_what_was_deleted_comes_back(cluster: Cluster, manifest: JsonObject) -> None:
    target = ObjectRef.of(await cluster.create(manifest))
    pre, post = await write(cluster, DeleteStep(target=target))
    assert pre and post is None
    assert (await undo(cluster, target, pre, post))[1] == ()
    after = await cluster.reader.get(target)
    assert same(desired(after), desired(pre))  # a Service's clusterIP included
    assert _people(after) == _people(pre)


async def _edit(cluster: Cluster, target: ObjectRef, patch: JsonObject) -> None:
    """Another writer."""
    step = PatchStep(target=target, patch_type="strategic", patch=patch)
    await cluster.writer.send(step, Precondition())


async def test_a_foreign_edit_beside_ours_is_kept(cluster: Cluster) -> None:
    target = ObjectRef.of(await cluster.create(_web()))
    pre, post = await write(
        cluster, PatchStep(target=target, patch_type="strategic", patch=_main(env=[{"name": "A", "value": "9"}]))
    )
    await _edit(cluster, target, _main(env=[{"name": "NEW", "value": "n"}], image="theirs:1"))
    plan, left = await undo(cluster, target, pre, post)
    assert (plan.conflicts, left) == ((), ())
    container = (await cluster.reader.get(target))["spec"]["template"]["spec"]["containers"][0]
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {"A": "1", "B": "2", "NEW": "n"}
    assert container["image"] == "theirs:1"
    main = "spec.template.spec.containers[name=main]"
    assert {f"{main}.image", f"{main}.env[name=NEW].value"} == set(plan.foreign)


async def test_a_foreign_edit_of_our_field_is_kept_and_said(cluster: Cluster) -> None:
    target = ObjectRef.of(await cluster.create(_web()))
    pre, post = await write(cluster, PatchStep(target=target, patch_type="strategic", patch=_main(image="ours:1")))
    await _edit(cluster, target, _main(image="theirs:1"))
    plan, left = await undo(cluster, target, pre, post)
    path = "spec.template.spec.containers[name=main].image"
    assert [(c.path, c.after) for c in plan.conflicts] == [(path, "theirs:1")]
    assert [c.path for c in left] == [path]
    assert (await cluster.reader.get(target))["spec"]["template"]["spec"]["containers"][0]["image"] == "theirs:1"


@pytest.mark.parametrize("kind", ["change", "scale", "delete"])
async def test_who_applied_it_can_go_on_without_a_conflict(cluster: Cluster, kind: str) -> None:
    manifest = _web()
    target = ObjectRef.of(await cluster.apply(manifest, "argocd-controller"))
    steps: dict[str, Step] = {
        "change": PatchStep(target=target, patch_type="strategic", patch=_main(image="ours:1")),
        "scale": ScaleStep(target=target, replicas=1),
        "delete": DeleteStep(target=target),
    }
    pre, post = await write(cluster, steps[kind])
    assert (await undo(cluster, target, pre, post))[1] == ()
    manifest = copy.deepcopy(manifest)
    manifest["spec"]["replicas"] = 1
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = "next:1"
    del manifest["metadata"]["labels"]
    applied = await cluster.apply(manifest, "argocd-controller")
    assert applied["spec"]["template"]["spec"]["containers"][0]["image"] == "next:1"
    assert "labels" not in applied["metadata"]
