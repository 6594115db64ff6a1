"""The decision line: the countdown, and the button that approves."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Button

from stratus.domain.transactions import card_digest
from stratus_tui.render.countdown import countdown
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.pane import FixedPane


class CountdownLine(FixedPane):
    """What happens by itself, and when."""

    def __init__(self, *, approvable: bool = True) -> None:
        super().__init__()
        self._approvable = approvable

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.countdown``."""
        return countdown(view, width, approvable=self._approvable)


class DecisionBar(Horizontal):
    """Visible while a window is open. Approving needs the focus on the button first: it is the harder key on purpose."""

    class Approved(Message):
        """The button was pressed while the card of ``digest`` was on the screen."""

        def __init__(self, tx: str, digest: str) -> None:
            super().__init__()
            self.tx, self.digest = tx, digest

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[str, str] | None = None

    def compose(self) -> ComposeResult:
        """Countdown left, button right."""
        yield CountdownLine()
        yield Button("⏎ Approve", id="approve", compact=True)

    def show(self, view: View) -> None:
        """Appear with a window and go with it."""
        waiting = view.waiting
        self.display = waiting is not None
        self._shown = (waiting.id, card_digest(waiting)) if waiting is not None else None
        for button in self.query(Button):
            button.display = view.can_decide
        for countdown_line in self.query(CountdownLine):
            countdown_line.show(view)

    @on(Button.Pressed, "#approve")
    def _approve(self, event: Button.Pressed) -> None:
        event.stop()
        if self._shown is not None:
            self.post_message(self.Approved(*self._shown))
