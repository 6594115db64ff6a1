"""A write landed and nobody said so: what random sequences found, each as one deterministic case."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from stratus.domain.machine import TxState
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import ApplyStep, CreateStep, Proposal, Step
from stratus.engine.crashpoints import CrashPoint
from stratus.testing.faults import Fault
from tests.properties import application as app
from tests.properties.checks import broken
from tests.properties.lab import embedded_lab
from tests.properties.plan import Plan
from tests.properties.run import Run

NAMESPACE = "lost"
SERVICE = app.service(NAMESPACE, "new", port=9000)
APPLIED = app.config_map(NAMESPACE, "new", x="1")
CASES: dict[str, Step] = {
    # the server chooses another address than in the dry run
    "a new Service": CreateStep(target=ObjectRef.of(SERVICE), manifest=SERVICE),
    # stored under the manager that the step names
    "an applied object": ApplyStep(target=ObjectRef.of(APPLIED), manifest=APPLIED, field_manager="argocd-controller"),
}


@pytest.mark.parametrize("case", CASES)
async def test_what_landed_unheard_is_taken_back(case: str, tmp_path: Path) -> None:
    lab = embedded_lab()
    await lab.open(NAMESPACE)
    plan = Plan(Proposal(steps=(CASES[case],)), crashes=((CrashPoint.WRITTEN, 1),))
    run = Run(lab, NAMESPACE, plan, Random(0), tmp_path)
    await run.go()
    assert run.crashes == 1 and run.tx.state is TxState.RESTORED
    assert not broken(run)


async def test_a_delete_of_the_undo_that_lands_late_is_no_failure(tmp_path: Path) -> None:
    lab = embedded_lab()
    await lab.open(NAMESPACE)
    proposal = Proposal(steps=(CASES["a new Service"],))
    plan = Plan(proposal, script=(Fault.NONE, Fault.TIMEOUT_LATE), undo_after_commit=True)
    run = Run(lab, NAMESPACE, plan, Random(0), tmp_path)
    await run.go()
    assert run.adversary.met["dry DELETE", Fault.NONE] == 2, "it did not land between plan and write"
    assert run.tx.state is TxState.RESTORED, run.tx.diverged_fields
    assert not broken(run)
