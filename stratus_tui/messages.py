"""What travels inside the app besides the widgets' own messages."""

from __future__ import annotations

from textual.message import Message


class Refreshed(Message):
    """Look again: carries nothing, so any number of them in the queue are one."""

    def can_replace(self, message: Message) -> bool:
        """Coalesce."""
        return isinstance(message, Refreshed)
