"""The base of every pane: rows with roles, drawn line by line, so that 300 or 30,000 rows cost what is visible."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stratus_tui.render.lines import ROLES, Row, text_of
from stratus_tui.view import View


class Pane(ScrollView, can_focus=True):
    """Shows ``rows`` of a view. A cursor moves over the rows that have a key."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"pane--cursor", *(f"pane--{role}" for role in ROLES)}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, tooltip="to the row above; k does the same"),
        Binding("down,j", "move(1)", "Down", show=False, tooltip="to the row below; j does the same"),
        Binding("pageup", "move(-10)", "Page up", show=False, tooltip="ten rows up"),
        Binding("pagedown", "move(10)", "Page down", show=False, tooltip="ten rows down"),
        Binding("home,g", "move(-1000000)", "First", show=False, tooltip="to the first row"),
        Binding("end,G", "move(1000000)", "Last", show=False, tooltip="to the last row"),
        Binding("enter", "open", "Open", show=False, tooltip="all of the row under the cursor"),
    ]
    FOLLOWS_END: ClassVar[bool] = False
    """Stays at the last row while nobody has scrolled up."""

    class Chosen(Message):
        """The cursor moved to the row of ``key``."""

        def __init__(self, pane: Pane, key: str) -> None:
            super().__init__()
            self.pane, self.key = pane, key

    class Opened(Message):
        """Enter on the row of ``key``."""

        def __init__(self, pane: Pane, key: str) -> None:
            super().__init__()
            self.pane, self.key = pane, key

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._view: View | None = None
        self._rows: list[Row] = []
        self._at_end = True
        self.cursor = ""
        self.filter = ""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """What to show; a pure function of ``render`` does the work."""
        raise NotImplementedError

    def caption(self, view: View) -> str:
        """The text in the border; "" keeps none."""
        return ""

    def show(self, view: View) -> None:
        """Take a new view."""
        self._view = view
        self._rebuild()

    def apply_filter(self, text: str) -> None:
        """Show only rows that contain ``text``, whatever the case."""
        self.filter = text.lower()
        self._rebuild()

    def on_resize(self, event: events.Resize) -> None:
        """Rows depend on the width."""
        self._rebuild()

    def _rebuild(self) -> None:
        size = self.scrollable_content_region.size
        if self._view is None or not size.width:
            return
        rows = self.rows(self._view, size.width, size.height)
        rows = [row for row in rows if self.filter in text_of(row.line).lower()] if self.filter else rows
        caption = self.caption(self._view)
        if caption:
            self.border_title = Content(caption + (f" /{self.filter}" if self.filter else ""))
        if rows == self._rows:
            return
        self._rows = rows
        if self.cursor not in (row.key for row in rows):
            self.cursor = ""
        self.virtual_size = Size(size.width, len(rows))
        self.refresh()
        if self.FOLLOWS_END and self._at_end:
            # the new height is known to the scroll bar only after the next layout
            self.call_after_refresh(self.scroll_end, animate=False, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Remember whether somebody scrolled away from the end."""
        super().watch_scroll_y(old_value, new_value)
        if new_value != old_value:
            self._at_end = new_value >= self.max_scroll_y or (new_value > old_value and self._at_end)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        number = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        if number >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[number]
        segments = [Segment(span.text, self._role_style(span.role)) for span in row.line]
        strip = Strip(segments).adjust_cell_length(width, self.rich_style)
        if row.key and row.key == self.cursor and self.has_focus:
            strip = strip.apply_style(Style(reverse=True))
        return strip

    def _role_style(self, role: str) -> Style:
        return self.get_component_rich_style(f"pane--{role}") if role else self.rich_style

    def on_focus(self) -> None:
        """Put the cursor somewhere."""
        if not self.cursor:
            keys = [row.key for row in self._rows if row.key]
            self._move_to(keys[-1 if self.FOLLOWS_END else 0] if keys else "", quiet=True)
        self.refresh()

    def on_blur(self) -> None:
        """The cursor shows only where keys go."""
        self.refresh()

    def action_move(self, step: int) -> None:
        """Move the cursor by rows that can be selected; scroll when there are none."""
        keys = [row.key for row in self._rows if row.key]
        if not keys:
            self.scroll_relative(y=max(-10, min(10, step)), animate=False, immediate=True)
            return
        at = keys.index(self.cursor) if self.cursor in keys else -1
        self._move_to(keys[max(0, min(len(keys) - 1, at + step))])

    def _move_to(self, key: str, *, quiet: bool = False) -> None:
        self.cursor = key
        number = next((index for index, row in enumerate(self._rows) if row.key == key), 0)
        self.scroll_to_region(Region(0, number, 1, 1), animate=False, immediate=True)
        self.refresh()
        if key and not quiet:
            self.post_message(self.Chosen(self, key))

    def on_click(self, event: events.Click) -> None:
        """A click chooses, like the keys do."""
        number = event.get_content_offset_capture(self).y + self.scroll_offset.y
        if number < len(self._rows) and self._rows[number].key:
            self._move_to(self._rows[number].key)

    def action_open(self) -> None:
        """Open the row under the cursor."""
        if self.cursor:
            self.post_message(self.Opened(self, self.cursor))


class FixedPane(Pane, can_focus=False):
    """A pane that is only looked at: no cursor, no scrolling."""
