"""The table of outcomes for people; apart from what counts them, so that it costs no imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

ENDS = ("committed", "restored", "diverged", "cancelled")


def table(tally: Mapping[tuple[str, str], int]) -> list[str]:
    """A row for each step kind, a column for each outcome; how its transaction ended comes first."""
    kinds = sorted({kind for kind, _ in tally})
    columns = [*ENDS, *sorted({outcome for _, outcome in tally} - set(ENDS))]
    rows = [[kind, *(str(tally.get((kind, column), 0)) for column in columns)] for kind in kinds]
    return list(_aligned([["", *columns], *rows]))


def _aligned(rows: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
