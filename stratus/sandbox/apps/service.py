"""The service image: one microservice whose behaviour its environment sets, as the real cluster's application does.

The contract (variables, answers, log lines, metrics) is that of the service image on the real cluster; a profile adds
what an image build brings with it: start time, memory, CPU per request, and the defects of a bad version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from stratus.sandbox.apps.base import MIB, REFUSED, BaseProcess, log_time
from stratus.sandbox.apps.cpu import CpuMeter
from stratus.sandbox.apps.defects import Defects
from stratus.sandbox.apps.process import Batch, ContainerContext, NetworkError, Reply, Sample
from stratus.sandbox.apps.profile import Profile

LOAD_INTERVAL = 1.0  # seconds of load sent as one batch
CONNECT_PATIENCE = 10  # tries, one a second, until a service gives up on its database at start
HEALTH = ("/healthz", "/metrics")


def phrase(status: int) -> str:
    """urllib's text for an HTTP error status."""
    return f"HTTP Error {status}: {HTTPStatus(status).phrase}"


def parse_calls(text: str) -> tuple[tuple[str, int], ...]:
    """CALLS: comma-separated host:port (port 80 when none is given)."""
    pairs = [entry.strip().rpartition(":") for entry in text.split(",") if entry.strip()]
    return tuple((host, int(port)) if host else (port, 80) for host, _, port in pairs)


class ServiceProcess(BaseProcess):
    """One replica of a microservice or of a store."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(context)
        self.profile = profile
        self.settings = settings
        self.name = settings.get("NAME") or str(context.pod["metadata"]["name"])
        self.port = int(settings.get("PORT", "8080"))
        self.calls = parse_calls(settings.get("CALLS", "")) + profile.dialled(settings)
        self.optional = frozenset(parse_calls(settings.get("OPTIONAL_CALLS", "")))
        self.calls += tuple(call for call in parse_calls(settings.get("OPTIONAL_CALLS", "")) if call not in self.calls)
        self.timeout = float(settings.get("TIMEOUT", "2"))
        self.meter = CpuMeter(profile.cpu_seconds, context.container, context.started)
        self.defects = Defects(profile, settings, context, self.rng)
        self.requests: dict[int, int] = {}
        self.seconds = 0.0
        self.load: dict[str, int] = {}
        self._load_due = 0.0
        self._leaked = 0
        self.records = "1"
        self._ready = False
        self._patience = CONNECT_PATIENCE
        self.after(profile.start_seconds, self._boot)

    # life
    def _boot(self) -> None:
        fatal = self._missing()
        if fatal or self.profile.crash:
            if fatal:
                self.log("FATAL", fatal)
            for line in () if fatal else self.profile.crash:
                self.say(line)
            return self.end(1)
        if self.settings.get("CONNECT") and not self._connected():
            return None
        self._ready = True
        self.log("INFO", f"listening on :{self.port}, calls {[f'{host}:{port}' for host, port in self.calls]}")
        if self.settings.get("LOAD"):
            self.after(float(self.settings.get("LOAD_DELAY", LOAD_INTERVAL)), self._send_load)
        self.context.changed()

    def _connected(self) -> bool:
        """Whether the store that the process needs at start answers; if not, it tries again and gives up in the end."""
        host, port = parse_calls(self.settings["CONNECT"])[0]
        try:
            self.context.network.connect(host, port)
        except NetworkError as error:
            self.log("WARN", f"cannot connect to {host}:{port}: {error}")
            self._patience -= 1
            if self._patience:
                self.after(1.0, self._boot)
            else:
                self.say(f"panic: no reachable servers ({host}:{port})")
                self.end(2)
            return False
        return True

    def _missing(self) -> str:
        """What the process needs at start and does not find."""
        path = self.settings.get("REQUIRE_FILE")
        if path and path not in self.context.files:
            return f"cannot open {path}: no such file"
        for name in self.settings.get("REQUIRE_ENV", "").split(","):
            if name and not self.settings.get(name):
                return f"missing required setting {name}"
        return ""

    def log(self, level: str, text: str, times: int = 1) -> None:
        line = f"{log_time(int(self.context.clock.now()))} {level} {self.name} {text}"
        for _ in range(times):
            self.say(line)

    def settled(self, now: float) -> bool:
        return not self.alive or (self._ready and now >= self._warm_at())

    def _warm_at(self) -> float:
        return self.context.started + self.profile.start_seconds + float(self.settings.get("WARMUP", "0"))

    def listening(self, now: float) -> frozenset[int]:
        return frozenset({self.port}) if self._ready and self.alive else frozenset()

    def memory(self, now: float) -> int:
        return self.profile.memory_bytes + self._leaked

    def cpu(self, now: float) -> float:
        return self.meter.cores(now)

    # requests
    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now):
            return [Reply(batch.count, 0, "", 0.0, REFUSED)]
        if batch.path in HEALTH:
            return [self._own_page(batch, now)]
        routes = self.settings.get("ROUTES", "/").split(",")
        if not any(batch.path.startswith(route) for route in routes):
            replies = [Reply(batch.count, 404, "404 page not found\n", 0.001)]
            self._account(replies)
            return replies
        refusal = self.admit(batch)
        replies = [Reply(batch.count, 401, refusal, 0.001)] if refusal else self._answer(batch, now)
        self._account(replies)
        return replies

    def _own_page(self, batch: Batch, now: float) -> Reply:
        if batch.path == "/metrics":
            return Reply(batch.count, 200, self._metrics_text(now), 0.001)
        warm = now >= self._warm_at()
        wait = self.meter.delay(now)
        return Reply(batch.count, 200 if warm else 503, "ok\n" if warm else "warming up\n", 0.001 + wait)

    def admit(self, batch: Batch) -> str:
        """The body of a refusal, or nothing. TOKEN_FILE is read at each request, as a database reloads its users."""
        path = self.settings.get("TOKEN_FILE")
        token = self.context.files.get(path, "") if path else self.settings.get("TOKEN")
        if not token or batch.headers.get("X-Token") == token:
            return ""
        self.log("ERROR", "authentication failed: bad or missing token", batch.count)
        return f"{self.name}: authentication failed\n"

    def _answer(self, batch: Batch, now: float) -> list[Reply]:
        effect = self.defects.of(batch.count, now)
        own = self.profile.seconds + effect.seconds + self.meter.work(batch.count, now, effect.cpu_factor)
        replies: list[Reply] = []
        if effect.failing:
            self.log("ERROR", effect.text, effect.failing)
            replies.append(Reply(effect.failing, 500, f"{self.name}: internal error\n", own))
        self._leak(batch.count, effect.leak_mib)
        self.records = str(effect.records)
        remaining, elapsed = batch.count - effect.failing, own
        for host, port in self.calls:
            if not remaining:
                break
            remaining, elapsed = self._call(self.defects.redirect(host), port, remaining, elapsed, replies)
        if remaining:
            replies.append(Reply(remaining, 200, "ok\n", elapsed))
        return replies

    def _call(self, host: str, port: int, count: int, elapsed: float, replies: list[Reply]) -> tuple[int, float]:
        """One of CALLS for all requests still alive: how many survive it, and the time they have taken so far."""
        headers = {"X-Token": self.settings.get("SEND_TOKEN", ""), "X-Records": self.records}
        good, spent = 0, 0.0
        for reply in self.context.network.send(host, port, Batch("/request", headers, count, self.timeout)):
            error = self._failure(reply)
            seconds = min(reply.seconds, self.timeout)
            if error:
                self.log("ERROR", f"call to {host}:{port} failed: {error}", reply.count)
            if error and (host, port) in self.optional:
                self._degraded(reply.count)
            if error and (host, port) not in self.optional:
                body = f"{self.name}: call to {host}:{port} failed: {error}\n"
                replies.append(Reply(reply.count, 502, body, elapsed + seconds))
            else:
                good += reply.count
                spent += reply.count * seconds
        return good, elapsed + (spent / good if good else 0.0)

    def _degraded(self, count: int) -> None:
        """`count` requests did without an optional call."""

    def _failure(self, reply: Reply) -> str:
        if reply.error:
            return reply.error
        if reply.seconds >= self.timeout:
            return "timed out"
        return phrase(reply.status) if reply.status >= 400 else ""

    def _leak(self, count: int, mib: float) -> None:
        mib += float(self.settings.get("LEAK_MB", "0")) + self.profile.leak_mib
        if mib:
            self._leaked += int(count * mib * MIB)
            self.context.changed()

    def _account(self, replies: Sequence[Reply]) -> None:
        for reply in replies:
            self.requests[reply.status] = self.requests.get(reply.status, 0) + reply.count
            self.seconds += reply.count * reply.seconds

    # load
    def _send_load(self) -> None:
        """A closed loop of USERS (1) at a time: a slow target lowers the rate, as in the real generator."""
        host, port = parse_calls(self.settings["LOAD"])[0]
        count = int(self._load_due)
        self._load_due -= count
        spent = 0.0
        if count:
            path = self.settings.get("LOAD_PATH", "/request")
            for reply in self.context.network.send(host, port, Batch(path, {}, count, self.timeout)):
                late = reply.seconds >= self.timeout
                code = "0" if reply.error or late else str(reply.status)
                self.load[code] = self.load.get(code, 0) + reply.count
                spent += reply.count * min(reply.seconds, self.timeout)
        pause = 1.0 / (float(self.settings.get("RPS", "5")) * self.defects.load_factor())
        users = int(self.settings.get("USERS", "1"))
        self._load_due += LOAD_INTERVAL / max(pause, spent / count / users if count else 0.0)
        self.after(LOAD_INTERVAL, self._send_load)

    # metrics
    def samples(self, now: float) -> Sequence[Sample]:
        rows = [
            Sample("http_requests_total", (("service", self.name), ("code", str(code))), count)
            for code, count in sorted(self.requests.items())
        ]
        target = self.settings.get("LOAD", "")
        for code, count in sorted(self.load.items()):
            rows.append(Sample("load_requests_total", (("target", target), ("code", code)), count))
        rows.append(Sample("http_request_seconds_total", (("service", self.name),), round(self.seconds, 6)))
        return rows

    def _metrics_text(self, now: float) -> str:
        lines, seen = [], ""
        for row in self.samples(now):
            if row.name != seen:
                lines.append(f"# TYPE {row.name} {'counter' if row.name.endswith('_total') else 'gauge'}")
                seen = row.name
            labels = ",".join(f'{name}="{value}"' for name, value in row.labels)
            value = f"{row.value:.6f}" if row.name == "http_request_seconds_total" else f"{row.value:g}"
            lines.append(f"{row.name}{{{labels}}} {value}")
        return "\n".join(lines) + "\n"
