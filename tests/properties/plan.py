"""What a random sequence does: its steps, and everything that will go wrong. All of it follows from one source of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from stratus.domain.objects import ObjectRef
from stratus.domain.policy import Mode
from stratus.domain.steps import (
    ApplyStep,
    CreateStep,
    DeleteStep,
    EvictStep,
    PatchStep,
    Proposal,
    ReplaceStep,
    ScaleStep,
    Step,
)
from stratus.engine.crashpoints import CrashPoint
from stratus.testing.faults import Fault
from tests.properties import application as app
from tests.properties.application import IMAGE, LABEL, NOTE, ref

STEPS_AT_MOST = 5
CRASHES = [*CrashPoint, *list(CrashPoint)[list(CrashPoint).index(CrashPoint.INTENDED) :]]
"""Those around writes twice as often as the others."""


@dataclass(frozen=True)
class Edit:
    """A foreign writer's change of one field, made before the ``before``-th request of the engine."""

    before: int
    target: ObjectRef
    patch: Any
    path: str
    value: Any


@dataclass(frozen=True)
class Plan:
    """One sequence."""

    proposal: Proposal
    mode: Mode = Mode.AUTO
    faults: int = 0
    """How many faults at most."""
    share: float = 0.0
    """Of the writes that meet a fault, until there are no more."""
    script: tuple[Fault, ...] = ()
    """What the first writes meet, in order, before chance decides."""
    edits: tuple[Edit, ...] = ()
    crashes: tuple[tuple[CrashPoint, int], ...] = ()
    """(point, the how-manieth passing of it)."""
    killed_in_write: int = 0
    """The engine dies while this write of its is under way; 0: never."""
    veto_at: int = 0
    """Somebody objects at this request; 0: nobody does."""
    undo_denied: bool = False
    """A webhook rejects what undo wants to write."""
    undo_after_commit: bool = False
    on_disk: bool = False
    """The real journal, reopened after each crash, instead of a log in memory."""


def random_plan(rng: Random, namespace: str, pods: Sequence[str]) -> Plan:
    steps = tuple(random_step(rng, namespace, pods) for _ in range(rng.randint(1, STEPS_AT_MOST)))
    calm = rng.random() < 0.15
    troubles: dict[str, Any] = {}
    if not calm:
        troubles = {
            "faults": rng.choice([0, 1, 2, 4, 8]),
            "share": rng.choice([0.1, 0.3, 0.6]),
            "edits": tuple(_edit(rng, namespace, n) for n in range(rng.choice([0, 0, 0, 1, 2]))),
            "crashes": tuple((rng.choice(CRASHES), rng.randint(1, 2)) for _ in range(rng.choice([0, 0, 1, 2]))),
            "killed_in_write": rng.choice([0, 0, 0, 0, rng.randint(1, 6)]),
            "veto_at": rng.choice([0, 0, 0, rng.randint(1, 120)]),
            "undo_denied": rng.random() < 0.08,
        }
    return Plan(
        proposal=Proposal(steps=steps, reason="random"),
        mode=rng.choice([Mode.AUTO, Mode.AUTO, Mode.VETO]),
        undo_after_commit=rng.random() < 0.6,
        on_disk=rng.random() < 0.1,
        **troubles,
    )


# --- steps ------------------------------------------------------------------------------------------------------------


def random_step(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    make = rng.choice([_create, _patch, _patch, _patch, _apply, _replace, _delete, _scale, _evict])
    return make(rng, namespace, pods)


def _create(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    name = rng.choice(["new", "other", "other2", "settings"])
    manifest = rng.choice(
        [
            app.config_map(namespace, name, x=_value(rng)),
            app.secret(namespace, name, token="bmV3"),
            app.service(namespace, rng.choice(["new", "other"]), port=9000),
            app.deployment(namespace, rng.choice(["new", "web"]), rng.choice([0, 1])),
        ]
    )
    return CreateStep(target=ObjectRef.of(manifest), manifest=manifest)


def _patch(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    kind, name, patch = _strategic(rng)
    target = ref(namespace, kind, name)
    style = rng.choice(["strategic", "merge", "json"])
    if style == "merge" and "template" in str(patch):
        patch = {"metadata": {"annotations": {NOTE: _value(rng)}}, "spec": {"minReadySeconds": 1}}
    if style != "json":
        return PatchStep(target=target, patch_type=style, patch=patch)
    operations = {
        "ConfigMap": [{"op": "replace", "path": "/data/x", "value": _value(rng)}],
        "Secret": [{"op": "add", "path": "/data/more", "value": "bW9yZQ=="}],
        "Service": [{"op": "replace", "path": "/spec/ports/0/port", "value": 8081}],
        "Deployment": [
            {"op": "replace", "path": "/spec/template/spec/containers/0/env/1/value", "value": _value(rng)},
            {"op": "remove", "path": "/spec/template/spec/containers/0/readinessProbe"},
        ],
    }[kind]
    return PatchStep(target=target, patch_type="json", patch=operations[: rng.randint(1, 2)])


def _strategic(rng: Random) -> tuple[str, str, Any]:
    """(kind, name, a patch that means the same as a merge patch unless it changes the pod template)."""
    workload = rng.choice(["web", "api"])
    return rng.choice(
        [
            ("ConfigMap", "settings", {"data": {"x": _value(rng)}}),
            ("ConfigMap", "settings", {"data": {"y": None, "z": _value(rng)}}),
            ("ConfigMap", "features", {"data": {"x": _value(rng)}, "metadata": {"labels": {LABEL: "a"}}}),
            ("Secret", "credentials", {"data": {"token": "Y2hhbmdlZA=="}}),
            ("Service", workload, {"spec": {"selector": {"tier": "none"}}}),
            ("Service", workload, {"metadata": {"labels": {LABEL: _value(rng)}}}),
            ("Deployment", workload, {"metadata": {"annotations": {NOTE: _value(rng)}}}),
            ("Deployment", workload, {"spec": {"revisionHistoryLimit": 3}}),
            ("Deployment", workload, _container(env=[{"name": "LOG", "value": _value(rng)}])),
            ("Deployment", workload, _container(env=[{"name": "NEW", "value": "1"}])),
            ("Deployment", workload, _container(image=rng.choice(["localhost:5000/absent:9", IMAGE]))),
            ("Deployment", workload, _container(env=[{"name": "REQUIRE_FILE", "value": "/absent"}])),
        ]
    )


def _container(**changes: Any) -> Any:
    return {"spec": {"template": {"spec": {"containers": [{"name": "main", **changes}]}}}}


def _apply(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    manifest = rng.choice(
        [
            app.config_map(namespace, rng.choice(["settings", "applied"]), x=_value(rng), applied="1"),
            app.service(namespace, "web"),
            app.deployment(namespace, rng.choice(["web", "api"]), 1, LOG=_value(rng)),
        ]
    )
    manifest["metadata"]["labels"] = {LABEL: _value(rng)}
    manager = rng.choice(["kubectl", "argocd-controller"])
    return ApplyStep(target=ObjectRef.of(manifest), manifest=manifest, field_manager=manager, force=rng.random() < 0.7)


def _replace(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    manifest = rng.choice(
        [
            app.config_map(namespace, "settings", x=_value(rng), replaced="1"),
            app.secret(namespace, "credentials", token="cmVwbGFjZWQ="),
            app.deployment(namespace, "web", 2, LOG=_value(rng)),
            app.deployment(namespace, "api", 2, NEW="1"),
        ]
    )
    return ReplaceStep(target=ObjectRef.of(manifest), manifest=manifest)


def _delete(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    names = [("ConfigMap", "settings"), ("ConfigMap", "features"), ("Secret", "credentials"), ("Service", "api")]
    names += [("Deployment", "api"), ("Pod", rng.choice(pods))]
    kind, name = rng.choice(names)
    orphan = kind == "Deployment" and rng.random() < 0.2
    return DeleteStep(target=ref(namespace, kind, name), propagation="Orphan" if orphan else "Background")


def _scale(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    return ScaleStep(target=ref(namespace, "Deployment", rng.choice(["web", "api"])), replicas=rng.randint(0, 3))


def _evict(rng: Random, namespace: str, pods: Sequence[str]) -> Step:
    return EvictStep(target=ref(namespace, "Pod", rng.choice(pods)))


def _value(rng: Random) -> str:
    return str(rng.randint(1, 99))


# --- other writers ----------------------------------------------------------------------------------------------------


def _edit(rng: Random, namespace: str, number: int) -> Edit:
    value, workload = f"foreign-{number}", rng.choice(["web", "api"])
    container = "spec.template.spec.containers[main]"
    kind, name, patch, path = rng.choice(
        [
            ("ConfigMap", "settings", {"data": {"x": value}}, "data.x"),
            ("ConfigMap", "settings", {"data": {"theirs": value}}, "data.theirs"),
            ("ConfigMap", "features", {"data": {"x": value}}, "data.x"),
            ("ConfigMap", "new", {"data": {"x": value}}, "data.x"),
            ("Service", workload, {"metadata": {"labels": {LABEL: value}}}, f"metadata.labels.{LABEL}"),
            ("Deployment", workload, {"metadata": {"labels": {LABEL: value}}}, f"metadata.labels.{LABEL}"),
            ("Deployment", workload, {"metadata": {"annotations": {NOTE: value}}}, f"metadata.annotations.{NOTE}"),
            ("Deployment", workload, _container(env=[{"name": "LOG", "value": value}]), f"{container}.env[LOG].value"),
        ]
    )
    return Edit(rng.randint(1, 150), ref(namespace, kind, name), patch, path, value)
