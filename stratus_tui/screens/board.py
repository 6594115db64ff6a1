"""The main screen: everything at once when it is wide, one pane at a time when it is narrow."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button

from stratus_tui.render.evidence import Selection
from stratus_tui.view import Link, View
from stratus_tui.widgets.card import CardPane
from stratus_tui.widgets.decision import DecisionBar
from stratus_tui.widgets.header import HeaderLine
from stratus_tui.widgets.headline import Headline
from stratus_tui.widgets.keys import KeysLine
from stratus_tui.widgets.machine import MachineDiagram
from stratus_tui.widgets.notice import NoticeLine
from stratus_tui.widgets.pane import Pane
from stratus_tui.widgets.prompt import Prompt
from stratus_tui.widgets.severity import SeverityPane
from stratus_tui.widgets.stack import StackPane
from stratus_tui.widgets.transcript import TranscriptPane
from stratus_tui.widgets.workloads import WorkloadsPane

PANES = ("stack", "card", "agents", "severity", "workloads")
WIDE_FROM = 100
"""Columns from which all panes fit side by side."""


class BoardScreen(Screen[None]):
    """Shows the view that the app hands down; sends up what the person chose."""

    CSS_PATH = "board.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE_FROM, "-wide")]
    AUTO_FOCUS = "#card"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(number), f"pane('{name}')", name.title(), show=False, tooltip=f"go to the {name}")
            for number, name in enumerate(PANES, 1)
        ),
        Binding(
            "tab", "next_pane(1)", "Next pane", show=False, tooltip="on a narrow screen: between stack, card and button"
        ),
        Binding("shift+tab", "next_pane(-1)", "Previous", show=False, tooltip="the same, backwards"),
        Binding("escape", "back", "Back", show=False, tooltip="drop the filter; else follow what happens again"),
    ]

    class TransactionChosen(Message):
        """A transaction for the card; "" follows what happens."""

        def __init__(self, tx: str) -> None:
            super().__init__()
            self.tx = tx

    class PageOpened(Message):
        """A row was opened."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__()
        self._view: View | None = None
        self._last_pane = "card"
        self.set_class(True, "-pane-card")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield HeaderLine(id="header")
        yield Headline(id="headline")
        yield MachineDiagram(id="machine")
        with Horizontal(id="upper"):
            yield StackPane(id="stack")
            yield CardPane(id="card")
        with Horizontal(id="lower"):
            yield TranscriptPane(id="agents")
            yield SeverityPane(id="severity")
            yield WorkloadsPane(id="workloads")
        yield DecisionBar(id="decision")
        yield NoticeLine(id="notice")
        yield Prompt(id="prompt")
        yield KeysLine(id="keys")

    def show(self, view: View) -> None:
        """Hand a new view to every pane."""
        self._view = view
        self.set_class(view.link in (Link.STALE, Link.STOPPED, Link.BROKEN), "-silent")
        with self.app.batch_update():
            for pane in self.query(Pane):
                if not isinstance(pane.parent, DecisionBar):
                    pane.show(view)
            for bar in self.query(DecisionBar):
                bar.show(view)
        if isinstance(self.focused, Button) and not self.focused.display:
            self.action_pane("card")

    def on_resize(self) -> None:
        """Narrow panes say how to reach the others."""
        narrow = self.size.width < WIDE_FROM
        for number, name in enumerate(PANES):
            others = "  ".join(f"{at} {other}" for at, other in enumerate(PANES, 1) if at != number + 1)
            self.query_one(f"#{name}", Pane).border_subtitle = Content(others) if narrow else ""

    def selection(self) -> Selection | None:
        """What the focused pane has under its cursor; the transaction on the card otherwise."""
        focused = self.focused
        if isinstance(focused, Pane) and focused.cursor:
            return Selection.of(focused.cursor)
        tx = self._view.tx if self._view is not None else None
        return Selection("tx", tx.id) if tx is not None else None

    def action_pane(self, name: str) -> None:
        """Focus a pane; the only visible one when narrow."""
        for pane in PANES:
            self.set_class(pane == name, f"-pane-{pane}")
        self._last_pane = name
        self.set_focus(self.query_one(f"#{name}"))

    def action_next_pane(self, step: int) -> None:
        """Stack and card share a narrow screen; a wide one walks over all panes and the button."""
        stops = list(PANES) if self.has_class("-wide") else ["stack", "card"]
        if self.query_one(DecisionBar).display and self.query_one("#approve").display:
            stops.append("approve")
        current = self.focused.id if self.focused is not None else None
        at = stops.index(current) if current in stops else -1
        target = stops[(at + step) % len(stops)]
        if target == "approve":
            self.focus_approve()
        else:
            self.action_pane(target)

    def focus_approve(self) -> None:
        """One more key approves; the card stays in sight."""
        self.action_pane("card")
        self.set_focus(self.query_one("#approve"))

    def action_back(self) -> None:
        """Drop the filter, else the choice of a transaction."""
        focused = self.focused
        if isinstance(focused, Pane) and focused.filter:
            focused.apply_filter("")
        elif isinstance(focused, Button):
            self.action_pane("card")
        else:
            self.post_message(self.TransactionChosen(""))

    def focus_last(self) -> None:
        """Where the focus was before the prompt."""
        self.set_focus(self.query_one(f"#{self._last_pane}"))

    @on(Pane.Chosen)
    def _chosen(self, message: Pane.Chosen) -> None:
        message.stop()
        selection = Selection.of(message.key)
        if selection.kind == "tx":
            self.post_message(self.TransactionChosen(selection.name))

    @on(Pane.Opened)
    def _opened(self, message: Pane.Opened) -> None:
        message.stop()
        if Selection.of(message.key).kind == "tx":
            self.post_message(self.TransactionChosen(Selection.of(message.key).name))
            self.action_pane("card")
        else:
            self.post_message(self.PageOpened(message.key))

    @on(Prompt.Narrowed)
    def _narrowed(self, message: Prompt.Narrowed) -> None:
        message.stop()
        pane = self.query_one(f"#{self._last_pane}", Pane)
        pane.apply_filter(message.text)

    @on(Prompt.Left)
    def _left(self, message: Prompt.Left) -> None:
        message.stop()
        self.focus_last()

    def on_descendant_focus(self) -> None:
        """Remember the pane for the filter and for coming back."""
        focused = self.focused
        if isinstance(focused, Pane) and focused.id in PANES:
            self._last_pane = focused.id
        if self._view is not None:
            self.query_one(KeysLine).show(self._view)
