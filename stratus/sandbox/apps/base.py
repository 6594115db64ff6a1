"""What every process has: a log, timers that die with it, an end, and the commands one may exec in it."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache

from stratus.sandbox.apps.process import (
    Batch,
    ContainerContext,
    Exit,
    Headers,
    HttpAnswer,
    NetworkError,
    Reply,
    Sample,
    Timer,
)

MIB = 1 << 20
LOG_LINES = 4000  # kept per container, as a node's log rotation keeps a bounded file
REFUSED = "<urlopen error [Errno 111] Connection refused>"


@lru_cache(maxsize=256)
def log_time(second: int) -> str:
    """A log line's time stamp."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


class BaseProcess:
    """A process that runs until it is stopped, listens on nothing and says nothing: images refine it."""

    memory_bytes = 8 * MIB

    def __init__(self, context: ContainerContext) -> None:
        self.context = context
        self.rng = random.Random(context.seed)
        self._log: deque[tuple[float, str]] = deque(maxlen=LOG_LINES)
        self._exit: Exit | None = None
        self._timers: list[Timer] = []
        self.stopped = False

    @property
    def exits(self) -> Exit | None:
        return self._exit

    @property
    def alive(self) -> bool:
        return not self.stopped and self._exit is None

    def settled(self, now: float) -> bool:
        return True

    def memory(self, now: float) -> int:
        return self.memory_bytes

    def cpu(self, now: float) -> float:
        return 0.0

    def listening(self, now: float) -> frozenset[int]:
        return frozenset()

    def http(self, port: int, path: str, headers: Headers, now: float) -> HttpAnswer:
        reply = self.serve(port, Batch(path, headers), now)[0]
        if reply.error:
            raise NetworkError(reply.error, reply.seconds)
        return HttpAnswer(reply.status, reply.body, reply.seconds)

    def serve(self, port: int, batch: Batch, now: float) -> Sequence[Reply]:
        return [Reply(batch.count, 0, "", 0.0, REFUSED)]

    def samples(self, now: float) -> Sequence[Sample]:
        return ()

    def logs(self) -> Sequence[tuple[float, str]]:
        return tuple(self._log)

    def exec(self, argv: Sequence[str], now: float, stdin: str = "") -> tuple[int, str, str]:
        from stratus.sandbox.apps.shell import run_now  # the shell's own process is built on this class

        return run_now(argv, self.context, now, stdin)

    def stop(self) -> None:
        self.stopped = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def say(self, text: str) -> None:
        """Writes one line to the container's log."""
        self._log.append((self.context.clock.now(), text))

    def end(self, code: int) -> None:
        """The process exits now."""
        if self.alive:
            self._exit = Exit(self.context.clock.now(), code)
            self.stop()
            self.context.changed()

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Runs `callback` later, unless the process has ended by then."""
        self._timers = [timer for timer in self._timers if getattr(timer, "callback", callback) is not None]
        self._timers.append(self.context.clock.call_later(seconds, lambda: callback() if self.alive else None))
