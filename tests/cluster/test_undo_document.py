"""docs/undo.md says what the code's tables say."""

from __future__ import annotations

from pathlib import Path

from stratus.cluster.document import document

PAGE = Path(__file__).parents[2] / "docs" / "undo.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == document(), "run: python -m stratus.cluster.document > docs/undo.md"
