"""``stratus bench``: what it chooses, counts and prints."""

from __future__ import annotations

import json

import pytest

from stratus.cli.commands.bench import Result, chosen, families
from stratus.cli.main import main
from stratus.domain.errors import InvalidInput
from stratus.sandbox.faults import CATALOGUE


def result(fault: str, outcome: str = "resolved", *, seconds: float = 4.0, regressed: bool = False) -> Result:
    return Result(fault, outcome, "deployment/geo", "image", 1, 1, 0, regressed, seconds, 0.1)


def test_faults_are_chosen_by_part_of_their_name_or_short_name() -> None:
    assert chosen([]) == [fault.id for fault in CATALOGUE]
    assert chosen(["demo"]) == ["hotel/two-bad-deploys"]
    assert all("hotel/" in name for name in chosen(["hotel/"]))
    with pytest.raises(InvalidInput, match="stratus sandbox list"):
        chosen(["no-such-fault"])


def test_families_are_summed_up() -> None:
    lines = families([result("a/1"), result("a/2", "not_fixed", seconds=8, regressed=True), result("b/1", seconds=2)])
    assert [line.split() for line in lines] == [
        "a 1 of 2 repaired (50.0%), 1 regressed, median 6 s of cluster time".split(),
        "b 1 of 1 repaired (100.0%), 0 regressed, median 2 s of cluster time".split(),
    ]


def test_a_fault_is_injected_and_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "scaled-to-zero", "-o", "jsonl"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[:1]
    row = json.loads(line)
    assert (row["fault"], row["repaired"], row["committed"]) == ("hotel/scaled-to-zero", True, 1)
    assert (row["component"], row["fault_class"], row["regressed"]) == ("deployment/user", "scaling", False)
