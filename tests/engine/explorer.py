"""Exhaustive exploration by replay: every sequence of choices that departs from "nothing special" at most N times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Script:
    """Answers as its prefix says, then "nothing special", and remembers what it was asked."""

    prefix: tuple[int, ...] = ()
    taken: list[tuple[str, int, int]] = field(default_factory=list)

    def choose(self, what: str, options: Sequence[str]) -> str:
        place = len(self.taken)
        pick = self.prefix[place] if place < len(self.prefix) else 0
        self.taken.append((what, len(options), pick))
        return options[pick]

    @property
    def departures(self) -> list[str]:
        return [f"{place}:{what}#{pick}" for place, (what, _, pick) in enumerate(self.taken) if pick]


def explore(run: Callable[[Script], None], departures: int) -> Iterator[Script]:
    """Run every script with at most ``departures`` departures, each exactly once; yields each after its run."""
    waiting: list[tuple[int, ...]] = [()]
    while waiting:
        prefix = waiting.pop()
        script = Script(prefix)
        run(script)
        yield script
        if sum(pick != 0 for pick in prefix) >= departures:
            continue
        picks = [pick for _, _, pick in script.taken]
        for place in range(len(prefix), len(picks)):
            for other in range(1, script.taken[place][1]):
                waiting.append((*picks[:place], other))
