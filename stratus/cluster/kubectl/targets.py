"""Which objects a command means: names, type/name, comma lists, -l, --field-selector, --all, -A and -f."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from stratus.cluster.kubectl.discovery import split_types
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.manifests import refs_of_files
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.ports import Resource


async def refs(inv: Invocation, words: Sequence[str], *, everything: bool = False) -> list[ObjectRef]:
    """The objects that ``words`` and the flags select; those given by name are not read.

    ``everything``: a type without a name means all of its objects in the namespace, as the rollout verbs have it.
    Raises InvalidInput when nothing is selected.
    """
    found = await _found(inv, words, everything)
    return [ObjectRef.of(one) if isinstance(one, dict) else one for one in found]


async def live_objects(inv: Invocation, words: Sequence[str], *, everything: bool = False) -> list[JsonObject]:
    """The selected objects as they are now. Raises Absent for a name that does not exist."""

    async def live(one: ObjectRef | JsonObject) -> JsonObject:
        return one if isinstance(one, dict) else await read(inv, one)

    return list(await asyncio.gather(*(live(one) for one in await _found(inv, words, everything))))


async def _found(inv: Invocation, words: Sequence[str], everything: bool) -> Sequence[ObjectRef | JsonObject]:
    """References for what is named, objects for what a list had to be asked for."""
    if inv.flags.has("filename"):
        if words:
            raise InvalidInput(f"kubectl {inv.verb}: give either -f or names, not both")
        return await refs_of_files(inv)
    if not words:
        raise InvalidInput(f"kubectl {inv.verb} needs a TYPE and a NAME, TYPE/NAME, or -f FILE")
    if any("/" in word for word in words):
        return _unique([await _slashed(inv, word) for word in words])
    types = await split_types(words[0], inv.catalog)
    if _selects(inv) or (everything and len(words) == 1):
        if len(words) > 1:
            raise InvalidInput("name cannot be provided when a selector or --all is specified")
        return await _selected(inv, types)
    if len(words) == 1:
        raise InvalidInput(f"{words[0]} was given, but no name: name the objects, or use -l or --all")
    return _unique(_ref(inv, one, name) for one in types for name in words[1:])


async def read(inv: Invocation, ref: ObjectRef) -> JsonObject:
    """One object as it is now. Raises Absent, with kubectl's words."""
    try:
        return await inv.reader.get(ref)
    except Absent as error:
        where = f" in namespace {ref.namespace}" if ref.namespace else ""
        raise Absent(f"{ref} not found{where}", status=404, reason="NotFound") from error


async def one_object(inv: Invocation, words: Sequence[str]) -> JsonObject:
    """The single object that a verb takes."""
    found = await live_objects(inv, words)
    if len(found) != 1:
        raise InvalidInput(f"kubectl {inv.verb} takes one object, {len(found)} were given")
    return found[0]


def split_pairs(words: Sequence[str], *, also: str = "") -> tuple[list[str], list[str]]:
    """Resources first, then changes: ``key=value``, ``key-``, and words with a sign of ``also``.

    Raises InvalidInput when a resource follows a change.
    """
    resources: list[str] = []
    pairs: list[str] = []
    for word in words:
        if "=" in word or (word.endswith("-") and word != "-") or (also and also in word):
            pairs.append(word)
        elif pairs:
            raise InvalidInput(f'"{word}" comes after {pairs[-1]}: all resources must be named before the changes')
        else:
            resources.append(word)
    return resources, pairs


def _selects(inv: Invocation) -> bool:
    return bool(inv.flags.text("selector") or inv.flags.text("field-selector") or inv.flags.truth("all"))


async def _selected(inv: Invocation, types: Sequence[Resource]) -> list[JsonObject]:
    if inv.flags.truth("all") and inv.flags.text("selector"):
        raise InvalidInput("--all and -l exclude each other")
    found: list[JsonObject] = []
    for one in types:
        everywhere = not one.namespaced or inv.flags.truth("all-namespaces")
        found += await inv.reader.list(
            one.kind,
            "" if everywhere else inv.namespace,
            api_version=one.api_version,
            labels=inv.flags.text("selector"),
            fields=inv.flags.text("field-selector"),
        )
    if not found:
        names = ", ".join(one.plural for one in types)
        raise InvalidInput(f"no {names} found{f' in namespace {inv.namespace}' if types[0].namespaced else ''}")
    return found


async def _slashed(inv: Invocation, word: str) -> ObjectRef:
    kind, _, name = word.partition("/")
    if not kind or not name or "/" in name:
        raise InvalidInput(f'"{word}" is not TYPE/NAME: either all arguments are TYPE/NAME, or the type comes first')
    return _ref(inv, await inv.catalog.by_word(kind), name)


def _ref(inv: Invocation, resource: Resource, name: str) -> ObjectRef:
    namespace = inv.namespace if resource.namespaced else ""
    return ObjectRef(api_version=resource.api_version, kind=resource.kind, namespace=namespace, name=name)


def _unique(found: Iterable[ObjectRef]) -> list[ObjectRef]:
    return list(dict.fromkeys(found))
