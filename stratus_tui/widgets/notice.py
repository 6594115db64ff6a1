"""The line that answers a person: what was sent, and what became of it."""

from __future__ import annotations

from stratus_tui.render.lines import Row, Span, fit, line
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane


class NoticeLine(FixedPane):
    """Hidden while there is nothing to say."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """One line."""
        return [Row(fit(line(Span(f" {view.notice.text}", view.notice.role)), width))] if view.notice else []

    def show(self, view: View) -> None:
        """Come and go."""
        self.display = view.notice is not None
        super().show(view)
