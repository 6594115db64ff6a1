"""Databases and queues: the service image's contract, plus the configuration that such programs are broken by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from stratus.sandbox.apps.process import Batch, ContainerContext, Reply, Sample
from stratus.sandbox.apps.profile import Profile
from stratus.sandbox.apps.service import ServiceProcess

CLOSED = "Remote end closed connection without response"


class Mongod(ServiceProcess):
    """A MongoDB server: `mongod --config FILE` decides over TLS; without a file it takes plain connections."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(profile, settings, context)
        self._require_tls = False

    def _missing(self) -> str:
        argv = self.context.argv
        if "--config" not in argv and "-f" not in argv:
            return super()._missing()
        path = argv[argv.index("--config" if "--config" in argv else "-f") + 1]
        text = self.context.files.get(path)
        if text is None:
            return f"Error opening config file '{path}': No such file or directory"
        try:
            tls = ((yaml.safe_load(text) or {}).get("net") or {}).get("tls") or {}
        except (yaml.YAMLError, AttributeError) as error:
            return f"Error parsing YAML config file: {error}"
        return self._configure_tls(tls) or super()._missing()

    def _configure_tls(self, tls: Mapping[str, str]) -> str:
        if tls.get("mode", "disabled") == "disabled":
            return ""
        for key in ("certificateKeyFile", "CAFile"):
            path = tls.get(key, "")
            if path not in self.context.files:
                return f"InvalidSSLConfiguration: Can not set up PEM key file: cannot read {key} {path}"
        self._require_tls = tls["mode"] == "requireTLS"
        return ""

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        probe = batch.path in ("/healthz", "/metrics")
        if self._require_tls and not probe and port in self.listening(now) and "X-TLS" not in batch.headers:
            text = "The server is configured to only allow SSL connections"
            self.log("ERROR", f"SSLHandshakeFailed: {text}; connection ended", batch.count)
            return [Reply(batch.count, 0, "", 0.001, CLOSED)]
        return super().serve(port, batch, now)


class Kafka(ServiceProcess):
    """A broker: producers' requests are records; each consumer group reads at its own pace, the rest is its lag."""

    def __init__(self, profile: Profile, settings: Mapping[str, str], context: ContainerContext) -> None:
        super().__init__(profile, settings, context)
        self._produced = 0
        self._read: dict[str, int] = {}

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        if port not in self.listening(now) or not batch.path.startswith("/consume/"):
            replies = super().serve(port, batch, now)
            if batch.path == "/request" and port in self.listening(now):
                records = int(batch.headers.get("X-Records", "1"))
                self._produced += records * sum(reply.count for reply in replies if reply.status == 200)
            return replies
        group = batch.path.removeprefix("/consume/")
        done = self._read.setdefault(group, self._produced)
        self._read[group] = done + min(batch.count, self._produced - done)
        return [Reply(batch.count, 200, "ok\n", 0.001)]

    def samples(self, now: float) -> Sequence[Sample]:
        lag = [
            Sample("kafka_consumergroup_lag", (("consumergroup", group), ("topic", "orders")), self._produced - done)
            for group, done in sorted(self._read.items())
        ]
        return [*super().samples(now), *lag]


class KafkaConsumer(ServiceProcess):
    """A service that reads the queue: every second as many records as it can handle."""

    CAPACITY = 250  # records a second

    def _boot(self) -> None:
        super()._boot()
        if self.alive and self.settings.get("KAFKA_ADDR"):
            self.after(1.0, self._poll)

    def _poll(self) -> None:
        host, _, port = self.settings["KAFKA_ADDR"].rpartition(":")
        reply = self.context.network.send(host, int(port), Batch(f"/consume/{self.name}", {}, self.CAPACITY))[0]
        if reply.error:
            self.log("ERROR", f"cannot fetch from {host}:{port}: {reply.error}")
        self.after(1.0, self._poll)
