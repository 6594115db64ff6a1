"""The agents' transcript."""

from __future__ import annotations

from typing import ClassVar

from stratus_tui.render.lines import Row
from stratus_tui.render.transcript import transcript
from stratus_tui.view import View
from stratus_tui.widgets.pane import Pane


class TranscriptPane(Pane):
    """Follows the newest line until somebody scrolls up."""

    FOLLOWS_END: ClassVar[bool] = True

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.transcript``."""
        return transcript(view, width)

    def caption(self, view: View) -> str:
        """Who thinks."""
        return f"3 AGENTS {view.board.mind}".rstrip()
