"""A small POSIX shell for containers: wait loops of init containers, helper pods, exec probes and `kubectl exec`.

It knows lists (`;`, `&&`, `||`), `if`, `for`, `while`, `until`, variables, and the handful of commands that such scripts use.
Commands see what the container sees: its environment, its files and its network. Sleeping is a `yield`, so that a loop
lives on cluster time; an exec runs at once and skips its sleeps.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence

from stratus.sandbox.apps.base import BaseProcess
from stratus.sandbox.apps.commands import COMMANDS, ENDLESS, Io
from stratus.sandbox.apps.process import ContainerContext

Run = Generator[float, None, int]
SHELLS = ("sh", "/bin/sh", "bash", "/bin/bash", "ash")
SEPARATORS = (";", "&&", "||", "&", "\n")
KEYWORDS = ("while", "until", "if", "for", "do", "done", "then", "else", "fi", "!")
QUOTED = r"'[^']*'|\"(?:\\.|[^\"\\])*\""
TOKEN = re.compile(
    rf"(?P<blank>[ \t]+|\#[^\n]*)|(?P<redirection>\d?>{{1,2}}\s*(?:&\d|[^\s;&|]+)|<\s*[^\s;&|]+)"
    rf"|(?P<operator>&&|\|\||[;&|()\n])|(?P<word>(?:{QUOTED}|[^\s;&|()'\"<>])+)"
)
PIECE = re.compile(rf"{QUOTED}|[^'\"]+")
NOT_STARTED = 126  # the runtime's code for a command that is not there
EXEC_SECONDS = 60.0  # an exec that sleeps longer than this altogether is cut off, as a client's time-out would


class ShellError(Exception):
    """A script that this shell cannot read; `str()` is the shell's complaint."""


def tokens(script: str) -> list[str]:
    """Words and operators; quotes are kept until expansion. Redirections are dropped."""
    found: list[str] = []
    position = 0
    while position < len(script):
        match = TOKEN.match(script, position)
        if match is None:
            raise ShellError("sh: syntax error: unterminated quoted string")
        position = match.end()
        if match.lastgroup == "operator" and match["operator"] in ("|", "(", ")"):
            raise ShellError(f"sh: syntax error: '{match['operator']}' is not supported here")
        if match.lastgroup in ("operator", "word"):
            word = match[match.lastgroup]
            command = not found or found[-1] in SEPARATORS or found[-1] in KEYWORDS
            found.append(word if command or word not in KEYWORDS else f"'{word}'")
    return found


class Script:
    """Parses while it runs: each construct is found by its keywords in the token list."""

    def __init__(self, words: Sequence[str], context: ContainerContext, io: Io) -> None:
        self.words = list(words)
        self.context = context
        self.io = io
        self.variables = dict(context.env)

    def run(self) -> Run:
        return (yield from self._list(0, len(self.words)))

    def _list(self, start: int, end: int) -> Run:
        """Commands from `start` to `end`; the status of the last one."""
        status, position, operator = 0, start, ";"
        while position < end:
            if self.words[position] in SEPARATORS:
                position += 1
                continue
            stop = self._command_end(position, end)
            if not (operator == "&&" and status) and not (operator == "||" and not status):
                status = yield from self._command(position, stop)
                if self.io.exited is not None:
                    return self.io.exited
            operator = self.words[stop] if stop < end else ";"
            position = stop + 1
        return status

    def _command_end(self, start: int, end: int) -> int:
        depth = 0
        for index in range(start, end):
            word = self.words[index]
            depth += (word in ("while", "until", "if", "for")) - (word in ("done", "fi"))
            if depth == 0 and word in SEPARATORS:
                return index
        if depth:
            raise ShellError("sh: syntax error: unexpected end of file")
        return end

    def _find(self, word: str, start: int, end: int) -> int:
        depth = 0
        for index in range(start, end):
            found = self.words[index]
            if depth == 0 and found == word:
                return index
            depth += (found in ("while", "until", "if", "for")) - (found in ("done", "fi"))
        return -1

    def _command(self, start: int, end: int) -> Run:
        first = self.words[start]
        if first in ("while", "until"):
            return (yield from self._loop(start, end, wanted=first == "while"))
        if first == "if":
            return (yield from self._if(start, end))
        if first == "for":
            return (yield from self._for(start, end))
        if first == "!":
            return int(not (yield from self._command(start + 1, end)))
        return (yield from self._simple([self._expand(word) for word in self.words[start:end]]))

    def _loop(self, start: int, end: int, *, wanted: bool) -> Run:
        do = self._find("do", start + 1, end)
        done = self._find("done", do + 1, end)
        status = 0
        while ((yield from self._list(start + 1, do)) == 0) is wanted and self.io.exited is None:
            before = self.io.slept
            status = yield from self._list(do + 1, done)
            if self.io.exited is not None:
                return self.io.exited
            if self.io.slept == before:
                yield from self._sleep(0.1)  # a busy loop costs time, too
        return status

    def _for(self, start: int, end: int) -> Run:
        do = self._find("do", start + 1, end)
        done = self._find("done", do + 1, end)
        if do < start + 3 or done < 0 or self.words[start + 2] != "in":
            raise ShellError("sh: syntax error: unexpected word after for")
        status = 0
        for word in (word for word in self.words[start + 3 : do] if word not in SEPARATORS):
            self.variables[self.words[start + 1]] = self._expand(word)
            status = yield from self._list(do + 1, done)
            if self.io.exited is not None:
                return self.io.exited
        return status

    def _if(self, start: int, end: int) -> Run:
        then = self._find("then", start + 1, end)
        otherwise = self._find("else", then + 1, end)
        close = self._find("fi", then + 1, end)
        if (yield from self._list(start + 1, then)) == 0:
            return (yield from self._list(then + 1, otherwise if otherwise >= 0 else close))
        return (yield from self._list(otherwise + 1, close)) if otherwise >= 0 else 0

    def _expand(self, word: str) -> str:
        return "".join(self._piece(piece) for piece in PIECE.findall(word))

    def _piece(self, piece: str) -> str:
        if piece[0] == "'":
            return piece[1:-1]
        bare = piece[1:-1] if piece[0] == '"' else piece
        return re.sub(r"\$\{?(\w+)\}?", lambda match: self.variables.get(match[1], ""), bare)

    def _simple(self, argv: list[str]) -> Run:
        name, _, value = argv[0].partition("=")
        if value and name.isidentifier():
            self.variables[name] = value
            return (yield from self._simple(argv[1:])) if argv[1:] else 0
        if argv[0] == "exec":
            argv = argv[1:]
        if argv[0] == "exit":
            self.io.exited = int(argv[1]) if argv[1:] else 0
            return self.io.exited
        if argv[0] in SHELLS:
            return (yield from self._nested(argv))
        if argv[0] == "sleep" and argv[1:] and argv[1] not in ("infinity", "inf"):
            yield from self._sleep(_seconds(argv[1]))
            return 0
        if (tuple(argv[:2]) in ENDLESS and not (argv == ["cat"] and self.io.stdin is not None)) or argv[0] == "sleep":
            while True:
                yield from self._sleep(86400.0)
        command = COMMANDS.get(argv[0].rpartition("/")[2])
        if command is None:
            self.io.err(f"sh: {argv[0]}: not found")
            return 127
        return command(argv, self.context, self.io)

    def _nested(self, argv: list[str]) -> Run:
        script = argv[argv.index("-c") + 1] if "-c" in argv[:-1] else ""
        inner = Script(tokens(script), self.context, self.io)
        status = yield from inner.run()
        self.io.exited = None
        return status

    def _sleep(self, seconds: float) -> Generator[float, None, None]:
        self.io.slept += seconds
        yield seconds


def _seconds(text: str) -> float:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    try:
        return float(text[:-1]) * units[text[-1]] if text[-1] in units else float(text)
    except ValueError as error:
        raise ShellError(f"sleep: invalid number '{text}'") from error


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\"'\"'") + "'"


def program(argv: Sequence[str], context: ContainerContext, io: Io) -> Script:
    """A command line as a container's entry point gets it; raises ShellError for an unreadable script."""
    if argv[0] in SHELLS:
        flags = [index for index, word in enumerate(argv) if word.startswith("-") and word.endswith("c")]
        if not flags or flags[0] + 1 >= len(argv):
            return Script(tokens(io.stdin or "true"), context, io)
        return Script(tokens(argv[flags[0] + 1]), context, io)
    return Script([_quoted(word) for word in argv], context, io)


class ShellProcess(BaseProcess):
    """A container whose command is a script."""

    memory_bytes = 1 << 20

    def __init__(self, argv: Sequence[str], context: ContainerContext) -> None:
        super().__init__(context)
        self._run: Run | None = None
        self._argv = argv
        self.after(0.01, self._begin)

    def _begin(self) -> None:
        try:
            self._run = program(self._argv, self.context, Io(self.say, self.say)).run()
        except ShellError as error:
            self.say(str(error))
            return self.end(2)
        self._step()

    def _step(self) -> None:
        assert self._run is not None
        try:
            self.after(next(self._run), self._step)
        except StopIteration as stop:
            self.end(stop.value)
        except ShellError as error:
            self.say(str(error))
            self.end(2)


def run_now(argv: Sequence[str], context: ContainerContext, now: float, stdin: str = "") -> tuple[int, str, str]:
    """An exec: (exit status, stdout, stderr). A command that never ends is cut off with 124, as `timeout` does."""
    out: list[str] = []
    err: list[str] = []
    io = Io(out.append, err.append, stdin)
    if argv[0] not in SHELLS and argv[0].rpartition("/")[2] not in COMMANDS and argv[0] != "sleep":
        message = (
            f'exec failed: unable to start container process: exec: "{argv[0]}": executable file not found in $PATH'
        )
        return NOT_STARTED, "", f"OCI runtime exec failed: {message}: unknown\n"
    try:
        status = _finish(program(argv, context, io).run(), io)
    except ShellError as error:
        err.append(str(error))
        status = 2
    return status, "".join(f"{line}\n" for line in out), "".join(f"{line}\n" for line in err)


def _finish(run: Run, io: Io) -> int:
    """Runs to the end without sleeping; 124 when that would take too long."""
    while io.slept <= EXEC_SECONDS:
        try:
            next(run)
        except StopIteration as stop:
            return int(stop.value)
    run.close()
    return 124
