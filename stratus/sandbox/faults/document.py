"""Writes docs/faults.md from the catalogue: `python -m stratus.sandbox.faults.document > docs/faults.md`."""

from __future__ import annotations

from collections.abc import Sequence

from stratus.sandbox.faults.catalogue import CATALOGUE, short_names
from stratus.sandbox.faults.fault import Fault
from stratus.sandbox.faults.operations import Operation

INTRODUCTION = """# The fault catalogue

Every fault of the embedded cluster is a change of objects through its API, and so is its fix: nothing in the cluster
looks at a flag or a label to decide whether something works. So any correct fix heals, and a wrong one does not. Names
that start with `aiopslab/` or `sregym/` are those of the benchmarks; `hotel/` faults use the application that also runs
on the real test cluster. Four faults of the benchmarks are not here, because they run a script inside a database and
change no object (`revoke_auth_mongodb` 1 and 2, `user_unregistered_mongodb` 1 and 2).

    stratus sandbox list
    stratus sandbox inject FAULT     # an id or one of its short names; the application is installed when it is missing
    stratus sandbox heal FAULT

For each fault, tests prove that it shows as listed, that ten minutes of waiting do not heal it, that the wrong fixes do
not, and that each right fix does. This page is generated from the catalogue.
"""
SIGNS = {"alert": "alert", "event": "event", "log": "log of", "down": "unavailable:"}


def markdown() -> str:
    """The whole page."""
    applications = sorted({fault.application for fault in CATALOGUE}, key=lambda name: (name != "hotel", name))
    parts = [INTRODUCTION]
    for application in applications:
        parts.append(f"\n## {application}\n")
        parts += [_entry(fault) for fault in CATALOGUE if fault.application == application]
    return "\n".join(parts)


def _entry(fault: Fault) -> str:
    names = [name for name in dict.fromkeys(short_names(fault)) if name != fault.id]
    lines = [f"### {fault.id}\n", f"{fault.summary[0].upper()}{fault.summary[1:]}."]
    if names:
        lines.append("Short: " + ", ".join(f"`{name}`" for name in names) + ".")
    lines.append("Shows as " + "; ".join(_sign(sign) for sign in fault.shows) + ".\n")
    lines += ["Injected by", "", *_commands(fault.inject), "", "Healed by", "", *_commands(fault.heal), ""]
    for alternative in fault.alternatives:
        lines += ["or by", "", *_commands(alternative), ""]
    lines += ["Not healed by", "", *_commands(fault.wrong), ""]
    return "\n".join(lines)


def _sign(sign: str) -> str:
    kind, _, rest = sign.partition(":")
    if kind == "log":
        workload, _, text = rest.partition(":")
        return f"log of {workload}: “{text}”"
    return f"{SIGNS[kind]} `{rest}`" if kind != "event" else f"event “{rest}”"


def _commands(steps: Sequence[Operation]) -> list[str]:
    return [f"    {step.describe()}" for step in steps]


if __name__ == "__main__":
    print(markdown(), end="")
