"""The terminal's window title, which Textual leaves alone."""

from __future__ import annotations

import os
import sys
from typing import Any

from textual.app import App

from stratus_tui.render.lines import clean


def set_title(app: App[Any], title: str) -> None:
    """Name the window, and the tmux pane, so that an open decision shows from another window. Nothing without a terminal."""
    stream = sys.__stderr__
    if app.is_headless or app.is_web or stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        return
    stream.write(f"\x1b]2;{clean(title)}\x07")
    stream.flush()
