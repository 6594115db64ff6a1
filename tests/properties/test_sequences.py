"""Random transactions on a cluster where everything goes wrong: every one ends, and none leaves anything worse."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.properties import tally
from tests.properties.checks import broken
from tests.properties.lab import Lab, embedded_lab
from tests.properties.plan import random_plan
from tests.properties.run import Run

SEQUENCES = int(os.environ.get("STRATUS_SEQUENCES", "400"))
PER_TEST = 25
"""Sequences that share one cluster. A failure names its seed; run that test again to see it again."""


async def one(lab: Lab, namespace: str, seed: str, directory: Path) -> Run:
    """A random sequence in a namespace of its own, with everything checked."""
    rng = Random(seed)
    await lab.open(namespace)
    plan = random_plan(rng, namespace, await lab.pods(namespace))
    run = Run(lab, namespace, plan, rng, directory)
    await run.go()
    assert not broken(run), f"sequence {seed}: {broken(run)}\n{plan}"
    await lab.close(namespace)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(-(-SEQUENCES // PER_TEST)))
async def test_every_sequence_ends_well(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    lab, counted = embedded_lab(), Counter[tuple[str, str]]()
    for number in range(PER_TEST):
        run = await one(lab, f"sequence-{number}", f"{seed}.{number}", tmp_path)
        counted += tally.of(run)
    record_property("outcomes", [[*key, count] for key, count in counted.items()])
