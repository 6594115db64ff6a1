"""How many faults of the catalogue the agents repair, beside the paper's figures.

Each fault is injected into a healthy application on a fresh embedded cluster in virtual time, and one ``run --once`` is given to
it: detection, diagnosis, mitigation and undo by the playbook mind, every change a transaction. "Repaired" means that no
oracle has a finding any more and the application's users are answered; "regressed" that severity ended above its start.

    python benchmarks/repairs.py [--only TEXT] [--json FILE]

The paper (arXiv 2506.02009, GPT-4o) repairs 9 of AIOpsLab's 13 mitigation problems in 812 s each, and 9 of ITBench's 18. Its
clusters and faults were real ones; these are AIOpsLab's and SREGym's faults as changes of objects on the embedded cluster, so
compare kinds, not decimals. ITBench's problems are not public as changes of objects, and none of them is here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from stratus.domain.machine import TxState
from stratus.sandbox.faults import CATALOGUE
from tests.agents.embedded import repaired

MITIGATION = "-mitigation-"
"""In the ids of AIOpsLab's mitigation problems."""
ABSENT = 4
"""Mitigation problems that run a script inside a database and change no object; nobody here can repair what is not there."""


async def one(fault: str) -> dict[str, object]:
    """Break, repair, and what came of it."""
    begun = time.perf_counter()
    story = await repaired(fault)
    transactions = list(story.board.transactions.values())
    outcome = story.outcome
    return {
        "fault": fault,
        "outcome": outcome.outcome,
        "repaired": outcome.outcome == "resolved",
        "component": outcome.diagnosis.component if outcome.diagnosis else "",
        "committed": sum(tx.state is TxState.COMMITTED for tx in transactions),
        "undone": sum(tx.state is TxState.RESTORED for tx in transactions),
        "regressed": outcome.final > outcome.initial,
        "cluster_seconds": round(outcome.seconds, 1),
        "cpu_seconds": round(time.perf_counter() - begun, 1),
    }


def line(family: str, rows: list[dict[str, object]]) -> str:
    """One family's figures."""
    seconds = statistics.median(float(str(row["cluster_seconds"])) for row in rows)
    good, worse = sum(bool(row["repaired"]) for row in rows), sum(bool(row["regressed"]) for row in rows)
    share = f"{good} of {len(rows)} repaired ({good / len(rows):.1%})"
    return f"{family:<12} {share}, {worse} regressed, median {seconds:.0f} s"


def beside_the_paper(rows: list[dict[str, object]]) -> str:
    """AIOpsLab's mitigation problems as the paper counts them: what is not here counts as not repaired."""
    good, total = sum(bool(row["repaired"]) for row in rows), len(rows) + ABSENT
    ours = f"{good} of {total} ({good / total:.1%}); {ABSENT} of them are not here and count as not repaired"
    return f"AIOpsLab mitigation problems: {ours}. The paper: 9 of 13 (69.2%).\nITBench: none here. The paper: 9 of 18 (50.0%)."


def main() -> None:
    """Run them all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="faults whose id holds this text")
    parser.add_argument("--json", type=Path, help="also write the rows there")
    arguments = parser.parse_args()
    rows = []
    for fault in (each.id for each in CATALOGUE if arguments.only in each.id):
        row = asyncio.run(one(fault))
        rows.append(row)
        mark = "✓" if row["repaired"] else "✗"
        counts = f"{row['committed']} kept {row['undone']} undone {row['cluster_seconds']:>6} s"
        print(f"{mark} {fault:<72} {row['outcome']:<11} {counts}")
    for family in sorted({str(row["fault"]).split("/")[0] for row in rows}):
        print(line(family, [row for row in rows if str(row["fault"]).startswith(f"{family}/")]))
    if not arguments.only:
        print(beside_the_paper([row for row in rows if MITIGATION in str(row["fault"])]))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
