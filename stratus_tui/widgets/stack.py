"""The transaction stack."""

from __future__ import annotations

from stratus_tui.render.lines import Row
from stratus_tui.render.stack import stack
from stratus_tui.view import View
from stratus_tui.widgets.pane import Pane


class StackPane(Pane):
    """Newest on top."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.stack``."""
        return stack(view, width)

    def caption(self, view: View) -> str:
        """With the number of transactions."""
        return f"1 TRANSACTION STACK {len(view.board.transactions) or ''}".rstrip()
