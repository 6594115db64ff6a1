"""The top line: cluster, mode, severity, lease, clock."""

from __future__ import annotations

from stratus_tui.render.header import header
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane


class HeaderLine(FixedPane):
    """One line."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.header``."""
        return header(view, width)
