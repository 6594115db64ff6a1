"""Every fault shows, is not healed by waiting or by plausible wrong fixes, and is healed by every right one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stratus.sandbox.faults import CATALOGUE, Fault, find
from stratus.sandbox.faults.operations import Restart, Undo
from tests.sandbox.faults.fault_lab import Lab

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "faults.json"
QUICK = {
    "hotel/wrong-image", "hotel/wrong-target-port", "hotel/scaled-to-zero", "hotel/bad-node-selector",
    "hotel/missing-env", "hotel/two-bad-deploys",
}  # fmt: skip
IN_PODS = {"revoke_auth", "user_unregistered"}  # scripts inside a database: no object differs afterwards
MINUTES = 60.0


def cases(faults: list[Fault]) -> list[object]:
    return [pytest.param(f, id=f.id, marks=() if f.id in QUICK else pytest.mark.slow) for f in faults]


@pytest.mark.parametrize("fault", cases(list(CATALOGUE)))
def test_a_fault_shows_and_only_its_fix_heals_it(fault: Fault) -> None:
    lab = Lab(fault)
    assert lab.problems() == set()
    seen = lab.inject()
    assert lab.missing_signs(seen) == [], f"seen: {sorted(seen)}"
    lab.cluster.advance(10 * MINUTES)
    assert lab.watch(MINUTES), "doing nothing heals it"
    for wrong in fault.wrong:
        lab.apply([wrong])
        lab.cluster.advance(2 * MINUTES)
        assert lab.watch(MINUTES), f"a wrong fix heals it: {wrong.describe()}"
    lab.apply(fault.heal)
    assert lab.heals(), f"its fix does not heal it: {sorted(lab.problems())}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "number"),
    [pytest.param(f, n, id=f"{f.id}-{n}") for f in CATALOGUE for n in range(len(f.alternatives))],
)
def test_another_right_fix_heals_it_too(fault: Fault, number: int) -> None:
    lab = Lab(fault)
    lab.inject()
    lab.apply(fault.alternatives[number])
    assert lab.heals(), sorted(lab.problems())


def test_rolling_back_once_makes_the_demonstration_worse_and_twice_heals_it() -> None:
    lab = Lab(find("two-bad-deploys"))
    lab.inject()

    def failing() -> float:
        query = 'sum(rate(load_requests_total{code!="200"}[20s])) / sum(rate(load_requests_total[20s]))'
        vector = lab.cluster.monitoring.ask(query)
        assert isinstance(vector, list)
        return vector[0].value

    assert 0.2 < failing() < 0.6
    assert lab.problems() == {"alert:RequestErrorRate"}
    lab.apply([Undo("hotel", "recommendation")])
    lab.cluster.advance(MINUTES)
    assert failing() == 1.0
    assert lab.problems() > {"alert:RequestErrorRate", "down:recommendation", "alert:KubePodCrashLooping"}
    lab.apply([Undo("hotel", "recommendation", 1)])
    assert lab.heals()
    assert lab.cluster.monitoring.ask("sum(rate(load_requests_total[20s]))")


def test_the_application_is_installed_when_a_fault_needs_it() -> None:
    lab = Lab(find("wrong-image"))
    run = lab.cluster.faults.inject("sregym/scale_pod_zero_social_net")
    lab.cluster.until(lambda: run.done, 60)
    deployment = lab.cluster.api.get("deployments.apps", "social-network", "user-service")
    assert deployment["spec"]["replicas"] == 0


@pytest.mark.skipif(not REFERENCE.exists(), reason="the benchmarks' list is not beside this checkout")
def test_every_fault_of_the_benchmarks_that_objects_can_make_is_here() -> None:
    wanted = {fault["id"] for fault in json.loads(REFERENCE.read_text())}
    absent = wanted - {fault.id for fault in CATALOGUE}
    assert all(any(word in name for word in IN_PODS) for name in absent)
    assert len(absent) == 4


def test_ids_and_aliases_find_their_fault() -> None:
    assert len({fault.id for fault in CATALOGUE}) == len(CATALOGUE)
    for fault in CATALOGUE:
        assert find(fault.id) is fault
    assert find("demo").id == "hotel/two-bad-deploys"
    assert find("astronomy_shop_adFailure").id == "aiopslab/astronomy_shop_adFailure-detection/localization"
    with pytest.raises(KeyError):
        find("no-such-fault")


def test_every_fault_has_two_wrong_fixes_and_a_sign() -> None:
    for fault in CATALOGUE:
        assert len(fault.wrong) >= 2
        assert fault.shows
        assert all(isinstance(step, Restart) or step.describe() for step in (*fault.inject, *fault.heal))
