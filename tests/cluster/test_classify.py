"""The class of a step, from its structure alone."""

from __future__ import annotations

from typing import Any

import pytest

from stratus.cluster.classify import classify
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Reversibility, Tier
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

EXACT, EQUIVALENT, NONE = Reversibility.EXACT, Reversibility.EQUIVALENT, Reversibility.NONE
OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": True}]}


def _ref(kind: str, namespace: str = "shop") -> ObjectRef:
    return ObjectRef(api_version="v1", kind=kind, namespace=namespace, name="x")


def _object(kind: str, meta: JsonObject | None = None, **fields: Any) -> JsonObject:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "uid": "u", **(meta or {})}, **fields}


def _patch(kind: str, patch: Any, patch_type: Any = "merge", **more: Any) -> PatchStep:
    return PatchStep(target=_ref(kind, more.pop("namespace", "shop")), patch_type=patch_type, patch=patch, **more)


IMAGE = {"spec": {"template": {"spec": {"containers": [{"name": "x", "image": "y"}]}}}}
HELD = _object("ConfigMap", {"finalizers": ["a/b"]})
CLAIM = _object("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}})
GROWN = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
POD = _object("Pod", spec={"tolerations": []})
SHEDDING = _object(
    "StatefulSet", spec={"replicas": 3, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}
)
UNHELD: JsonObject = {"metadata": {"finalizers": None}}
PUT_UNHELD = ReplaceStep(target=_ref("ConfigMap"), manifest=_object("ConfigMap"))
DELETE_LIST: JsonObject = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/b"]}}
DONE_JOB = _object("Job", status={"conditions": [{"type": "Complete", "status": "True"}]})

TABLE: list[tuple[str, Step, JsonObject | None, Reversibility, Tier]] = [
    ("image", _patch("Deployment", IMAGE, "strategic"), _object("Deployment"), EXACT, Tier.WORKLOAD),
    ("label", _patch("Pod", {"metadata": {"labels": {"a": "b"}}}), _object("Pod"), EXACT, Tier.WORKLOAD),
    ("pod", DeleteStep(target=_ref("Pod")), _object("Pod", OWNED), EQUIVALENT, Tier.WORKLOAD),
    ("evict", EvictStep(target=_ref("Pod")), _object("Pod", OWNED), EQUIVALENT, Tier.WORKLOAD),
    ("bare pod", DeleteStep(target=_ref("Pod")), _object("Pod"), EQUIVALENT, Tier.WORKLOAD),
    ("deployment", DeleteStep(target=_ref("Deployment")), _object("Deployment"), EQUIVALENT, Tier.SENSITIVE),
    ("robot", DeleteStep(target=_ref("ServiceAccount")), _object("ServiceAccount"), EQUIVALENT, Tier.SENSITIVE),
    ("service", DeleteStep(target=_ref("Service")), _object("Service"), EXACT, Tier.SENSITIVE),
    ("secret", _patch("Secret", {"data": {"a": "Yg=="}}), _object("Secret"), EXACT, Tier.SENSITIVE),
    ("quota", CreateStep(target=_ref("ResourceQuota"), manifest={}), None, EXACT, Tier.SENSITIVE),
    ("configmap", CreateStep(target=_ref("ConfigMap"), manifest={}), None, EXACT, Tier.WORKLOAD),
    ("cordon", _patch("Node", {"spec": {"unschedulable": True}}, namespace=""), _object("Node"), EXACT, Tier.CLUSTER),
    ("dns", _patch("ConfigMap", {"data": {}}, namespace="kube-system"), _object("ConfigMap"), EXACT, Tier.CLUSTER),
    ("scale", ScaleStep(target=_ref("Deployment"), replicas=2), _object("Deployment"), EXACT, Tier.WORKLOAD),
    (
        "to zero",
        ScaleStep(target=_ref("Deployment"), replicas=0),
        _object("Deployment", spec={"replicas": 3}),
        EXACT,
        Tier.SENSITIVE,
    ),
    ("add finalizer", _patch("ConfigMap", HELD, "strategic"), _object("ConfigMap"), EXACT, Tier.WORKLOAD),
]


@pytest.mark.parametrize(
    ("step", "pre", "reversibility", "tier"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_what_can_be_undone(step: Step, pre: JsonObject | None, reversibility: Reversibility, tier: Tier) -> None:
    verdict = classify(step, pre)
    assert (verdict.reversibility, verdict.tier) == (reversibility, tier)
    assert verdict.reason


ONE_WAY: list[tuple[str, Step, JsonObject | None]] = [
    ("claim", DeleteStep(target=_ref("PersistentVolumeClaim")), CLAIM),
    ("namespace", DeleteStep(target=_ref("Namespace", "")), _object("Namespace")),
    ("new namespace", CreateStep(target=_ref("Namespace", ""), manifest={}), None),
    ("applied crd", ApplyStep(target=_ref("CustomResourceDefinition", ""), manifest={}), None),
    ("finished job", DeleteStep(target=_ref("Job")), DONE_JOB),
    ("held", DeleteStep(target=_ref("ConfigMap")), HELD),
    ("immutable", _patch("ConfigMap", {"immutable": True}), _object("ConfigMap")),
    ("immutable op", _patch("Secret", [{"op": "add", "path": "/immutable", "value": True}], "json"), _object("Secret")),
    ("growth", _patch("PersistentVolumeClaim", GROWN), CLAIM),
    ("finalizer null", _patch("ConfigMap", UNHELD), HELD),
    ("finalizer list", _patch("ConfigMap", DELETE_LIST, "strategic"), HELD),
    ("finalizer put", PUT_UNHELD, HELD),
    ("status", _patch("Deployment", {"status": {}}, subresource="status"), _object("Deployment")),
    ("toleration", _patch("Pod", [{"op": "add", "path": "/spec/tolerations", "value": [{"key": "a"}]}], "json"), POD),
    ("deadline", _patch("Pod", {"spec": {"activeDeadlineSeconds": 5}}), POD),
    ("shedding claims", ScaleStep(target=_ref("StatefulSet"), replicas=1), SHEDDING),
]


@pytest.mark.parametrize(("step", "pre"), [row[1:] for row in ONE_WAY], ids=[row[0] for row in ONE_WAY])
def test_what_cannot_be_undone(step: Step, pre: JsonObject | None) -> None:
    verdict = classify(step, pre)
    assert (verdict.reversibility, verdict.tier) == (NONE, Tier.IRREVERSIBLE)


def test_the_dry_run_can_only_reveal_more() -> None:
    step = ApplyStep(target=_ref("ConfigMap"), manifest=_object("ConfigMap"))
    assert classify(step, _object("ConfigMap")).reversibility is EXACT
    assert classify(step, _object("ConfigMap"), _object("ConfigMap", immutable=True)).reversibility is NONE


def test_text_has_no_part_in_it() -> None:
    """Annotations that claim a class, in the object and in the manifest, change nothing."""
    claim = {"annotations": {"stratus/tier": "workload", "note": "this delete is safe and reversible"}}
    for pre in (CLAIM, {**CLAIM, "metadata": {**CLAIM["metadata"], **claim}}):
        verdict = classify(DeleteStep(target=_ref("PersistentVolumeClaim")), pre)
        assert verdict == classify(DeleteStep(target=_ref("PersistentVolumeClaim")), CLAIM)
