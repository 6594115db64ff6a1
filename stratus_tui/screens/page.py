"""One selection in full: describe, logs, YAML."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from stratus_tui.messages import Refreshed
from stratus_tui.render.evidence import Aspect, Fetch, Selection, evidence
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.decision import CountdownLine
from stratus_tui.widgets.header import HeaderLine
from stratus_tui.widgets.headline import Headline
from stratus_tui.widgets.keys import KeysLine
from stratus_tui.widgets.notice import NoticeLine
from stratus_tui.widgets.pane import Pane
from stratus_tui.widgets.prompt import Prompt


class PagePane(Pane):
    """The text."""

    def __init__(self, selection: Selection, aspect: Aspect, fetch: Fetch) -> None:
        super().__init__(id="page")
        self._selection, self._fetch = selection, fetch
        self.aspect = aspect

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.evidence``."""
        return evidence(view, self._selection, self.aspect, self._fetch, width)

    def caption(self, view: View) -> str:
        """What it is, and the way back."""
        what = "ANSWER" if self._selection.kind == "answer" else f"{self.aspect.upper()} {self._selection}"
        return f"{what} · esc goes back"


class PageScreen(Screen[None]):
    """The selection stays; ``d``, ``l`` and ``y`` change what is shown of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="drop the filter; else back to the board")
    ]
    AUTO_FOCUS = "#page"

    def __init__(self, selection: Selection, aspect: Aspect, fetch: Fetch) -> None:
        super().__init__()
        self._selection, self._aspect, self._fetch = selection, aspect, fetch
        self._view: View | None = None

    def compose(self) -> ComposeResult:
        """The two top lines stay in sight, and so does the countdown."""
        yield HeaderLine()
        yield Headline()
        yield PagePane(self._selection, self._aspect, self._fetch)
        yield CountdownLine(approvable=False)
        yield NoticeLine()
        yield Prompt(id="prompt")
        yield KeysLine()

    def on_mount(self) -> None:
        """The view comes with the first frame, not with the clock's next tick."""
        self.call_after_refresh(self.app.post_message, Refreshed())

    def show(self, view: View) -> None:
        """Hand the view to every pane."""
        self._view = view
        for pane in self.query(Pane):
            if isinstance(pane, CountdownLine):
                pane.display = view.waiting is not None
            pane.show(view)

    def turn(self, aspect: Aspect) -> None:
        """Show another side of the same selection."""
        self.query_one(PagePane).aspect = aspect
        if self._view is not None:
            self.query_one(PagePane).show(self._view)

    def selection(self) -> Selection:
        """What is shown."""
        return self._selection

    def focus_last(self) -> None:
        """After the prompt."""
        self.set_focus(self.query_one(PagePane))

    def action_back(self) -> None:
        """To the board; first out of a filter."""
        page = self.query_one(PagePane)
        if page.filter:
            page.apply_filter("")
        else:
            self.dismiss()

    def on_prompt_narrowed(self, message: Prompt.Narrowed) -> None:
        """Filter the text."""
        message.stop()
        self.query_one(PagePane).apply_filter(message.text)

    def on_prompt_left(self, message: Prompt.Left) -> None:
        """Back to the text."""
        message.stop()
        self.focus_last()
