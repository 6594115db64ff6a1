"""The line for ``:`` commands and ``/`` filters."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from stratus_tui.grammar import VERBS
from stratus_tui.render.keys import Key

PromptMode = Literal["command", "filter"]


class Prompt(Input):
    """Hidden until asked for; escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", show=False),
        Binding("up", "recall", "Last command", show=False),
    ]

    class Entered(Message):
        """A command line was entered."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Narrowed(Message):
        """The filter text changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Left(Message):
        """Closed; the focus goes back to where it was."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, suggester=SuggestFromList(VERBS), select_on_focus=False)
        self.cursor_blink = False
        self._mode: PromptMode = "command"
        self._last = ""
        self.display = False

    def ask(self, mode: PromptMode, value: str = "") -> None:
        """Open."""
        self._mode = mode
        self.value = value
        self.placeholder = ": command, e.g. veto, hold 5m, mode observe" if mode == "command" else "/ filter"
        self.display = True
        # not focus(), which waits for the next message: the next key may already be there, and belongs here
        self.screen.set_focus(self)

    @property
    def keys(self) -> list[Key]:
        """For the footer: letters are text here."""
        if self._mode == "filter":
            return [Key("enter", "Keep the filter"), Key("esc", "Drop it")]
        return [Key("enter", "Run"), Key("→", "Complete"), Key("↑", "Last command"), Key("esc", "Back")]

    def action_leave(self) -> None:
        """Close; a filter is dropped."""
        if self._mode == "filter":
            self.post_message(self.Narrowed(""))
        self._close()

    def action_recall(self) -> None:
        """The last command again."""
        self.value = self._last
        self.cursor_position = len(self.value)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display and self._mode == "filter":
            self.post_message(self.Narrowed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._mode == "command" and event.value.strip():
            self._last = event.value
            self.post_message(self.Entered(event.value))
        self._close()

    def _close(self) -> None:
        self.display = False
        self.post_message(self.Left())
