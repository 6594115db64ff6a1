"""From one kubectl command line to the typed steps of one proposal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from stratus.cluster.kubectl import flags as f
from stratus.cluster.kubectl.invocation import Invocation, ReadFile, no_files, random_suffix, utc_now
from stratus.cluster.kubectl.parser import Flag, Flags, did_you_mean, parse
from stratus.cluster.kubectl.redaction import shown_command
from stratus.cluster.kubectl.refusals import READING, REFUSED
from stratus.cluster.kubectl.verb import Verb
from stratus.cluster.kubectl.verbs import BY_NAME
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Proposal
from stratus.ports import ClusterReader

_LONGEST_NAME = 3


class DryRunOnly(InvalidInput):
    """The command says --dry-run=client or server: it was compiled, and must not be executed."""

    def __init__(self, proposal: Proposal) -> None:
        """``proposal`` is what would be done without the flag."""
        super().__init__("--dry-run: compiled, and nothing was sent")
        self.proposal = proposal


async def compile_command(
    argv: Sequence[str],
    *,
    reader: ClusterReader,
    namespace: str = "default",
    stdin: str = "",
    read_file: ReadFile = no_files,
    now: Callable[[], datetime] = utc_now,
    suffix: Callable[[], str] = random_suffix,
) -> Proposal:
    """The steps that ``kubectl argv…`` would take (the word "kubectl" itself may lead or not); the caller adds the author.

    Only reads. ``namespace`` is where objects are without -n. ``read_file`` serves -f and the like; by default no file
    can be read. Raises InvalidInput for what is not one write command, names nothing or would change nothing (DryRunOnly,
    with the proposal, for a dry run); Absent for an object that does not exist; Conflict for a precondition that does not
    hold; and what ``reader`` raises.
    """
    words = list(argv[1:] if argv and argv[0] == "kubectl" else argv)
    before, name, after = _split_verb(words)
    verb = _verb(name)
    parsed = parse([*before, *after], known_flags(verb), where=verb.name)
    if verb.name == "create" and parsed.args:
        raise _unknown(" ".join(("create", *parsed.args)))
    dry = _dry_run(parsed.flags)
    inv = Invocation(
        verb=verb.name,
        args=parsed.args,
        rest=parsed.rest,
        flags=parsed.flags,
        namespace=parsed.flags.text("namespace") or namespace or "default",
        fenced=bool(parsed.flags.text("namespace")),
        reader=reader,
        stdin=stdin,
        read_file=read_file,
        now=now,
        suffix=suffix,
    )
    steps = tuple(await verb.handler(inv))
    if not steps:
        raise InvalidInput(f"nothing would change: the cluster is already as kubectl {verb.name} would make it")
    proposal = Proposal(steps=steps, command=shown_command(words, steps))
    if dry:
        raise DryRunOnly(proposal)
    return proposal


def known_flags(verb: Verb) -> Sequence[Flag]:
    """Every flag that may follow ``verb``: its own shadow the common ones of the same name or letter, as with kubectl."""
    known: dict[str, Flag] = {}
    letters: set[str] = set()
    for flag in (*verb.flags, *f.NO_ALL_NAMESPACES, *f.COMMON, *f.GLOBAL):
        if flag.name not in known:
            known[flag.name] = flag if flag.short not in letters else replace(flag, short="")
            letters.add(flag.short)
    return list(known.values())


def _split_verb(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """(global flags before the verb, the verb's longest known name, the rest)."""
    before: list[str] = []
    rest = list(words)
    takes_value = {f"--{flag.name}" for flag in f.GLOBAL if flag.kind != "truth"} | {"-n", "-s", "-v"}
    while rest and rest[0].startswith("-"):
        before.append(rest.pop(0))
        if before[-1] in takes_value and rest:
            before.append(rest.pop(0))
    plain = [word for word in rest[:_LONGEST_NAME] if not word.startswith("-")]
    for length in range(len(plain), 0, -1):
        name = " ".join(plain[:length])
        if rest[:length] == plain[:length] and (name in BY_NAME or name in REFUSED or name in READING):
            return before, name, rest[length:]
    return before, " ".join(plain), rest


def _verb(name: str) -> Verb:
    if name in BY_NAME:
        return BY_NAME[name]
    if name in READING:
        raise InvalidInput(f"kubectl {name} only reads: nothing changes, so use kubectl itself")
    if name in REFUSED:
        raise InvalidInput(f"kubectl {name} is refused: {REFUSED[name]}")
    if not name:
        raise InvalidInput("a kubectl command is missing, as in: scale deployment/geo --replicas=3")
    raise _unknown(name)


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(f'"kubectl {name}" is not known{_hint(name)}')


def _hint(name: str) -> str:
    known = {*BY_NAME, *REFUSED, *READING}
    for depth in range(name.count(" ") + 1, 0, -1):
        prefix = " ".join(name.split()[:depth]) + " "
        below = sorted({one.removeprefix(prefix).split()[0] for one in known if one.startswith(prefix)})
        if below:
            close = "".join(did_you_mean(word, below) for word in name.split()[depth : depth + 1])
            return close or f"; kubectl {prefix}takes {', '.join(below)}"
    return did_you_mean(name.split()[0], {one.split()[0] for one in known})


def _dry_run(given: Flags) -> bool:
    """Only client and server (or the bare flag) are dry; every other value writes, whatever it looks like."""
    if not given.has("dry-run"):
        return False
    value = given.text("dry-run").lower()
    if value in ("client", "server", "unchanged", "true"):
        return True
    if value in ("none", "false", ""):
        raise InvalidInput(
            f"--dry-run={value} means that kubectl writes. Leave the flag out: every write is rehearsed on the server anyway"
        )
    raise InvalidInput(f'--dry-run is client or server, not "{value}"')
