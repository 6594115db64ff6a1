"""Which resources the server has, CRDs included, and where they live: versions differ, so nothing is assumed.

One group version is asked for when it is first needed; the whole list only when a name could mean any of them.
Both are cached and asked again on a miss, so a CRD that was created meanwhile is found.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence

from stratus.cluster.answers import checked
from stratus.cluster.transport import Transport
from stratus.domain.base import JsonObject
from stratus.domain.errors import Absent, Refused, Retryable, Unobservable
from stratus.domain.objects import ObjectRef
from stratus.ports import Resource

FIRST = ("v1", "apps/v1")
"""What kubectl prefers, too, when a kind exists in several groups; most questions are answered here."""
MAX_AGE = 60.0
"""Seconds after which the whole list is asked for again: a kind that was added meanwhile is in no cache."""


class Discovery:
    """The server's resources, cached."""

    def __init__(self, transport: Transport, now: Callable[[], float] = time.monotonic) -> None:
        """``now``: seconds from any start."""
        self._transport = transport
        self._now = now
        self._asked = 0.0
        self._versions: dict[str, tuple[Resource, ...]] = {}
        self._all: tuple[Resource, ...] | None = None
        self._silent: frozenset[str] = frozenset()
        """Group versions that did not answer (an aggregated API that is down)."""
        self._lock = asyncio.Lock()

    async def resources(self, *, max_age: float = MAX_AGE) -> tuple[Resource, ...]:
        """Everything listed, core first, then in the server's order of preference; at most ``max_age`` seconds old."""
        async with self._lock:
            if self._all is None or self._now() - self._asked >= max_age:
                self._all = await self._ask_all()
                self._asked = self._now()
            return self._all

    async def of(self, ref: ObjectRef) -> Resource:
        """The resource of an object. Raises Absent when the server does not know its kind."""
        return await self.exact(ref.api_version, ref.kind)

    async def exact(self, api_version: str, kind: str) -> Resource:
        """The resource of this API version and kind. Raises Absent."""
        for fresh in (False, True):
            found = [r for r in await self._version(api_version, fresh=fresh) if r.kind == kind]
            if found:
                return found[0]
        raise Absent(f"the server has no {kind} in {api_version}", status=404, reason="NotFound")

    async def resolve(self, word: str, api_version: str = "") -> Resource:
        """The resource that ``word`` means, as kubectl reads it: kind, plural, singular, short name, in any case;
        ``deploy.apps`` and ``deployments.v1.apps`` name the group too. Raises Absent.
        """
        if not api_version and self._all is None and "." not in word:
            for common in FIRST:
                found = match(word, await self._version(common, fresh=False))
                if found:
                    return found
        for fresh in (False, True):
            candidates: Sequence[Resource]
            if api_version:
                candidates = await self._version(api_version, fresh=fresh)
            else:
                candidates = await self.resources(max_age=0.0 if fresh else math.inf)
            found = match(word, candidates)
            if found:
                return found
        if not api_version and self._silent:
            down = ", ".join(sorted(self._silent))
            raise Unobservable(f'no resource "{word}" in what answered; these API groups did not: {down}')
        raise Absent(f'the server has no resource type "{word}"', status=404, reason="NotFound")

    async def _version(self, api_version: str, *, fresh: bool) -> tuple[Resource, ...]:
        if fresh or api_version not in self._versions:
            try:
                self._versions[api_version] = _parsed(await self._get(_root(api_version)), api_version)
            except Absent:
                return ()
        return self._versions[api_version]

    async def _ask_all(self) -> tuple[Resource, ...]:
        core, groups = await asyncio.gather(self._get("/api"), self._get("/apis"))
        wanted = [(version, True) for version in core["versions"]]
        for group in groups["groups"]:
            preferred = group.get("preferredVersion", {}).get("groupVersion")
            ordered = sorted(group["versions"], key=lambda v: v["groupVersion"] != preferred)
            wanted += [(v["groupVersion"], v["groupVersion"] == preferred) for v in ordered]
        answers = await asyncio.gather(*(self._quietly(api_version) for api_version, _ in wanted))
        found: list[Resource] = []
        silent: set[str] = set()
        for (api_version, preferred), resources in zip(wanted, answers, strict=True):
            if resources is None:
                silent.add(api_version)
                continue
            self._versions[api_version] = resources
            found += resources if preferred else [r.model_copy(update={"preferred": False}) for r in resources]
        self._silent = frozenset(silent)
        return tuple(found)

    async def _quietly(self, api_version: str) -> tuple[Resource, ...] | None:
        """None when it does not answer: one broken aggregated API must not hide the others."""
        try:
            return _parsed(await self._get(_root(api_version)), api_version)
        except (Retryable, Refused, Unobservable):
            return None

    async def _get(self, path: str) -> JsonObject:
        return checked(await self._transport.request("GET", path), f"discovery {path}", writes=False)


def match(word: str, resources: Iterable[Resource]) -> Resource | None:
    """The first resource that ``word`` names; a preferred version before another. A full name before a short one."""
    name, _, rest = word.lower().partition(".")
    version, _, group = rest.partition(".")
    pool = sorted(resources, key=lambda r: not r.preferred)
    fits = [r for r in pool if not rest or r.group == rest or (r.version == version and r.group == group)]
    for resource in fits:
        if name in (resource.plural, resource.kind.lower()):
            return resource
    return next((r for r in fits if name in r.short_names), None)


def path_of(resource: Resource, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The REST path of an object, or of the collection without ``name``."""
    parts = [_root(resource.api_version)]
    if resource.namespaced and namespace:
        parts.append(f"namespaces/{namespace}")
    parts += [part for part in (resource.plural, name, subresource) if part]
    return "/".join(parts)


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def _parsed(listing: JsonObject, api_version: str) -> tuple[Resource, ...]:
    group, _, version = api_version.rpartition("/")
    entries = listing.get("resources") or []
    below: dict[str, list[str]] = {}
    for entry in entries:
        plural, _, subresource = entry["name"].partition("/")
        if subresource:
            below.setdefault(plural, []).append(subresource)
    return tuple(
        Resource(
            group=group,
            version=version,
            kind=entry["kind"],
            plural=entry["name"],
            namespaced=entry["namespaced"],
            verbs=tuple(entry.get("verbs") or ()),
            short_names=tuple(entry.get("shortNames") or ()),
            subresources=tuple(below.get(entry["name"], ())),
        )
        for entry in entries
        if "/" not in entry["name"]
    )
