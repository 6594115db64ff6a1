"""Every key that works now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from stratus_tui.render.keys import Key, help_rows
from stratus_tui.render.lines import Row
from stratus_tui.screens.dialog import Dialog
from stratus_tui.view import View
from stratus_tui.widgets.decision import CountdownLine
from stratus_tui.widgets.pane import Pane


class HelpPane(Pane):
    """The list."""

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.keys``."""
        return help_rows(self._keys, width)

    def caption(self, view: View) -> str:
        """How to leave."""
        return "HELP · esc closes"


class HelpScreen(Dialog[None]):
    """Built from the bindings of the screen it was opened on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,q", "cancel", "Close", show=False)]

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The list, and the countdown."""
        with Vertical(id="box"):
            yield HelpPane(self._keys)
            yield CountdownLine(approvable=False)

    def show(self, view: View) -> None:
        """The list does not change; the countdown does."""
        super().show(view)
        for pane in self.query(HelpPane):
            pane.show(view)
