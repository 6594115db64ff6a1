"""What an image build brings with it, as data: the catalogue is a table of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stratus.sandbox.apps.base import MIB


@dataclass(frozen=True)
class Flag:
    """A feature flag that an image evaluates, and what its code then does.

    `effect` names the defect; `variants` maps the flag's variant value to the effect's size (a share of requests in
    percent, seconds, a factor, MiB), so that a variant such as "50%" means what it says.
    """

    name: str
    effect: str
    size: float
    target: str = ""


@dataclass(frozen=True)
class Profile:
    """An image: sizes and times in bytes and seconds; `entry_points` maps a binary to the settings built into it.

    `entrypoint` says whether the image has an ENTRYPOINT, to which a container's args go; with only a CMD, args replace it.
    """

    kind: str = "service"
    size: int = 60 * MIB
    user: int = 0
    pull_seconds: float = 0.0
    shell: bool = True
    entrypoint: bool = True
    start_seconds: float = 0.4
    memory_bytes: int = 18 * MIB
    seconds: float = 0.002
    cpu_seconds: float = 0.002
    leak_mib: float = 0.0
    fail_percent: float = 0.0
    fail_text: str = "request failed: ValueError: invalid literal for int() with base 10: ''"
    crash: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    dials: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()

    def dialled(self, settings: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
        """Addresses that this build takes from variables of its own; an unset one is dialled as the empty host."""
        calls = []
        for name in self.dials:
            host, _, port = settings.get(name, "").rpartition(":")
            calls.append((host, int(port or 80)))
        return tuple(calls)
