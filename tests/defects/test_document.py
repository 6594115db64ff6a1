"""docs/defects.md: a row for each line of both lists, and no test that does not exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "defects.md").read_text(encoding="utf-8")
NODES = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))


@pytest.mark.parametrize(("file", "function"), NODES, ids=[function for _, function in NODES])
def test_the_test_exists(file: str, function: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert function in defined


def test_every_line_of_both_lists_has_a_row_with_a_test() -> None:
    rows = {row[1]: row[0] for row in re.finditer(r"^\| ([RP]\d+) \|.*$", TEXT, re.MULTILINE)}
    assert list(rows) == [f"R{number}" for number in range(1, 36)] + [f"P{number}" for number in range(1, 26)]
    assert [number for number, row in rows.items() if "::" not in row] == []
