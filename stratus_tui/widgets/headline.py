"""The second line: what is wrong with what you see, or the incident."""

from __future__ import annotations

from stratus_tui.render.header import headline
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane


class Headline(FixedPane):
    """One line."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.header``."""
        return headline(view, width)
