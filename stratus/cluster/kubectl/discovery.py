"""What a word on the command line means on this cluster: kinds, plurals, short names, groups, custom resources."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stratus.cluster.kubectl.parser import did_you_mean
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.ports import Resource

_K8S_IO = (
    "admissionregistration apiextensions apiregistration authentication authorization certificates coordination "
    "discovery events flowcontrol.apiserver internal.apiserver networking node rbac.authorization resource "
    "scheduling storage storagemigration"
)
BUILTIN_GROUPS = frozenset(
    ("", "apps", "autoscaling", "batch", "extensions", "policy", *(f"{group}.k8s.io" for group in _K8S_IO.split()))
)
"""The groups that are compiled into the API server."""


class Catalog:
    """The resource types of one cluster, by every name that kubectl understands."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        """``resources`` in the order of discovery."""
        self._all = [resource for resource in resources if "/" not in resource.plural]

    def by_word(self, word: str) -> Resource:
        """The type that ``word`` names: ``deploy``, ``Deployment``, ``deployments.apps``, ``deployments.v1.apps``.

        Raises InvalidInput when the cluster serves no such type.
        """
        name, _, suffix = word.lower().partition(".")
        candidates = [one for one in self._all if _fits_suffix(one, suffix)]
        for fits in (_is_plural, _is_singular, _is_short):
            found = [one for one in candidates if fits(one, name)]
            if found:
                return min(found, key=_preference)
        raise InvalidInput(f'the server has no resource type "{word}"{did_you_mean(name, self._words())}')

    def by_kind(self, api_version: str, kind: str) -> Resource:
        """The type of a manifest. Raises InvalidInput, saying which versions of the kind are served."""
        for one in self._all:
            if one.api_version == api_version and one.kind == kind:
                return one
        served = sorted({one.api_version for one in self._all if one.kind == kind})
        hint = f"this cluster serves it as {', '.join(served)}" if served else "install its CRD first"
        raise InvalidInput(f'no matches for kind "{kind}" in version "{api_version}": {hint}')

    def served(self, kind: str, *api_versions: str) -> Resource:
        """The first of ``api_versions`` in which ``kind`` is served. Raises InvalidInput when none is."""
        for api_version in api_versions:
            for one in self._all:
                if one.api_version == api_version and one.kind == kind:
                    return one
        raise InvalidInput(f"the server serves no {kind} ({' or '.join(api_versions)})")

    def of(self, ref: ObjectRef) -> Resource:
        """The type of an object that was read from this cluster."""
        return self.by_kind(ref.api_version, ref.kind)

    def _words(self) -> set[str]:
        return {word for one in self._all for word in (one.plural, one.kind.lower(), *one.short_names)}


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


def split_types(word: str, catalog: Catalog) -> Sequence[Resource]:
    """The types of a comma list such as ``deploy,svc``. Raises InvalidInput; ``all`` is refused for writes."""
    if word.lower() == "all":
        raise InvalidInput('"all" differs from cluster to cluster: name the types, as in deployments,services')
    return [catalog.by_word(part) for part in word.split(",") if part]
