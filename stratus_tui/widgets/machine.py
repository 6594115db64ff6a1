"""The incident machine with its live state."""

from __future__ import annotations

from stratus_tui.render.lines import Row
from stratus_tui.render.machine import compact, machine
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane


class MachineDiagram(FixedPane):
    """Four lines, or one when the terminal is narrow."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.machine``."""
        return machine(view, width) if height > 1 else [Row(compact(view, width))]
