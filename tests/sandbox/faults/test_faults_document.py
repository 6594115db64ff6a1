"""docs/faults.md is what the catalogue says."""

from __future__ import annotations

from pathlib import Path

from stratus.sandbox.faults.document import markdown

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == markdown(), "run: python -m stratus.sandbox.faults.document > docs/faults.md"
