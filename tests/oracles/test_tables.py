"""The documents say what the code does."""

from __future__ import annotations

import ast
from pathlib import Path

import stratus.oracles
from stratus.domain.severity import DEFAULT_WEIGHTS
from stratus.oracles.tables import ORACLES, REASONS, TABLES, filled, places
from tests.oracles.support import cluster, panel

DOCUMENT = (Path(__file__).parents[2] / "docs" / "oracles.md").read_text(encoding="utf-8")
ROOM = Path(stratus.oracles.__file__).parent


def test_the_tables_in_the_document_are_those_of_the_code() -> None:
    assert filled(DOCUMENT) == DOCUMENT, "run: python -m stratus.oracles.tables docs/oracles.md"


def test_every_table_is_shown_once() -> None:
    assert sorted(places(DOCUMENT)) == sorted(TABLES)


def test_every_oracle_has_a_row() -> None:
    assert sorted(name for name, *_ in ORACLES) == sorted(panel(cluster()).names)


def test_every_weight_has_a_row_and_every_row_a_weight() -> None:
    assert list(REASONS) == list(DEFAULT_WEIGHTS)


def test_every_reason_is_found_by_some_code() -> None:
    words = {
        node.value
        for path in ROOM.glob("*.py")
        if path.name != "tables.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(DEFAULT_WEIGHTS) <= words
