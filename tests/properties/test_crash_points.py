"""A crash at every named point of a few transactions, with the journal closed and read from disk again."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from stratus.domain.machine import TxState
from stratus.domain.steps import CreateStep, DeleteStep, EvictStep, PatchStep, Proposal, ScaleStep, Step
from stratus.engine.crashpoints import CrashPoint
from tests.properties import application as app
from tests.properties.application import ref
from tests.properties.checks import broken
from tests.properties.lab import Lab, embedded_lab
from tests.properties.plan import Plan
from tests.properties.run import Run

NAMESPACE = "crashes"
BEFORE_WRITING = list(CrashPoint)[: list(CrashPoint).index(CrashPoint.INTENDED)]
IN_UNDO = list(CrashPoint)[list(CrashPoint).index(CrashPoint.UNDO_STARTED) :]


def _patch(kind: str, name: str, **patch: object) -> Step:
    return PatchStep(target=ref(NAMESPACE, kind, name), patch_type="strategic", patch=patch)


def scenarios(pods: list[str]) -> dict[str, tuple[Step, ...]]:
    """Each writes more than once, so that a crash finds steps done and steps not begun."""
    made = app.deployment(NAMESPACE, "new", 1)
    return {
        "change": (
            _patch("ConfigMap", "settings", data={"x": "1", "y": None}),
            _patch("Deployment", "web", spec={"revisionHistoryLimit": 3}),
            ScaleStep(target=ref(NAMESPACE, "Deployment", "web"), replicas=3),
        ),
        "create": (
            CreateStep(target=ref(NAMESPACE, "Deployment", "new"), manifest=made),
            _patch("Deployment", "new", metadata={"labels": {"a": "b"}}),
        ),
        "delete": (
            DeleteStep(target=ref(NAMESPACE, "Secret", "credentials")),
            DeleteStep(target=ref(NAMESPACE, "Deployment", "api")),
            EvictStep(target=ref(NAMESPACE, "Pod", next(pod for pod in pods if pod.startswith("web-")))),
        ),
    }


async def crashed(lab: Lab, scenario: str, crashes: tuple[tuple[CrashPoint, int], ...], directory: Path) -> Run:
    await lab.open(NAMESPACE)
    proposal = Proposal(steps=scenarios(await lab.pods(NAMESPACE))[scenario])
    plan = Plan(proposal, crashes=crashes, undo_after_commit=True, on_disk=True)
    run = Run(lab, NAMESPACE, plan, Random(0), directory)
    await run.go()
    return run


@pytest.mark.parametrize("scenario", ["change", "create", "delete"])
@pytest.mark.parametrize("point", CrashPoint)
async def test_a_crash_leaves_nothing_behind(point: CrashPoint, scenario: str, tmp_path: Path) -> None:
    run = await crashed(embedded_lab(), scenario, ((point, 1),), tmp_path)
    assert run.crashes == 1, "the point was never reached"
    assert run.tx.state is (TxState.CANCELLED if point in BEFORE_WRITING else TxState.RESTORED)
    assert not broken(run)


@pytest.mark.parametrize("second", IN_UNDO)
@pytest.mark.parametrize("first", [CrashPoint.WRITTEN, CrashPoint.UNDO_WRITTEN])
async def test_a_crash_in_the_recovery_of_a_crash(first: CrashPoint, second: CrashPoint, tmp_path: Path) -> None:
    how_often = 2 if second is first else 1
    run = await crashed(embedded_lab(), "change", ((first, 1), (second, how_often)), tmp_path)
    assert run.crashes == 2, "a point was never reached"
    assert run.tx.state is TxState.RESTORED
    assert not broken(run)
