"""Time and the run loop."""

from __future__ import annotations

import asyncio

import pytest

from stratus.sandbox import kernel as kernel_module
from stratus.sandbox.kernel import Kernel, RunawayError, parse_time, rfc3339, rfc3339_micro


def test_virtual_time_stands_still_until_advanced() -> None:
    kernel = Kernel(virtual=True)
    start = kernel.now()
    kernel.settle()
    assert kernel.now() == start
    kernel.advance(90)
    assert kernel.now() == start + 90


def test_timers_run_in_order_of_time_then_of_their_making() -> None:
    kernel, seen = Kernel(virtual=True), []
    kernel.call_later(2, lambda: seen.append("late"))
    kernel.call_later(1, lambda: seen.append("first"))
    kernel.call_later(1, lambda: seen.append("second"))
    kernel.advance(1)
    assert seen == ["first", "second"]
    kernel.advance(1)
    assert seen == ["first", "second", "late"]


def test_a_timer_sees_its_own_time() -> None:
    kernel, seen = Kernel(virtual=True, start=1000.0), []
    kernel.call_later(5, lambda: seen.append(kernel.now()))
    kernel.advance(60)
    assert seen == [1005.0]


def test_settle_runs_what_due_work_makes_due() -> None:
    kernel, seen = Kernel(virtual=True), []
    kernel.call_soon(lambda: kernel.call_soon(lambda: seen.append("nested")))
    kernel.settle()
    assert seen == ["nested"]


def test_a_cancelled_timer_does_not_run() -> None:
    kernel, seen = Kernel(virtual=True), []
    kernel.call_later(1, lambda: seen.append("ran")).cancel()
    kernel.advance(5)
    assert seen == []
    assert kernel.next_due() is None


def test_callbacks_that_answer_each_other_for_ever_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "RUNAWAY", 100)
    kernel = Kernel(virtual=True)

    def again() -> None:
        kernel.call_soon(again)

    again()
    with pytest.raises(RunawayError):
        kernel.settle()


def test_real_time_cannot_be_advanced() -> None:
    with pytest.raises(RuntimeError):
        Kernel().advance(1)


async def test_real_time_runs_timers_and_survives_a_failing_one() -> None:
    kernel, done = Kernel(), asyncio.Event()

    def fail() -> None:
        raise ValueError("a controller's bug")

    life = asyncio.create_task(kernel.run())
    kernel.call_soon(fail)
    kernel.call_later(0.01, done.set)
    async with asyncio.timeout(10):
        await done.wait()
    life.cancel()


def test_the_same_seed_draws_the_same_numbers() -> None:
    assert Kernel(seed=3).rng.random() == Kernel(seed=3).rng.random() != Kernel(seed=4).rng.random()


def test_times_are_written_as_kubernetes_writes_them() -> None:
    assert rfc3339(1_767_225_600.9) == "2026-01-01T00:00:00Z"
    assert rfc3339_micro(1_767_225_600.25) == "2026-01-01T00:00:00.250000Z"
    assert parse_time("2026-01-01T01:00:00+01:00") == 1_767_225_600
