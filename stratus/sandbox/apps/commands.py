"""The commands of the small shell: what wait loops, probes and people type into a container."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from stratus.sandbox.apps.base import log_time
from stratus.sandbox.apps.process import Batch, ContainerContext, NetworkError

ENDLESS = {("tail", "-f"), ("tail", "-F"), ("cat",)}


class Io:
    """Where a script writes, and what its run leaves behind."""

    def __init__(self, out: Callable[[str], None], err: Callable[[str], None], stdin: str | None = None) -> None:
        self.out = out
        self.err = err
        self.stdin = stdin  # None: nothing ever comes, and the end neither
        self.slept = 0.0
        self.exited: int | None = None

    def write(self, text: str) -> None:
        """A whole text, without the line that its last line break would begin."""
        if text:
            self.out(text.removesuffix("\n"))


Command = Callable[[Sequence[str], ContainerContext, Io], int]


def _true(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    return 0


def _false(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    return 1


def _echo(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    io.out(" ".join(word for word in argv[1:] if word not in ("-n", "-e")))
    return 0


def _env(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    if argv[0] == "printenv" and argv[1:]:
        value = context.env.get(argv[1])
        if value is not None:
            io.out(value)
        return 0 if value is not None else 1
    for name, value in context.env.items():
        io.out(f"{name}={value}")
    return 0


def _cat(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    status = 0
    for path in argv[1:] or ["-"]:
        if path == "-":
            io.write(io.stdin or "")
        elif path in context.files:
            io.write(context.files[path])
        else:
            io.err(f"cat: can't open '{path}': No such file or directory")
            status = 1
    return status


def _ls(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    folder = next((word for word in argv[1:] if not word.startswith("-")), "/").rstrip("/")
    if folder in context.files:
        io.out(folder)
        return 0
    names = {path[len(folder) + 1 :].split("/")[0] for path in context.files if path.startswith(f"{folder}/")}
    if not names and folder:
        io.err(f"ls: {folder}: No such file or directory")
        return 1
    for name in sorted(names):
        io.out(name)
    return 0


def _test(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    words = [word for word in argv[1:] if word != "]"]
    if len(words) == 2 and words[0] in ("-f", "-e", "-s", "-d"):
        folder = words[1].rstrip("/") + "/"
        return int(words[1] not in context.files and not any(path.startswith(folder) for path in context.files))
    if len(words) == 2 and words[0] in ("-z", "-n"):
        return int(bool(words[1]) is (words[0] == "-z"))
    if len(words) == 3 and words[1] in ("=", "==", "!="):
        return int((words[0] == words[2]) is (words[1] == "!="))
    return int(not (words and words[0]))


def _nslookup(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    host = next((word for word in argv[1:] if not word.startswith("-")), "")
    try:
        addresses = context.network.resolve(host)
    except NetworkError as error:
        if "Temporary" in str(error):
            io.err(";; connection timed out; no servers could be reached")
        else:
            io.err(f"** server can't find {host}: NXDOMAIN")
        return 1
    for address in addresses:
        io.out(f"Name:\t{host}\nAddress: {address}")
    return 0


def _getent(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    try:
        addresses = context.network.resolve(argv[-1])
    except NetworkError:
        return 2
    io.out(f"{addresses[0]:<16}{argv[-1]}")
    return 0


def _nc(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    words = [word for word in argv[1:] if not word.startswith("-") and not re.fullmatch(r"\d+", word)]
    ports = [int(word) for word in argv[1:] if word.isdigit()]
    if not words or not ports:
        io.err("nc: usage: nc -z HOST PORT")
        return 1
    try:
        context.network.connect(words[0], ports[-1])
    except NetworkError as error:
        io.err(f"nc: {words[0]} ({words[0]}:{ports[-1]}): {error}")
        return 1
    io.out(f"{words[0]} ({words[0]}:{ports[-1]}) open")
    return 0


def _wget(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    words = [word for word in argv[1:] if not word.startswith("-")]
    url = next((word for word in words if re.search(r"://|[:/.]\D|:\d", word)), words[-1] if words else "")
    match = re.match(r"(?:http://)?([\w.-]+)(?::(\d+))?(/.*)?$", url)
    if not match:
        io.err(f"{argv[0]}: bad address '{url}'")
        return 1
    host, port, path = match[1], int(match[2] or 80), match[3] or "/"
    reply = context.network.send(host, port, Batch(path, {}, 1, 5.0))[0]
    if reply.error:
        io.err(f"{argv[0]}: can't connect to remote host ({host}): {reply.error}")
        return 7 if argv[0].endswith("curl") else 1
    failed = reply.status >= 400
    if failed and argv[0].endswith("wget"):
        io.err(f"wget: server returned error: HTTP/1.1 {reply.status}")
        return 1
    io.out(reply.body.rstrip("\n"))
    return 22 if failed and any(word in ("-f", "--fail") or re.match(r"-\w*f", word) for word in argv[1:]) else 0


def _hostname(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    io.out(str(context.pod["metadata"]["name"]))
    return 0


def _date(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    io.out(log_time(int(context.clock.now())))
    return 0


def _ps(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    io.out("PID   USER     COMMAND")
    io.out(f"    1 root     {' '.join(context.argv) or 'service'}")
    return 0


def _id(argv: Sequence[str], context: ContainerContext, io: Io) -> int:
    io.out("root" if argv[0].endswith("whoami") else "uid=0(root) gid=0(root)")
    return 0


COMMANDS: dict[str, Command] = {
    "true": _true, ":": _true, "trap": _true, "set": _true, "touch": _true, "mkdir": _true, "cp": _true, "wait": _true,
    "chmod": _true, "chown": _true, "kill": _true, "export": _true, "rm": _true, "sync": _true,
    "false": _false, "echo": _echo, "printf": _echo, "env": _env, "printenv": _env, "cat": _cat, "ls": _ls,
    "test": _test, "[": _test, "nslookup": _nslookup, "host": _nslookup, "getent": _getent, "nc": _nc,
    "wget": _wget, "curl": _wget, "hostname": _hostname, "date": _date, "ps": _ps, "id": _id, "whoami": _id,
}  # fmt: skip
