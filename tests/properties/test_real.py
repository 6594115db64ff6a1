"""The same sequences on a real cluster, in real time: the embedded one has the same bugs as its authors, this one has not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from stratus.engine import execution
from tests.cluster.conftest import kubeconfig
from tests.properties import tally
from tests.properties.checks import broken
from tests.properties.lab import real_lab
from tests.properties.plan import random_plan
from tests.properties.run import Run

SEQUENCES = int(os.environ.get("STRATUS_SEQUENCES_REAL", "20"))
LATEST = 5.0
"""Seconds after which nothing lands any more: here only the test itself holds requests back, for two others."""

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]


@pytest.mark.parametrize("seed", range(SEQUENCES))
async def test_a_sequence_ends_well(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr(execution, "SERVER_TIMEOUT", LATEST)
    lab, namespace = real_lab(kubeconfig()), f"properties-{uuid.uuid4().hex[:8]}"
    rng = Random(f"real {seed}")
    try:
        await lab.open(namespace)
        run = Run(lab, namespace, random_plan(rng, namespace, await lab.pods(namespace)), rng, tmp_path)
        await run.go()
        assert not broken(run), run.plan
        record_property("outcomes", [[*key, count] for key, count in tally.of(run).items()])
    finally:
        await lab.close(namespace)
        await lab.transport.close()
