"""What a role may do: look at everything, and hand a proposal to the engine. There is no third thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from agents.evidence import Evidence, gather
from agents.incident import Incident, Role
from stratus.domain.base import JsonObject
from stratus.domain.errors import Refused
from stratus.domain.severity import Observation
from stratus.domain.steps import Proposal
from stratus.ports import Clock, ClusterReader, Transactor, TxResult


class Memory(Protocol):
    """The last healthy state."""

    def objects(self) -> Mapping[str, JsonObject]:
        """Objects by path, as they were while everything was healthy."""
        ...


class Tools:
    """Readers freely; writes only as proposals. Each use is a line of the transcript."""

    def __init__(
        self, transactor: Transactor, clock: Clock, namespaces: Sequence[str], memory: Memory | None = None
    ) -> None:
        """``namespaces``: () is every namespace."""
        self._transactor = transactor
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._memory = memory

    @property
    def reader(self) -> ClusterReader:
        """Read-only access."""
        return self._transactor.reader

    async def look(self, incident: Incident, role: Role, observation: Observation) -> Evidence:
        """Read everything that matters. Raises Retryable or Unobservable when the API does not answer."""
        begun = self._clock.monotonic()
        memory = self._memory.objects() if self._memory else {}
        evidence = await gather(self.reader, self._namespaces, observation, at=self._clock.now(), baseline=memory)
        where = ", ".join(evidence.namespaces) or "all namespaces"
        took = self._clock.monotonic() - begun
        known = f", compared with the last healthy state of {len(memory)} objects" if memory else ""
        text = f"read {len(evidence.objects)} objects and {len(evidence.logs)} logs of {where} in {took:.1f} s{known}"
        incident.say(role, "tool", text)
        for refusal in evidence.unreadable[:3]:
            incident.say(role, "observation", f"may not read {refusal}")
        return evidence

    async def observe(self) -> Observation:
        """All oracles now."""
        return await self._transactor.observe()

    async def settle(self, seconds: float) -> Observation:
        """All oracles once nothing moves, or after ``seconds``."""
        return await self._transactor.settle(seconds)

    async def propose(self, incident: Incident, proposal: Proposal) -> TxResult:
        """Hand a change to the engine, and wait until it is committed, undone or turned down."""
        incident.say("mitigation", "tool", f"proposes: {proposal.title}")
        return await self._transactor.transact(proposal, incident=incident.id, initial=incident.initial)

    async def take_back(self, incident: Incident, tx: str, reason: str) -> TxResult:
        """Ask the engine to undo a committed transaction."""
        incident.say("undo", "tool", f"undo {tx}: {reason}")
        try:
            return await self._transactor.undo(tx, by="agent:undo", reason=reason)
        except Refused as error:  # a person was quicker
            return TxResult(tx=tx, outcome="refused", reason=str(error))
