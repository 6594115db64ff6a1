"""What goes wrong inside an image: a share of failing requests, feature flags that switch a defect on.

A flag is evaluated as the real application does: by asking flagd over the network, with the default when it does not
answer. So a flag heals when flagd serves another value, and only then.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from stratus.sandbox.apps.process import Batch, ContainerContext
from stratus.sandbox.apps.profile import Flag, Profile

OFF = ("", "off", "false", "0")


@dataclass
class Effect:
    """What the defects do to one batch."""

    failing: int = 0
    text: str = ""
    seconds: float = 0.0
    cpu_factor: float = 1.0
    leak_mib: float = 0.0
    records: int = 1


class Defects:
    """The defects of one process."""

    def __init__(
        self, profile: Profile, settings: Mapping[str, str], context: ContainerContext, rng: random.Random
    ) -> None:
        self._flags = profile.flags
        self._percent = float(settings.get("FAIL_PERCENT", profile.fail_percent))
        self._text = profile.fail_text
        self._settings = settings
        self._context = context
        self._rng = rng

    def of(self, count: int, now: float) -> Effect:
        """The effect on `count` requests arriving now."""
        effect = Effect(failing=self._draw(count, self._percent), text=self._text)
        for flag in self._flags:
            size = self._size(flag)
            if size:
                self._apply(flag, size, count, effect)
        return effect

    def redirect(self, host: str) -> str:
        """The host that is dialled instead of `host`: a flag may put in a bad address."""
        for flag in self._flags:
            if flag.effect == "unreachable" and flag.target == host and self._size(flag):
                return "badAddress"
        return host

    def load_factor(self) -> float:
        """How many times its usual rate a load generator sends."""
        for flag in self._flags:
            if flag.effect == "flood":
                return self._size(flag) or 1.0
        return 1.0

    def _apply(self, flag: Flag, size: float, count: int, effect: Effect) -> None:
        if flag.effect == "fail" and not effect.failing:
            effect.failing = self._draw(count, size)
            effect.text = f"request failed: feature flag {flag.name} is enabled"
        elif flag.effect == "slow":
            effect.seconds += size
        elif flag.effect == "cpu":
            effect.cpu_factor *= size
        elif flag.effect == "leak":
            effect.leak_mib += size
        elif flag.effect == "records":
            effect.records = int(size)

    def _size(self, flag: Flag) -> float:
        """The flag's size now; 0 when it is off or flagd cannot be asked."""
        host, port = self._settings.get("FLAGD_HOST"), int(self._settings.get("FLAGD_PORT", "8013"))
        if not host:
            return 0.0
        reply = self._context.network.send(host, port, Batch(f"/flags/{flag.name}", timeout=0.5))[0]
        value = reply.body.strip() if not reply.error and reply.status == 200 else ""
        if value.lower() in OFF:
            return 0.0
        return _number(value) if flag.effect == "fail" and _number(value) else flag.size

    def _draw(self, count: int, percent: float) -> int:
        if percent <= 0:
            return 0
        return sum(self._rng.random() * 100 < percent for _ in range(count))


def _number(value: str) -> float:
    """The percentage a variant states ("50%" or 0.5 of all), else 0."""
    try:
        return float(value[:-1]) if value.endswith("%") else float(value) * 100 if float(value) <= 1 else 0.0
    except ValueError:
        return 0.0
