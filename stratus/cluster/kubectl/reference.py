"""docs/kubectl.md, written from the verb table so that it cannot say anything else than the code does."""

from __future__ import annotations

from stratus.cluster.kubectl import flags as f
from stratus.cluster.kubectl.refusals import READING, REFUSED
from stratus.cluster.kubectl.verb import Verb
from stratus.cluster.kubectl.verbs import VERBS

_HEAD = """# kubectl commands as transactions

`stratus do -- kubectl …` compiles one kubectl command to typed steps and runs them as one transaction: each object is
saved, each write is rehearsed on the server, its effect on health is measured, and all of it can be undone. Neither a
shell nor kubectl itself is involved, so what a command means is decided by the table below and by the cluster's own
discovery: kinds, plurals, short names, `deployments.apps`, custom resources.

This page is generated: `python -m stratus.cluster.kubectl.reference > docs/kubectl.md`.

## What compiles to what

One step is one write to one object; a command that names several objects gives several steps.

| kubectl | arguments | steps | flags that count |
|---|---|---|---|
"""

_RULES = """
## Rules that hold for every verb

- **Objects** are named as with kubectl: `TYPE NAME…`, `TYPE/NAME…`, `TYPE1,TYPE2 NAME`, `-l`, `--field-selector`,
  `--all`, `-f FILE` (YAML or JSON, several documents, Lists, a directory, `-` for standard input). `all` as a type is
  refused: its meaning differs between clusters. The rollout verbs take a type alone as all of its objects.
- **Namespace**: a manifest's own, else `-n`, else the default one. A manifest that contradicts `-n` is an error.
- **Patches are minimal**: strategic for built-in kinds, merge for custom resources. An object that already is as the
  command would make it gets no step; a command that changes nothing at all is an error.
- **Several objects are rehearsed before the first is written**, so a namespace or a CRD must exist before what lives in
  it: create it with a command of its own.
- **No generateName**: `create` replaces it by a name chosen before the write, `apply` refuses it.
- **`--dry-run=client` and `=server`** compile and send nothing. `--dry-run=none`, `=false` and `=""` mean that kubectl
  writes, and are refused so that nobody takes them for safe; every write is rehearsed on the server anyway.
- **Versions**: where a verb creates an object, the newest version that the cluster serves is used.
- **`apply`** merges three ways against the last-applied annotation and writes it, byte for byte as kubectl does. With
  `--server-side` it does not take over what earlier client-side applies own: a field that only those set stays when the
  manifest drops it.
- **Secrets typed into a command** are masked where the command is shown or logged.
- **Ignored**, because nothing on the cluster depends on them: {ignored}.
- **Refused flags**, each with its reason in the error: {refused}.

## Verbs that only read

Nothing changes, so there is nothing to make safe; use kubectl itself: {reading}.

## Verbs that are refused

| kubectl | why, and what to do instead |
|---|---|
"""


def document() -> str:
    """The whole page."""
    return f"{_HEAD}{_table()}{_rules()}{_refused()}"


def _table() -> str:
    return "".join(_row(verb) for verb in VERBS)


def _row(verb: Verb) -> str:
    aliases = f" ({', '.join(alias.split()[1] for alias in verb.aliases)})" if verb.aliases else ""
    flags = " ".join(f"`{_short(flag.short)}--{flag.name}`" for flag in verb.own_flags)
    return f"| `{verb.name}`{aliases} | `{verb.arguments.replace('|', chr(92) + '|')}` | {verb.steps} | {flags} |\n"


def _short(letter: str) -> str:
    return f"-{letter}/" if letter else ""


def _rules() -> str:
    every = {flag.name: flag for verb in VERBS for flag in verb.flags} | {
        flag.name: flag for flag in (*f.GLOBAL, *f.COMMON)
    }
    ignored = ", ".join(f"`--{name}`" for name, flag in sorted(every.items()) if flag.ignored)
    refused = ", ".join(f"`--{name}`" for name, flag in sorted(every.items()) if flag.refused)
    return _RULES.format(ignored=ignored, refused=refused, reading=", ".join(f"`{verb}`" for verb in sorted(READING)))


def _refused() -> str:
    return "".join(f"| `{verb}` | {reason} |\n" for verb, reason in sorted(REFUSED.items()))


if __name__ == "__main__":
    print(document(), end="")
