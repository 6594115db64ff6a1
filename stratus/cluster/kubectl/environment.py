"""set env: variables added, changed, removed, or taken from a ConfigMap or a Secret."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence

from stratus.cluster.kubectl.edits import containers, no_container, patch_between
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.targets import live_objects, read, refs, split_pairs
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step

_VARIABLE = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


async def env(inv: Invocation) -> Sequence[Step]:
    """``kubectl set env``."""
    if inv.flags.truth("list") or inv.flags.truth("resolve"):
        raise InvalidInput("with --list nothing changes; use kubectl for reading")
    words, pairs = split_pairs(inv.words)
    if "-" in words:
        words.remove("-")
        pairs += [line for line in inv.stdin.splitlines() if line.strip() and not line.startswith("#")]
    pairs += inv.flags.words("env")
    wanted, removed = _variables(pairs)
    wanted += await _referenced(inv)
    if not wanted and not removed:
        raise InvalidInput("kubectl set env needs KEY=VALUE, KEY- or --from=configmap/NAME")
    pattern = inv.flags.text("containers", "*")
    steps: list[Step] = []
    for obj in await live_objects(inv, words):
        after = copy.deepcopy(obj)
        found = containers(after, [pattern])
        if not found:
            raise no_container(obj, pattern)
        for container in found:
            _edit(inv, container, wanted, removed)
        steps += patch_between(obj, after)
    return steps


def _variables(pairs: Sequence[str]) -> tuple[list[JsonObject], set[str]]:
    wanted: dict[str, JsonObject] = {}
    removed: set[str] = set()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name = key if equals else key.removesuffix("-")
        if not _VARIABLE.match(name):
            raise InvalidInput(f'"{name}" is not a name of an environment variable')
        if equals:
            wanted[name] = {"name": name, "value": value}
        else:
            removed.add(name)
    if both := removed & wanted.keys():
        raise InvalidInput(f"{', '.join(sorted(both))} cannot be both set and removed")
    return list(wanted.values()), removed


async def _referenced(inv: Invocation) -> list[JsonObject]:
    source = inv.flags.text("from")
    if not source:
        return []
    ref = (await refs(_only_name(inv), [source]))[0]
    kinds = {"ConfigMap": "configMapKeyRef", "Secret": "secretKeyRef"}
    if ref.kind not in kinds:
        raise InvalidInput("--from names a configmap/NAME or a secret/NAME")
    obj = await read(inv, ref)
    only = inv.flags.words("keys")
    if missing := set(only) - set(obj.get("data") or {}):
        raise InvalidInput(f"{ref} has no key {', '.join(sorted(missing))}")
    keys = [key for key in sorted(obj.get("data") or {}) if not only or key in only]
    return [
        {
            "name": inv.flags.text("prefix") + _as_variable(key),
            "valueFrom": {kinds[ref.kind]: {"name": ref.name, "key": key}},
        }
        for key in keys
    ]


def _only_name(inv: Invocation) -> Invocation:
    """--from is a name of its own, whatever -l and -f select."""
    found = copy.copy(inv)
    found.flags = type(inv.flags)()
    return found


def _as_variable(key: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", key).upper()


def _edit(inv: Invocation, container: JsonObject, wanted: Sequence[JsonObject], removed: set[str]) -> None:
    """Change in place, keeping the order; a variable that is given twice becomes one, as with kubectl."""
    current: Sequence[JsonObject] = container.get("env") or []
    new: Mapping[str, JsonObject] = {one["name"]: one for one in wanted}
    if not inv.flags.truth("overwrite", True) and (taken := [o["name"] for o in current if o["name"] in new]):
        raise InvalidInput(f"{', '.join(taken)} already set in {container['name']}, and --overwrite is false")
    done: set[str] = set(removed)
    result: list[JsonObject] = []
    for one in [*current, *wanted]:
        name = one["name"]
        if name in done:
            continue
        if name in new:
            done.add(name)
        result.append(new.get(name, one))
    if result:
        container["env"] = result
    else:
        container.pop("env", None)
