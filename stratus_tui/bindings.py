"""The keys of the app in order of importance, and how footer and help read them from what is live."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType
from textual.screen import Screen

from stratus_tui.offers import possible
from stratus_tui.render.keys import Key
from stratus_tui.view import View

DECISION_KEYS: list[BindingType] = [
    Binding("v", "app.veto", "Veto", tooltip="stop the open transaction, at once and without a question"),
    Binding("h", "app.hold", "Hold", tooltip="stop the clock of the open window"),
    Binding(
        "exclamation_mark", "app.pause", "Pause all", tooltip="no new step until the same key resumes", key_display="!"
    ),
]
"""Live on every screen, questions included."""

APP_KEYS: list[BindingType] = [
    *DECISION_KEYS,
    Binding("a", "approve_focus", "Approve", tooltip="puts the focus on the button; enter approves"),
    Binding("u", "undo", "Undo", tooltip="asks, then undoes the chosen or newest committed transaction"),
    Binding("question_mark", "help", "Help", tooltip="this page", key_display="?"),
    # priority: the line is open before the next key is handed out, so what is typed or pasted at once belongs to it
    Binding(
        "colon",
        "prompt('command')",
        "Command",
        tooltip="veto, hold 5m, mode observe, ask …",
        key_display=":",
        priority=True,
    ),
    Binding("slash", "prompt('filter')", "Filter", tooltip="narrow the focused list", key_display="/", priority=True),
    Binding("d", "page('describe')", "Describe", tooltip="the selection as far as the log holds it"),
    Binding("l", "page('logs')", "Logs", tooltip="captured logs and what was said about the selection"),
    Binding("y", "page('yaml')", "YAML", tooltip="what is sent, what changes, and the object before"),
    Binding("ctrl+p", "command_palette", "Palette", tooltip="what is possible now", key_display="^p"),
    Binding("q", "leave", "Quit", tooltip="asks when an engine would stop with it"),
    Binding("ctrl+c,ctrl+q", "leave", "Quit", show=False, priority=True),
]


@dataclass(frozen=True)
class LiveKey(Key):
    """A live binding, and whether the footer has it."""

    shown: bool = True


def live_keys(screen: Screen[object], view: View) -> list[LiveKey]:
    """The bindings that work on this screen now, those of the app first in their order, one for each action."""
    keys: dict[str, LiveKey] = {}
    order = [binding.action for binding in Binding.make_bindings(APP_KEYS)]
    for active in sorted(screen.active_bindings.values(), key=lambda active: not active.binding.show):
        binding = active.binding
        # Textual's own bindings (scrolling sideways, copying) carry no tooltip: they work, but are not worth a line
        if binding.system or binding.action in keys or not binding.tooltip:
            continue
        keys[binding.action] = LiveKey(
            key=binding.key_display or screen.app.get_key_display(binding),
            label=_label(binding, view),
            enabled=active.enabled and possible(_verb(binding.action), view),
            help=binding.tooltip,
            group="Everywhere" if binding.action in order else "Here",
            shown=binding.show,
        )
    rank = {action: number for number, action in enumerate(order)}
    return [key for _, key in sorted(keys.items(), key=lambda item: rank.get(item[0], len(rank)))]


def _verb(action: str) -> str:
    return action.removeprefix("app.").removesuffix("_focus").partition("(")[0]


def _label(binding: Binding, view: View) -> str:
    return "Resume" if binding.action == "app.pause" and view.paused else binding.description
