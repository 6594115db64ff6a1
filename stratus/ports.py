"""The seams of the core: what the engine, the oracles and the agents need, without saying who provides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from stratus.domain.base import JsonObject, Value
from stratus.domain.commands import Command, Posted
from stratus.domain.events import Event, Recorded
from stratus.domain.objects import ClusterIdentity, ObjectRef
from stratus.domain.severity import Finding, Observation, Reading
from stratus.domain.steps import Proposal, Step


class Clock(Protocol):
    """Time, so that tests and the embedded cluster can own it."""

    def now(self) -> datetime:
        """The wall clock, UTC and aware."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Resource(Value):
    """One resource type as discovery lists it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    preferred: bool = True

    @property
    def api_version(self) -> str:
        """``apps/v1``, ``v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version


class HttpReply(Value):
    """What a Service answered through the API server's proxy."""

    status: int
    body: str


class ClusterReader(Protocol):
    """Read-only access, raw JSON. Every method raises Retryable or Unobservable when the API does not answer, and
    Refused (Absent for 404) when it says no."""

    async def identity(self) -> ClusterIdentity:
        """Which cluster this is."""
        ...

    async def resources(self) -> Sequence[Resource]:
        """Everything that discovery lists, CRDs included."""
        ...

    async def get(self, ref: ObjectRef) -> JsonObject:
        """The object, with apiVersion and kind set. Raises Absent."""
        ...

    async def list(
        self, kind: str, namespace: str = "", *, api_version: str = "", labels: str = "", fields: str = ""
    ) -> list[JsonObject]:
        """All objects of a kind (all namespaces when ``namespace`` is ""), each with apiVersion and kind set.

        A kind that the server does not know is an empty list: clusters differ in what they serve.
        """
        ...

    async def logs(
        self, namespace: str, pod: str, container: str = "", *, previous: bool = False, tail: int = 200,
        timestamps: bool = False,
    ) -> str:  # fmt: skip
        """The container's last lines; "" when it has none. ``timestamps``: each begins with its RFC 3339 time and a space."""
        ...

    async def service_request(
        self, namespace: str, service: str, port: str, path: str, timeout: float = 3.0
    ) -> HttpReply:
        """GET through the API server's service proxy. Any HTTP status of the application is an answer, not an error."""
        ...

    async def can_i(self, verb: str, ref: ObjectRef, subresource: str = "") -> bool:
        """A SelfSubjectAccessReview."""
        ...


@runtime_checkable
class PodProxy(Protocol):
    """A reader that can also ask a single pod, as the API server's pod proxy does."""

    async def pod_request(self, namespace: str, pod: str, port: str, path: str, timeout: float = 3.0) -> HttpReply:
        """GET; errors as ClusterReader.service_request."""
        ...


@runtime_checkable
class PathReader(Protocol):
    """A reader that can also ask for any path of the API server, as ``kubectl get --raw`` does."""

    async def path_request(self, path: str, query: Mapping[str, str], timeout: float = 3.0) -> HttpReply:
        """GET. Any HTTP status is an answer, not an error; raises Retryable or Unobservable when there is none."""
        ...


class Precondition(Value):
    """What must still be true of the object for a write to be accepted; "" is not checked."""

    uid: str = ""
    resource_version: str = ""


class ClusterWriter(Protocol):
    """Sends one typed step. Returns the object as the server stored it ({} when it is gone).

    Raises Refused/Absent/Conflict when the server says no (nothing changed), Retryable when it was surely not
    processed (429, connection refused), OutcomeUnknown when the answer was lost.
    """

    async def send(self, step: Step, precondition: Precondition) -> JsonObject:
        """Write."""
        ...


class Oracle(Protocol):
    """A read-only judge."""

    name: str

    async def read(self) -> Reading:
        """What it says now. Never raises for an API failure: it answers BLIND and says why."""
        ...


class EventLog(Protocol):
    """The append-only log. One process appends; any number read."""

    def append(self, *events: Event, durable: bool = True) -> Sequence[Recorded]:
        """Append atomically; on disk before it returns when ``durable``. Raises Conflict when another writer appended."""
        ...

    def read(self, after: int = 0, limit: int = 1000) -> Sequence[Recorded]:
        """Events with ``seq > after``, oldest first."""
        ...

    def head(self) -> int:
        """The newest seq; 0 for an empty log."""
        ...


class Snapshots(Protocol):
    """Content-addressed raw JSON; Secret values are sealed at rest."""

    def put(self, obj: JsonObject) -> str:
        """Store and return the content hash; storing twice is storing once."""
        ...

    def get(self, digest: str) -> JsonObject:
        """The object. Raises Absent."""
        ...


class Inbox(Protocol):
    """Commands from people, each with an idempotency key and one outcome."""

    def post(self, command: Command, *, actor: str, surface: str, key: str = "") -> str:
        """Queue; the same ``key`` twice is one command. Returns its id."""
        ...

    def pending(self) -> Sequence[Posted]:
        """Commands without an outcome, oldest first."""
        ...

    def decide(self, command_id: str, accepted: bool, message: str) -> bool:
        """Set the outcome; False when it had one already (compare-and-set)."""
        ...

    def outcome(self, command_id: str) -> tuple[bool, str] | None:
        """(accepted, message), or None while undecided."""
        ...


class TxResult(Value):
    """How a transaction ended."""

    tx: str
    outcome: Literal[
        "committed", "restored", "diverged", "vetoed", "denied", "refused", "expired", "unknown", "stopped"
    ]
    reason: str = ""
    severity_before: float | None = None
    severity_after: float | None = None
    findings_after: tuple[Finding, ...] = ()
    writes: int = 0


class Transactor(Protocol):
    """What the agents may do with a cluster: look, say, and propose. Only the engine behind it can write."""

    @property
    def reader(self) -> ClusterReader:
        """Read-only access."""
        ...

    async def observe(self) -> Observation:
        """All oracles now; a change is recorded as a health.sample event."""
        ...

    async def settle(self, seconds: float) -> Observation:
        """Observe until nothing moves any more (or the rest is stuck), for at most ``seconds``."""
        ...

    def emit(self, *events: Event) -> None:
        """Append to the log."""
        ...

    async def transact(self, proposal: Proposal, *, incident: str, initial: float) -> TxResult:
        """One whole transaction, from proposal to committed, restored, diverged or cancelled.

        ``initial`` is b, the severity when the incident opened. Never raises for a refusal: that is an outcome.
        """
        ...

    async def undo(self, tx: str, *, by: str, reason: str) -> TxResult:
        """Undo a committed transaction on demand."""
        ...


class IdSource(Protocol):
    """Names for things that are created."""

    def token(self) -> str:
        """A short unique word."""
        ...
