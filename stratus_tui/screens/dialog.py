"""Questions. The decision keys work here too: a question must never stand between a person and the veto."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from stratus_tui.bindings import DECISION_KEYS
from stratus_tui.messages import Refreshed
from stratus_tui.render.lines import clean
from stratus_tui.view import View
from stratus_tui.widgets.decision import CountdownLine

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A modal screen that shows the countdown and keeps the decision keys."""

    BINDINGS: ClassVar[list[BindingType]] = [*DECISION_KEYS, Binding("escape", "cancel", "Cancel", tooltip="no answer")]

    def on_mount(self) -> None:
        """The view comes with the first frame, not with the clock's next tick."""
        self.call_after_refresh(self.app.post_message, Refreshed())

    def show(self, view: View) -> None:
        """The countdown goes on."""
        for countdown in self.query(CountdownLine):
            countdown.display = view.waiting is not None
            countdown.show(view)

    def action_cancel(self) -> None:
        """No answer."""
        self.dismiss(None)


class Question(Dialog[bool]):
    """Yes or no, with the focus on no. With ``word``, yes is possible only once the word has been typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "Other answer", show=False),
        Binding("right", "app.focus_next", "Other answer", show=False),
    ]
    AUTO_FOCUS = "#no"

    def __init__(self, text: str, yes: str, *, no: str = "Cancel", word: str = "") -> None:
        super().__init__()
        self._text, self._yes, self._no, self._word = text, yes, no, word

    def compose(self) -> ComposeResult:
        """The question, the word to type, two buttons, the countdown."""
        with Vertical(id="box"):
            yield Static(Content("\n".join(clean(each) for each in self._text.split("\n"))), id="question")
            if self._word:
                yield Input(placeholder=f"type {self._word} to go on", id="word", compact=True)
            with Horizontal(id="buttons"):
                yield Button(Content(clean(self._no)), id="no", compact=True)
                yield Button(Content(clean(self._yes)), id="yes", compact=True, disabled=bool(self._word))
            yield CountdownLine(approvable=False)

    @on(Input.Changed, "#word")
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#yes", Button).disabled = event.value.strip() != self._word

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")
