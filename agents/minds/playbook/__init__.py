"""The default mind: principles of repair, no model and no key needed."""

from __future__ import annotations

from agents.minds.playbook.mind import PlaybookMind

__all__ = ["PlaybookMind"]
