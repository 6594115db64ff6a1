"""Writer exclusivity (A1): a Kubernetes Lease beside the journal's file lock.

The API checks no fencing token, so time does: a write is sent only while the lease's local monotonic deadline leaves
room for the request's own time-out plus a margin, and a successor waits as long after expiry. Expiry is judged by the
successor's own clock, from when it saw the last renewal (as client-go does), so that ordinary clock skew does not matter.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from stratus.domain.base import JsonObject, Value
from stratus.domain.errors import Absent, Conflict, LeaseLost, OutcomeUnknown, Refused, Retryable, Unobservable
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, ReplaceStep, Step
from stratus.ports import Clock, ClusterReader, ClusterWriter, Precondition

LEASE_NAME = "stratus-writer"
API_VERSION = "coordination.k8s.io/v1"
CLOCK_SKEW = 120.0
"""Seconds by which two hosts' clocks may differ: a renewal older than this much more than its term is over at once."""


class LeaseTimes(Value):
    """Seconds."""

    duration: float = 30.0
    renew_every: float = 8.0
    write_timeout: float = 10.0
    margin: float = 2.0


def holder_of(journal: Path) -> str:
    """Who writes: this host with this journal. Whoever wins the journal's file lock is the same holder."""
    return f"{socket.gethostname()}-{hashlib.sha256(str(journal.resolve()).encode()).hexdigest()[:8]}"


class WriterLease:
    """One Lease per namespace in scope; the one in kube-system for the whole cluster."""

    def __init__(
        self,
        reader: ClusterReader,
        writer: ClusterWriter,
        clock: Clock,
        holder: str,
        namespaces: Sequence[str],
        times: LeaseTimes | None = None,
    ) -> None:
        self.holder = holder
        self.times = times or LeaseTimes()
        self._reader, self._writer, self._clock = reader, writer, clock
        self._namespaces = tuple(namespaces) or ("kube-system",)
        self._whole_cluster = not namespaces
        self._deadline: float | None = None
        self._renewed = 0.0
        self._seen: dict[str, tuple[str, float]] = {}

    @property
    def held(self) -> bool:
        """Whether the lease is held and not expired."""
        return self._deadline is not None and self._clock.monotonic() < self._deadline

    def check(self) -> None:
        """Raises LeaseLost unless one more write can finish, or time out, before the lease ends."""
        needed = self.times.write_timeout + self.times.margin
        if self._deadline is None or self._clock.monotonic() + needed > self._deadline:
            raise LeaseLost(f"{self.holder} does not hold the writer's lease for long enough to send a write")

    async def acquire(self, wait: float = 0.0) -> None:
        """Become the writer. Raises LeaseLost when somebody else's lease is live for longer than ``wait`` seconds."""
        end = self._clock.monotonic() + wait
        while True:
            try:
                return await self._take()
            except (LeaseLost, Refused) as error:
                await self._give_back()  # of several namespaces some may have been taken
                if isinstance(error, Refused) or self._clock.monotonic() >= end:
                    raise
                await self._clock.sleep(1.0)

    async def renew_if_due(self) -> None:
        """Renew when it is time. A transport error leaves the deadline where it is: writing stops when it passes.

        Raises LeaseLost when somebody else took the lease, or when the server does not let us keep it.
        """
        if self._deadline is None or self._clock.monotonic() - self._renewed < self.times.renew_every:
            return
        try:
            await self._take()
        except (Retryable, OutcomeUnknown, Unobservable):
            return
        except Refused as error:  # its namespace is going, or the permission went
            raise LeaseLost(f"the writer's lease cannot be renewed: {error}") from error

    def stands_on(self, step: Step) -> bool:
        """Whether a step would write to a writer's lease, or delete the namespace that holds this one."""
        target = step.target
        if target.kind == "Lease":
            return target.name == LEASE_NAME
        return isinstance(step, DeleteStep) and target.kind == "Namespace" and target.name in self._namespaces

    def forget(self) -> None:
        """Stop counting on the lease: somebody else has it."""
        self._deadline = None

    async def release(self) -> None:
        """Give the lease up, so that the next writer need not wait."""
        if self._deadline is None:
            return
        self._deadline = None
        await self._give_back()

    async def _give_back(self) -> None:
        for namespace in self._namespaces:
            try:
                live = await self._reader.get(self._ref(namespace))
                if live["spec"].get("holderIdentity") == self.holder:
                    await self._put(live, {"holderIdentity": "", "leaseDurationSeconds": 1})
            except (Refused, Retryable, OutcomeUnknown, Unobservable):
                continue  # it expires by itself

    async def _take(self) -> None:
        started = self._clock.monotonic()
        await self._refuse_other_scopes()
        for namespace in self._namespaces:
            await self._take_one(namespace)
        self._renewed, self._deadline = started, started + self.times.duration

    async def _take_one(self, namespace: str) -> None:
        try:
            live = await self._reader.get(self._ref(namespace))
        except Absent:
            await self._create(namespace)
            return
        self._refuse_if_live(namespace, live)
        try:
            await self._put(live, self._spec(live["spec"]))
        except Conflict as error:
            raise LeaseLost(f"somebody else took the writer's lease in {namespace}") from error

    async def _refuse_other_scopes(self) -> None:
        """A writer of the whole cluster and a writer of one namespace exclude each other."""
        if self._whole_cluster:
            others = await self._reader.list("Lease", api_version=API_VERSION, fields=f"metadata.name={LEASE_NAME}")
        else:
            try:
                others = [await self._reader.get(self._ref("kube-system"))]
            except Refused:  # absent, or not ours to see: then it cannot be told, and the namespace's own lease decides
                others = []
        for live in others:
            self._refuse_if_live(live["metadata"]["namespace"], live)

    def _refuse_if_live(self, namespace: str, live: JsonObject) -> None:
        spec = live["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder in ("", self.holder):
            return
        patience = float(spec.get("leaseDurationSeconds") or 0) + self.times.write_timeout + self.times.margin
        if self._wall_age(spec) > patience + CLOCK_SKEW:
            return
        version, now = live["metadata"]["resourceVersion"], self._clock.monotonic()
        seen, since = self._seen.get(namespace, ("", now))
        if seen != version:
            self._seen[namespace] = (version, now)
            since = now
        if now - since < patience:
            raise LeaseLost(f"{holder} holds the writer's lease in {namespace}: stop it, or wait until it has expired")

    def _wall_age(self, spec: JsonObject) -> float:
        """Seconds since the renewal that the holder wrote down; 0 when it cannot be read."""
        try:
            renewed = datetime.fromisoformat(spec["renewTime"].replace("Z", "+00:00"))
        except (KeyError, ValueError):
            return 0.0
        return (self._clock.now() - renewed).total_seconds()

    async def _create(self, namespace: str) -> None:
        ref = self._ref(namespace)
        body: JsonObject = {
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {"name": ref.name, "namespace": ref.namespace},
            "spec": self._spec({}),
        }
        try:
            await self._send(CreateStep(target=ref, manifest=body))
        except Conflict as error:
            raise LeaseLost(f"somebody else took the writer's lease in {namespace}") from error

    def _spec(self, before: JsonObject) -> JsonObject:
        stamp = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        same = before.get("holderIdentity") == self.holder
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": int(self.times.duration),
            "acquireTime": before.get("acquireTime", stamp) if same else stamp,
            "renewTime": stamp,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (0 if same else 1),
        }

    async def _put(self, live: JsonObject, changes: JsonObject) -> None:
        body = {**live, "spec": {**live["spec"], **changes}}
        await self._send(ReplaceStep(target=ObjectRef.of(body), manifest=body), live["metadata"]["resourceVersion"])

    async def _send(self, step: Step, version: str = "") -> None:
        await self._writer.send(step, Precondition(resource_version=version))

    def _ref(self, namespace: str) -> ObjectRef:
        return ObjectRef(api_version=API_VERSION, kind="Lease", namespace=namespace, name=LEASE_NAME)


class LeasedWriter:
    """A writer that checks the lease before each write: the only kind that the transaction engine is given (I1)."""

    def __init__(self, writer: ClusterWriter, lease: WriterLease) -> None:
        self._writer, self._lease = writer, lease
        self.sent = 0
        """Writes sent so far, whatever came of them."""

    @property
    def holder(self) -> str:
        """Who writes."""
        return self._lease.holder

    def stands_on(self, step: Step) -> bool:
        """Whether a step would take away what makes this the only writer."""
        return self._lease.stands_on(step)

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        """Write, or raise LeaseLost."""
        self._lease.check()
        self.sent += 1
        return await self._writer.send(step, precondition)
