"""docs/agents.md says what the code does."""

from __future__ import annotations

import pkgutil
from pathlib import Path

from agents.minds.playbook import analysers
from stratus.domain.machine import INCIDENT_TRANSITIONS, mermaid

TEXT = (Path(__file__).parents[2] / "docs" / "agents.md").read_text()


def test_the_machine_is_drawn_from_its_table() -> None:
    assert mermaid(INCIDENT_TRANSITIONS).strip() in TEXT


def test_every_analyser_has_a_row() -> None:
    names = {module.name for module in pkgutil.iter_modules(analysers.__path__)}
    rows = {line.split("|")[1].strip() for line in TEXT.splitlines() if line.startswith("|")}
    assert names <= rows
