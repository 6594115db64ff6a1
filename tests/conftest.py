"""What tests have counted, added up over all workers and printed at the end."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.properties.table import table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    tally: Counter[tuple[str, str]] = Counter()
    for report in (each for each in reports if getattr(each, "when", "") == "call"):
        for name, value in getattr(report, "user_properties", []):
            if name == "outcomes":
                tally.update({(kind, outcome): count for kind, outcome, count in value})
    if tally:
        terminalreporter.section("steps of random transactions, by what became of them")
        for line in table(tally):
            terminalreporter.write_line(line)
