"""The checks notice: each planted bug is found within a few dozen sequences that pass without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stratus.cluster.restore import UndoPlan
from stratus.domain.severity import Verdict
from stratus.engine import execution, recovery, settling, undoing
from stratus.engine.context import Context
from tests.properties.checks import broken
from tests.properties.lab import embedded_lab
from tests.properties.plan import random_plan
from tests.properties.run import Run

SEQUENCES = 40
Plant = Callable[[pytest.MonkeyPatch], None]


def _undo_that_only_says_so(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(undoing, "plan_undo", lambda *_, **__: UndoPlan())
    patch.setattr(undoing, "verify", lambda *_, **__: ())


def _overwrites_newer_edits(patch: pytest.MonkeyPatch) -> None:
    original = undoing.plan_undo

    def whole(target: Any, pre: Any, post: Any, live: Any, **more: Any) -> UndoPlan:
        plan = original(target, pre, post, live, **more)
        if plan.write is None or pre is None or live is None:
            return plan
        kept = {**pre["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
        return UndoPlan(plan.write.model_copy(update={"manifest": {**pre, "metadata": kept}}), plan.precondition)

    patch.setattr(undoing, "plan_undo", whole)


def _believes_that_lost_answers_did_not_land(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(execution, "landed", lambda *_: "not")


def _forgets_after_a_crash(patch: pytest.MonkeyPatch) -> None:
    async def forget(ctx: Context) -> list[str]:
        return []

    patch.setattr(recovery, "recover", forget)


def _commits_whatever_happened(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settling, "commit_verdict", lambda *_, **__: Verdict(commit=True, reason="planted"))


PLANTS: dict[str, tuple[Plant, str]] = {
    "undo only says so": (_undo_that_only_says_so, "every_pre_image_is_back"),
    "undo overwrites newer edits": (_overwrites_newer_edits, "somebody wrote"),
    "a lost answer is taken for no": (_believes_that_lost_answers_did_not_land, "every_pre_image_is_back"),
    "no recovery": (_forgets_after_a_crash, "it_ends"),
    "commits whatever happened": (_commits_whatever_happened, "it_works_afterwards"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
async def test_a_planted_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plant, finding = PLANTS[name]
    plant(monkeypatch)
    lab, found = embedded_lab(), list[str]()
    for number in range(SEQUENCES):
        namespace, rng = f"planted-{number}", Random(f"planted {number}")
        await lab.open(namespace)
        run = Run(lab, namespace, random_plan(rng, namespace, await lab.pods(namespace)), rng, tmp_path)
        await run.go()
        await lab.close(namespace)
        found = broken(run)
        if any(finding in each for each in found):
            return
    raise AssertionError(f"nobody noticed; the last run said {found}")
