"""What a verb is: its words, its flags, and the handler that compiles it."""

from __future__ import annotations

from dataclasses import dataclass

from stratus.cluster.kubectl.invocation import Handler
from stratus.cluster.kubectl.parser import Flag


@dataclass(frozen=True)
class Verb:
    """One verb."""

    name: str
    """One to three words: ``rollout restart``."""
    arguments: str
    steps: str
    """What it compiles to, for people."""
    handler: Handler
    flags: tuple[Flag, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def own_flags(self) -> tuple[Flag, ...]:
        """The flags that change what is compiled."""
        return tuple(flag for flag in self.flags if not flag.refused and not flag.ignored)
