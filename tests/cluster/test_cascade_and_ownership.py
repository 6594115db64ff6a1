"""What goes with an owner, in which order it comes back, and who else manages an object."""

from __future__ import annotations

from typing import Any

from stratus.cluster.cascade import dying, uids, under_new_owners, undo_order
from stratus.cluster.ownership import controlled, managers
from stratus.cluster.restore import plan_undo
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef


def _object(kind: str, name: str, *owners: str, **meta: Any) -> JsonObject:
    references = [{"kind": "X", "name": owner, "uid": owner} for owner in owners]
    metadata = {
        "name": name,
        "uid": name,
        "namespace": "n",
        **({"ownerReferences": references} if owners else {}),
        **meta,
    }
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata}


def test_a_child_dies_only_with_its_last_owner() -> None:
    root = _object("Gadget", "root")
    candidates = [
        _object("ConfigMap", "grandchild", "child"),
        _object("ConfigMap", "child", "root"),
        _object("ConfigMap", "shared", "root", "elsewhere"),
        _object("ConfigMap", "both", "root", "child"),
        _object("ConfigMap", "stranger", "elsewhere"),
    ]
    assert [child["metadata"]["name"] for child in dying(root, candidates)] == ["child", "grandchild", "both"]


def test_history_comes_before_its_owner_and_the_rest_after() -> None:
    root, history, rest = _object("Deployment", "d"), _object("ReplicaSet", "r", "d"), _object("ConfigMap", "c", "d")
    assert [obj["kind"] for obj in undo_order(root, [rest, history])] == ["ReplicaSet", "Deployment", "ConfigMap"]
    assert uids(root, [history]) == {"d", "r"}
    again = under_new_owners(rest, {"d": "new"})
    assert again["metadata"]["ownerReferences"][0]["uid"] == "new"
    assert rest["metadata"]["ownerReferences"][0]["uid"] == "d"


def test_a_child_that_is_not_collected_yet_is_waited_for() -> None:
    child = _object("ReplicaSet", "r", "d")
    plan = plan_undo(ObjectRef.of(child), child, None, child, gone=frozenset({"d", "r"}))
    assert plan.write is None and "collected" in plan.wait


def test_everybody_who_manages_it_is_named_once() -> None:
    fields = [
        {"manager": "argocd-controller", "operation": "Apply"},
        {"manager": "kubectl", "operation": "Apply"},
        {"manager": "vpa", "operation": "Update"},
        {"manager": "operator", "operation": "Apply"},
    ]
    plain = _object("Deployment", "d", managedFields=fields)
    assert managers(plain) == ("Argo CD (server-side apply)", "operator (server-side apply)")
    tracked = _object(
        "Deployment", "d", managedFields=fields, annotations={"argocd.argoproj.io/tracking-id": "shop:apps"}
    )
    assert managers(tracked) == ("Argo CD application shop", "operator (server-side apply)")
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    assert managers(_object("Service", "s", labels=labels)) == ("Helm",)
    release = {"meta.helm.sh/release-name": "shop"}
    assert managers(_object("Service", "s", labels=labels, annotations=release)) == ("Helm release shop",)
    owner = {"kind": "Gadget", "name": "g", "uid": "g", "controller": True}
    assert managers(_object("ConfigMap", "c", ownerReferences=[owner])) == ("Gadget g",)
    assert managers(_object("ConfigMap", "c")) == ()


def test_an_autoscaler_owns_the_replicas_of_its_target_only() -> None:
    target = ObjectRef(api_version="apps/v1", kind="Deployment", namespace="n", name="web")
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert controlled(target, [{"spec": {"scaleTargetRef": reference}}]) == (("spec", "replicas"),)
    for other in ({"name": "api"}, {"kind": "StatefulSet"}, {"apiVersion": "example.com/v1"}):
        assert controlled(target, [{"spec": {"scaleTargetRef": {**reference, **other}}}]) == ()
