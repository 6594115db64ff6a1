"""What a word on the command line means on this cluster: kinds, plurals, short names, groups, custom resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from stratus.cluster.kubectl.builtins import BUILTIN_GROUPS, WELL_KNOWN
from stratus.cluster.kubectl.parser import did_you_mean
from stratus.domain.errors import InvalidInput
from stratus.ports import Resource


class Catalog:
    """The resource types of one cluster, by every name that kubectl understands.

    What every cluster serves in the same version is known without asking; the rest is asked for once, when needed.
    """

    def __init__(self, ask: Callable[[], Awaitable[Sequence[Resource]]]) -> None:
        """``ask`` lists everything that is served, in the order of discovery."""
        self._ask = ask
        self._served: Sequence[Resource] | None = None

    async def all(self) -> Sequence[Resource]:
        """Everything that is served."""
        if self._served is None:
            self._served = await self._ask()
        return self._served

    async def by_word(self, word: str) -> Resource:
        """The type that ``word`` names: ``deploy``, ``Deployment``, ``deployments.apps``, ``deployments.v1.apps``.

        Raises InvalidInput when the cluster serves no such type.
        """
        found = _named(word, WELL_KNOWN) or _named(word, await self.all())
        if found is None:
            known = {name for one in await self.all() for name in (one.plural, one.kind.lower(), *one.short_names)}
            raise InvalidInput(f'the server has no resource type "{word}"{did_you_mean(word.lower(), known)}')
        return found

    async def by_kind(self, api_version: str, kind: str) -> Resource:
        """The type of a manifest or an object. Raises InvalidInput, saying which versions of the kind are served."""
        found = _exact(api_version, kind, WELL_KNOWN) or _exact(api_version, kind, await self.all())
        if found is not None:
            return found
        served = sorted({one.api_version for one in await self.all() if one.kind == kind})
        hint = f"this cluster serves it as {', '.join(served)}" if served else "install its CRD first"
        raise InvalidInput(f'no matches for kind "{kind}" in version "{api_version}": {hint}')

    async def newest(self, kind: str, *api_versions: str) -> Resource:
        """The first of ``api_versions`` in which ``kind`` is served. Raises InvalidInput when none is."""
        for api_version in api_versions:
            if found := _exact(api_version, kind, await self.all()):
                return found
        raise InvalidInput(f"the server serves no {kind} ({' or '.join(api_versions)})")


def _exact(api_version: str, kind: str, resources: Iterable[Resource]) -> Resource | None:
    return next((one for one in resources if (one.api_version, one.kind) == (api_version, kind)), None)


def _named(word: str, resources: Iterable[Resource]) -> Resource | None:
    name, _, suffix = word.lower().partition(".")
    candidates = [one for one in resources if _fits_suffix(one, suffix)]
    for fits in (_is_plural, _is_singular, _is_short):
        if found := [one for one in candidates if fits(one, name)]:
            return min(found, key=_preference)
    return None


def is_builtin(api_version: str) -> bool:
    """The API server knows this group's types, so it takes strategic merge patches; custom resources take merge patches."""
    return api_version.rpartition("/")[0] in BUILTIN_GROUPS


def _fits_suffix(resource: Resource, suffix: str) -> bool:
    if not suffix:
        return True
    version, _, group = suffix.partition(".")
    if suffix == resource.group:
        return resource.preferred
    return (version, group) == (resource.version, resource.group)


def _preference(resource: Resource) -> tuple[bool, bool, bool, bool]:
    """Preferred versions, the core group, then the server's own groups; ``extensions`` only repeats newer groups."""
    return (
        not resource.preferred,
        resource.group == "extensions",
        resource.group != "",
        not is_builtin(resource.api_version),
    )


def _is_plural(resource: Resource, name: str) -> bool:
    return resource.plural == name


def _is_singular(resource: Resource, name: str) -> bool:
    return resource.kind.lower() == name


def _is_short(resource: Resource, name: str) -> bool:
    return name in resource.short_names


async def split_types(word: str, catalog: Catalog) -> Sequence[Resource]:
    """The types of a comma list such as ``deploy,svc``. Raises InvalidInput; ``all`` is refused for writes."""
    if word.lower() == "all":
        raise InvalidInput('"all" differs from cluster to cluster: name the types, as in deployments,services')
    return [await catalog.by_word(part) for part in word.split(",") if part]
