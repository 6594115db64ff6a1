"""At most one writer: by lease, by time, and never by hope."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Conflict, LeaseLost, Retryable
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, ReplaceStep, Step
from stratus.engine.lease import LeasedWriter, LeaseTimes, WriterLease, holder_of
from stratus.ports import Precondition
from stratus.testing.clock import FakeClock
from tests.engine.harness import patch

TIMES = LeaseTimes(duration=30.0, renew_every=8.0, write_timeout=10.0, margin=2.0)


class Leases:
    """An API server that knows only Leases, shared by several writers."""

    def __init__(self) -> None:
        self.stored: dict[str, JsonObject] = {}
        self.version = 0
        self.away = False
        self.gone: set[str] = set()
        """Namespaces that do not exist."""
        self.writes = 0

    async def get(self, ref: ObjectRef) -> JsonObject:
        self._answer()
        if ref.namespace not in self.stored or ref.namespace in self.gone:
            raise Absent("no lease", status=404)
        return copy.deepcopy(self.stored[ref.namespace])

    async def list(self, kind: str, namespace: str = "", **_: str) -> list[JsonObject]:
        self._answer()
        return [copy.deepcopy(each) for each in self.stored.values()]

    async def send(self, step: Step, condition: Precondition) -> JsonObject:
        self._answer()
        self.writes += 1
        namespace = step.target.namespace
        if namespace in self.gone:
            raise Absent("no namespace", status=404)
        live = self.stored.get(namespace)
        if isinstance(step, CreateStep) and live is not None:
            raise Conflict("exists", status=409)
        if isinstance(step, ReplaceStep) and (live or {})["metadata"]["resourceVersion"] != condition.resource_version:
            raise Conflict("modified", status=409)
        assert isinstance(step, CreateStep | ReplaceStep)
        self.version += 1
        stored = copy.deepcopy(step.manifest)
        stored["metadata"]["resourceVersion"] = str(self.version)
        self.stored[namespace] = stored
        return stored

    def _answer(self) -> None:
        if self.away:
            raise Retryable("connection refused")


def lease(api: Leases, clock: FakeClock, holder: str, *namespaces: str) -> WriterLease:
    return WriterLease(api, api, clock, holder, namespaces, TIMES)  # type: ignore[arg-type]


async def test_a_second_writer_waits_its_turn_and_no_longer() -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", "shop").acquire()
    other = lease(api, clock, "two", "shop")
    with pytest.raises(LeaseLost, match="one holds the writer's lease in shop"):
        await other.acquire()
    begun = clock.monotonic()
    await other.acquire(wait=100.0)
    waited = clock.monotonic() - begun
    assert TIMES.duration + TIMES.write_timeout <= waited <= TIMES.duration + TIMES.write_timeout + TIMES.margin + 1


async def test_who_cannot_have_every_namespace_keeps_none() -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", "bank").acquire()
    with pytest.raises(LeaseLost, match="bank"):
        await lease(api, clock, "two", "shop", "bank").acquire()
    api.gone.add("cellar")
    with pytest.raises(Absent):
        await lease(api, clock, "two", "shop", "cellar").acquire()
    await lease(api, clock, "three", "shop").acquire()


async def test_a_lease_whose_namespace_went_is_lost() -> None:
    api, clock = Leases(), FakeClock()
    mine = lease(api, clock, "one", "shop")
    await mine.acquire()
    api.gone.add("shop")
    await clock.sleep(TIMES.renew_every)
    with pytest.raises(LeaseLost, match="cannot be renewed"):
        await mine.renew_if_due()


async def test_a_released_lease_is_free_at_once() -> None:
    api, clock = Leases(), FakeClock()
    first = lease(api, clock, "one", "shop")
    await first.acquire()
    await first.release()
    assert not first.held
    await lease(api, clock, "two", "shop").acquire()


async def test_the_same_journal_takes_its_lease_over_at_once() -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", "shop").acquire()
    await lease(api, clock, "one", "shop").acquire()
    assert api.stored["shop"]["spec"]["leaseTransitions"] == 1


@pytest.mark.parametrize(("first", "second"), [((), ("shop",)), (("shop",), ())])
async def test_the_whole_cluster_and_one_namespace_exclude_each_other(first: tuple, second: tuple) -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", *first).acquire()
    with pytest.raises(LeaseLost):
        await lease(api, clock, "two", *second).acquire()


async def test_two_namespaces_do_not_exclude_each_other() -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", "a").acquire()
    await lease(api, clock, "two", "b").acquire()


async def test_writing_stops_before_the_lease_ends_when_it_cannot_be_renewed() -> None:
    api, clock = Leases(), FakeClock()
    held = lease(api, clock, "one", "shop")
    writer = LeasedWriter(api, held)  # type: ignore[arg-type]
    await held.acquire()
    api.away = True
    await clock.sleep(17.0)
    await held.renew_if_due()
    held.check()
    await clock.sleep(2.0)
    await held.renew_if_due()
    before = api.writes
    with pytest.raises(LeaseLost, match="for long enough"):
        await writer.send(patch("a", x="1"), Precondition())
    assert (api.writes, writer.sent) == (before, 0)
    assert held.held, "it is still the holder: nobody else may write yet either"
    api.away = False
    await held.renew_if_due()
    held.check()


async def test_a_lease_that_somebody_took_is_lost() -> None:
    api, clock = Leases(), FakeClock()
    held = lease(api, clock, "one", "shop")
    await held.acquire()
    api.stored["shop"]["spec"]["holderIdentity"] = "thief"
    api.stored["shop"]["metadata"]["resourceVersion"] = "999"
    await clock.sleep(9.0)
    with pytest.raises(LeaseLost, match="thief"):
        await held.renew_if_due()


async def test_a_lease_from_last_week_is_over(tmp_path: Path) -> None:
    api, clock = Leases(), FakeClock()
    await lease(api, clock, "one", "shop").acquire()
    api.stored["shop"]["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
    await lease(api, clock, "two", "shop").acquire()


def test_a_holder_is_one_journal_on_one_host(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "a.db") == holder_of(tmp_path / "x" / ".." / "a.db")
    assert holder_of(tmp_path / "a.db") != holder_of(tmp_path / "b.db")
