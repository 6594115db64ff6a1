"""The command palette: only what is possible at this moment."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hit, Hits, Provider

from stratus_tui.offers import Offer, offers
from stratus_tui.view import View


class OfferProvider(Provider):
    """Computed from the view each time the palette asks."""

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for offer in self._offers():
            yield DiscoveryHit(offer.title, self._callback(offer), help=offer.help)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for offer in self._offers():
            score = matcher.match(offer.title)
            if score > 0:
                yield Hit(
                    score, matcher.highlight(offer.title), self._callback(offer), text=offer.title, help=offer.help
                )

    def _offers(self) -> list[Offer]:
        view = getattr(self.app, "view", None)
        return offers(view) if isinstance(view, View) else []

    def _callback(self, offer: Offer):  # type: ignore[no-untyped-def]
        async def run() -> None:
            await self.app.run_action(f"app.{offer.action}")

        return run
