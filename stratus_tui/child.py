"""The engine that a terminal starts for itself: a process of its own, which no key of the terminal can kill half-way."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence

ANOTHER_WRITER = 75
"""The engine's exit code when somebody else holds the lease or the journal."""
_TAIL_BYTES = 2_000


class ChildEngine:
    """Runs ``command`` in its own session, so that ctrl+c in the terminal does not reach it.

    Its standard input is a pipe that nobody writes to: when this process goes, however it goes, the engine reads its end
    (``--until-eof``) and stops safely.
    """

    def __init__(self, command: Sequence[str]) -> None:
        """Raises OSError when the command cannot be started."""
        self._errors = tempfile.TemporaryFile()
        self._words = ""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors, start_new_session=True
        )

    def failure(self) -> str:
        """Why it ended, when it ended; "" while it runs."""
        code = self._process.poll()
        if code is None:
            return ""
        if code == ANOTHER_WRITER:
            return "another engine writes here: this terminal watches it"
        return f"the engine of this terminal ended with exit code {code}: {self._last_words() or 'it said nothing'}"

    def stop(self) -> None:
        """SIGTERM, then wait without a limit: a step that is being written finishes or is undone first."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._last_words()

    def _last_words(self) -> str:
        """The last line of what it wrote to stderr; read once, when it has ended."""
        if not self._errors.closed:
            with self._errors:
                size = self._errors.seek(0, 2)
                self._errors.seek(max(0, size - _TAIL_BYTES))
                lines = self._errors.read().decode(errors="replace").strip().splitlines()
            self._words = lines[-1] if lines else ""
        return self._words
