"""``stratus bench``: the catalogue of faults, one run each on a fresh embedded cluster in virtual time, and what came of it."""

from __future__ import annotations

import asyncio
import statistics
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from stratus.cli.exits import ExitCode
from stratus.cli.output import Output, note
from stratus.cli.settings import Settings, load
from stratus.domain.errors import InvalidInput
from stratus.domain.machine import TxState


@dataclass(frozen=True)
class Result:
    """One fault and one ``run --once``."""

    fault: str
    outcome: str
    component: str
    """What was diagnosed first."""
    fault_class: str
    steps: int
    committed: int
    undone: int
    regressed: bool
    """Whether severity ended above its start."""
    cluster_seconds: float
    """Of cluster life, from the incident's opening to its end."""
    cpu_seconds: float

    @property
    def repaired(self) -> bool:
        """No oracle has a finding any more, and the application's users are answered."""
        return self.outcome == "resolved"

    @property
    def record(self) -> dict[str, object]:
        """As the machine output has it."""
        return {**asdict(self), "repaired": self.repaired}

    @property
    def family(self) -> str:
        """Whose fault it is: ``aiopslab``, ``sregym`` or ``hotel``."""
        return self.fault.partition("/")[0]


def bench(arguments: Namespace) -> int:
    """Run and print; 0 when nothing regressed."""
    given = load(arguments)
    settings = Settings(mind=given.mind, model=given.model)  # what is configured for a real cluster is not asked here
    out = Output(arguments.output, color=False if arguments.no_color else None)
    results = []
    for name in chosen(arguments.faults):
        result = asyncio.run(one(name, settings))
        results.append(result)
        if out.form == "text":
            out.line(row(result))
        elif out.form == "jsonl":
            out.json(result.record)
        else:
            note(row(result))
    if out.form == "json":
        out.json([result.record for result in results])
    if out.form == "text":
        for line in families(results):
            out.line(line)
    return int(ExitCode.INTERNAL if any(result.regressed for result in results) else ExitCode.HEALTHY)


def chosen(texts: Sequence[str]) -> list[str]:
    """Ids of the catalogue: all, or those that hold one of ``texts`` or bear it as a short name. Raises InvalidInput."""
    from stratus.sandbox.faults import CATALOGUE

    if not texts:
        return [fault.id for fault in CATALOGUE]
    found = [fault.id for fault in CATALOGUE if any(text in fault.id or text in fault.aliases for text in texts)]
    if not found:
        raise InvalidInput(f"no fault of the catalogue is called {' or '.join(texts)}: see `stratus sandbox list`")
    return found


async def one(name: str, settings: Settings | None = None) -> Result:
    """Break, repair, and what came of it."""
    from stratus.cli.trial import repaired

    begun = time.process_time()
    trial = await repaired(name, settings)
    outcome, transactions = trial.outcome, list(trial.board.transactions.values())
    return Result(
        fault=name,
        outcome=outcome.outcome,
        component=outcome.diagnosis.component if outcome.diagnosis else "",
        fault_class=outcome.diagnosis.fault_class if outcome.diagnosis else "",
        steps=sum(tx.writes for tx in transactions),
        committed=sum(tx.state is TxState.COMMITTED for tx in transactions),
        undone=sum(tx.state is TxState.RESTORED for tx in transactions),
        regressed=outcome.final > outcome.initial,
        cluster_seconds=round(outcome.seconds, 1),
        cpu_seconds=round(time.process_time() - begun, 1),
    )


def row(result: Result) -> str:
    """``✓ hotel/wrong-image  resolved  deployment/geo  1 kept  0 undone  4.5 s``."""
    mark = "✓" if result.repaired else "✗"
    counts = f"{result.committed} kept {result.undone} undone {result.cluster_seconds:>6} s"
    return f"{mark} {result.fault:<72} {result.outcome:<11} {counts}  {result.component}"


def families(results: Sequence[Result]) -> list[str]:
    """Each family's figures, a line each."""
    lines = []
    for family in sorted({result.family for result in results}):
        own = [result for result in results if result.family == family]
        good, worse = sum(result.repaired for result in own), sum(result.regressed for result in own)
        seconds = statistics.median(result.cluster_seconds for result in own)
        share = f"{good} of {len(own)} repaired ({good / len(own):.1%})"
        lines.append(f"{family:<12} {share}, {worse} regressed, median {seconds:.0f} s of cluster time")
    return lines
