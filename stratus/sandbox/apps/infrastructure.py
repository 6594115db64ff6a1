"""The cluster's own programs: DNS, the ingress controller, the feature-flag daemon, and images that only run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stratus.sandbox.apps.base import BaseProcess
from stratus.sandbox.apps.process import Batch, ContainerContext, NetworkError, Reply
from stratus.sandbox.apps.profile import Profile
from stratus.sandbox.apps.service import ServiceProcess


class Idle(BaseProcess):
    """An image whose program does nothing that anybody sees (pause, a helper); it listens if PORT says so."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(context)
        self.memory_bytes = profile.memory_bytes
        self._port = int(settings.get("PORT", "0"))

    def listening(self, now: float) -> frozenset[int]:
        return frozenset({self._port}) if self._port and self.alive else frozenset()

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now):
            return super().serve(port, batch, now)
        return [Reply(batch.count, 200, "ok\n", 0.001)]


class Flagd(BaseProcess):
    """The feature-flag daemon: it copies its configuration at start, as the shop's chart does with an init container.

    So a changed ConfigMap takes effect only when the pod is replaced.
    """

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(context)
        self.memory_bytes = profile.memory_bytes
        self._port = int(settings.get("PORT", "8013"))
        self._path = settings.get("FLAGD_SOURCE", "/etc/flagd/demo.flagd.json")
        self._flags: dict[str, Any] | None = None
        self.after(profile.start_seconds, self._boot)

    def _boot(self) -> None:
        try:
            self._flags = json.loads(self.context.files[self._path])["flags"]
        except (KeyError, ValueError, TypeError) as error:
            self.say(f"error: could not load flag source {self._path}: {type(error).__name__}")
            return self.end(1)
        self.say(f"Flag IResolver listening at [::]:{self._port}")
        self.context.changed()

    def listening(self, now: float) -> frozenset[int]:
        return frozenset({self._port}) if self._flags is not None and self.alive else frozenset()

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now):
            return super().serve(port, batch, now)
        if batch.path == "/healthz":
            return [Reply(batch.count, 200, "ok\n", 0.001)]
        value = self._value(batch.path.removeprefix("/flags/"))
        status = 404 if value is None else 200
        return [Reply(batch.count, status, f"{value}\n" if value is not None else "FLAG_NOT_FOUND\n", 0.001)]

    def _value(self, name: str) -> str | None:
        flag = (self._flags or {}).get(name)
        if not isinstance(flag, dict) or flag.get("state") == "DISABLED":
            return None
        value = (flag.get("variants") or {}).get(flag.get("defaultVariant"))
        return "off" if value in (False, None, 0) else "on" if value is True else str(value)


class CoreDns(BaseProcess):
    """Cluster DNS: a Corefile with a kubernetes plugin, and template blocks that answer before it."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(context)
        self.memory_bytes = profile.memory_bytes
        self._path = settings.get("COREFILE", "/etc/coredns/Corefile")
        self._corefile: str | None = None
        self.after(profile.start_seconds, self._boot)

    def _boot(self) -> None:
        text = self.context.files.get(self._path)
        if text is None or text.count("{") != text.count("}"):
            reason = "no such file or directory" if text is None else "Unexpected EOF, expecting '}'"
            self.say(f"loading Caddyfile via flag: {self._path}: {reason}")
            return self.end(1)
        self._corefile = text
        self.say(".:53\nCoreDNS-1.8.0\nlinux/amd64, go1.15.3, 054c9ae")
        self.context.changed()

    def listening(self, now: float) -> frozenset[int]:
        return frozenset({53, 8080, 8181}) if self._corefile is not None and self.alive else frozenset()

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now):
            return super().serve(port, batch, now)
        return [Reply(batch.count, 200, "OK\n", 0.001)]

    def answers(self, name: str) -> bool:
        """Whether the kubernetes plugin gets to see a query: no template with NXDOMAIN matches the name first."""
        text = self._corefile or ""
        if not re.search(r"^\s*kubernetes\s", text, re.M):
            return False
        for arguments, block in re.findall(r"template\s+([^{]*)\{([^}]*)\}", text):
            if "NXDOMAIN" not in block and "SERVFAIL" not in block:
                continue
            patterns = re.findall(r"match\s+\"?([^\s\"]+)\"?", block)
            zones = [word for word in arguments.split()[2:]] or ["."]
            in_zone = any(zone == "." or f"{name}.".endswith(zone.rstrip(".") + ".") for zone in zones)
            if in_zone and (not patterns or any(_matches(pattern, name) for pattern in patterns)):
                return False
        return True


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, f"{name}.") is not None
    except re.error:
        return False


class Ingress(ServiceProcess):
    """The ingress controller: routes requests by the Ingress objects that the network shows it."""

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now) or batch.path in ("/healthz", "/metrics"):
            return super().serve(port, batch, now)
        replies = list(self._forward(batch))
        self._account(replies)
        return replies

    def _forward(self, batch: Batch) -> Sequence[Reply]:
        try:
            host, service_port = self.context.network.route(batch.headers.get("Host", ""), batch.path)
        except NetworkError:
            return [Reply(batch.count, 404, "404 page not found\n", 0.001)]
        return [
            Reply(reply.count, 502, f"Bad Gateway: {reply.error}\n", reply.seconds) if reply.error else reply
            for reply in self.context.network.send(host, service_port, batch)
        ]
