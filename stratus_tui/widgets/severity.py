"""The plot of severity over time."""

from __future__ import annotations

from stratus_tui.render.lines import Row
from stratus_tui.render.plot import plot
from stratus_tui.render.values import severity
from stratus_tui.view import View
from stratus_tui.widgets.pane import Pane


class SeverityPane(Pane):
    """Takes all the room it gets."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.plot``."""
        return plot(view, width, height)

    def caption(self, view: View) -> str:
        """With the value now."""
        return f"4 SEVERITY μ {severity(view.board.health.severity if view.board.health.at else None)}"
