"""The wire between the engine and the cluster on a bad day: faults, foreign writers, vetoes and sudden death."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stratus.cluster.discovery import Discovery, path_of
from stratus.cluster.transport import Answer, Transport
from stratus.engine.lease import LEASE_NAME
from stratus.testing.faults import FOR_READS, LATE_BY, Fault, FaultyTransport, Request
from tests.properties.plan import Edit, Plan

STRATEGIC = "application/strategic-merge-patch+json"
READS_SPARED = 60
"""A read is this much less likely to meet a fault than a write: there are so many of them."""
FOR_WRITES = tuple(fault for fault in Fault if fault not in (Fault.NONE, Fault.WEBHOOK_DENIES))


class Killed(BaseException):
    """The process is gone: nothing catches it."""


@dataclass(frozen=True)
class Write:
    """One request of the engine that could change the application, and how long the log was when it was sent."""

    request: Request
    head: int


@dataclass
class Hooks:
    """What the adversary needs of the run."""

    head: Callable[[], int]
    undoing: Callable[[], bool]
    veto: Callable[[], bool]
    """Objects to the open transaction; False when there is none yet."""


class Adversary(FaultyTransport):
    """Carries every request of the engine. Once ``healed`` nothing goes wrong any more."""

    def __init__(self, inner: Transport, discovery: Discovery, plan: Plan, rng: Random, hooks: Hooks) -> None:
        super().__init__(inner, self._fault)
        self._discovery, self._plan, self._rng, self._hooks = discovery, plan, rng, hooks
        self._edits = sorted(plan.edits, key=lambda edit: edit.before)
        self._requests = self._writes = 0
        self._left, self._script = plan.faults, list(plan.script)
        self._objected = False
        self.healed = False
        self.denied = 0
        """How many writes of an undo the webhook rejected."""
        self.edited: list[Edit] = []
        """The foreign writer's changes that the server took."""
        self.writes: list[Write] = []

    async def _handle(self, request: Request) -> Answer:
        self._requests += 1
        await self._others()
        if not self.healed and self._plan.veto_at and self._requests >= self._plan.veto_at and not self._objected:
            self._objected = self._hooks.veto()
        if not changes_application(request):
            return await super()._handle(request)
        self._writes += 1
        self.writes.append(Write(request, self._hooks.head()))
        dies = not self.healed and self._writes == self._plan.killed_in_write
        if dies and self._rng.random() < 0.5:
            raise Killed("before the write arrived")
        answer = await super()._handle(request)
        if dies:
            raise Killed("after the write landed")
        return answer

    async def _others(self) -> None:
        while self._edits and self._edits[0].before <= self._requests and not self.healed:
            edit = self._edits.pop(0)
            resource = await self._discovery.of(edit.target)
            answer = await self.inner.request(
                "PATCH",
                path_of(resource, edit.target.namespace, edit.target.name),
                query={"fieldManager": "somebody"},
                body=json.dumps(edit.patch).encode(),
                content_type=STRATEGIC,
            )
            if answer.status == 200:
                self.edited.append(edit)

    def _fault(self, request: Request) -> Fault:
        if self.healed:
            return Fault.NONE
        ours = changes_application(request)
        if ours and self._script:
            return self._script.pop(0)
        if ours and self._plan.undo_denied and self._hooks.undoing():
            self.denied += 1
            return Fault.WEBHOOK_DENIES
        share = self._plan.share if ours else self._plan.share / READS_SPARED
        if self._left <= 0 or self._rng.random() >= share:
            return Fault.NONE
        self._left -= 1
        if ours and not self._hooks.undoing() and self._rng.random() < 0.1:
            return Fault.WEBHOOK_DENIES
        return self._rng.choice(FOR_WRITES if request.writes else FOR_READS)

    async def calm_down(self) -> None:
        """From here on everything answers; what is still under way lands."""
        self.healed = True
        for _ in range(LATE_BY + 1):
            await self.request("GET", "/version")


def changes_application(request: Request) -> bool:
    """Whether a request is a write of a transaction: the lease's own are not."""
    lease = "coordination.k8s.io" in request.path and (LEASE_NAME in request.path or request.method == "POST")
    return request.writes and not lease
