"""The same sequences with Hypothesis as the source of chance: fewer of them, but a failure shrinks to a small one."""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.properties.checks import broken
from tests.properties.lab import Lab, embedded_lab
from tests.properties.plan import random_plan
from tests.properties.run import Run

NUMBERS = count()


@pytest.fixture(scope="module")
def lab() -> Lab:
    return embedded_lab()


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
async def test_every_sequence_ends_well(lab: Lab, rng: Random) -> None:
    namespace = f"drawn-{next(NUMBERS)}"
    await lab.open(namespace)
    try:
        plan = random_plan(rng, namespace, await lab.pods(namespace))
        with tempfile.TemporaryDirectory() as directory:
            run = Run(lab, namespace, plan, rng, Path(directory))
            await run.go()
        assert not broken(run), plan
    finally:
        await lab.close(namespace)
