"""How many faults of the catalogue the agents repair, beside the paper's figures: ``stratus bench`` and a comparison.

    python benchmarks/repairs.py [TEXT…]

The paper (arXiv 2506.02009, GPT-4o) repairs 9 of AIOpsLab's 13 mitigation problems in 812 s each, and 9 of ITBench's 18. Its
clusters and faults were real ones; these are AIOpsLab's and SREGym's faults as changes of objects on the embedded cluster, so
compare kinds, not decimals. ITBench's problems are not public as changes of objects, and none of them is here.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from stratus.cli.commands.bench import Result, chosen, families, one, row

MITIGATION = "-mitigation-"
"""In the ids of AIOpsLab's mitigation problems."""
ABSENT = 4
"""Mitigation problems that run a script inside a database and change no object; nobody here can repair what is not there."""


def beside_the_paper(results: Sequence[Result]) -> str:
    """AIOpsLab's mitigation problems as the paper counts them: what is not here counts as not repaired."""
    good, total = sum(result.repaired for result in results), len(results) + ABSENT
    ours = f"{good} of {total} ({good / total:.1%}); {ABSENT} of them are not here and count as not repaired"
    return f"AIOpsLab mitigation problems: {ours}. The paper: 9 of 13 (69.2%).\nITBench: none here. The paper: 9 of 18 (50.0%)."


def main() -> None:
    """Run them all and print a table."""
    results = []
    for fault in chosen(sys.argv[1:]):
        results.append(asyncio.run(one(fault)))
        print(row(results[-1]), flush=True)
    print(*families(results), sep="\n")
    if not sys.argv[1:]:
        print(beside_the_paper([result for result in results if MITIGATION in result.fault]))


if __name__ == "__main__":
    main()
