"""The footer, from the bindings that are live on this screen."""

from __future__ import annotations

from stratus_tui.bindings import live_keys
from stratus_tui.render.keys import footer
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane
from stratus_tui.widgets.prompt import Prompt


class KeysLine(FixedPane):
    """One line."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.keys``."""
        if isinstance(self.screen.focused, Prompt):
            return footer(self.screen.focused.keys, width)
        return footer([key for key in live_keys(self.screen, view) if key.shown], width)
