"""The workloads with their health."""

from __future__ import annotations

from stratus_tui.render.lines import Row
from stratus_tui.render.workloads import summary, workloads
from stratus_tui.view import View
from stratus_tui.widgets.pane import Pane


class WorkloadsPane(Pane):
    """Worst first."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.workloads``."""
        return workloads(view, width)

    def caption(self, view: View) -> str:
        """With the counts."""
        return f"5 WORKLOADS {summary(view)}"
