"""The action card."""

from __future__ import annotations

from stratus_tui.render.calm import incident_card, rest_card
from stratus_tui.render.card import card, title
from stratus_tui.render.lines import Row
from stratus_tui.view import View
from stratus_tui.widgets.pane import Pane


class CardPane(Pane):
    """The transaction that is chosen or waits; without one, the incident; without that, how healthy everything is."""

    def rows(self, view: View, width: int, height: int) -> list[Row]:
        """See ``render.card`` and ``render.calm``."""
        tx, incident = view.tx, view.incident
        if tx is not None and not view.handed_over:
            return card(view, tx, width)
        return incident_card(view, incident, width) if incident is not None else rest_card(view, width)

    def caption(self, view: View) -> str:
        """What the card is about."""
        if view.tx is not None and not view.handed_over:
            return f"2 {title(view.tx)}"
        return f"2 INCIDENT {view.incident.id}" if view.incident is not None else "2 NOTHING TO DECIDE"
