"""Workloads at zero replicas that somebody still calls. What nothing names was scaled down on purpose and pages nobody."""

from __future__ import annotations

from collections.abc import Mapping

from stratus.domain.base import JsonObject
from stratus.domain.errors import Unobservable
from stratus.domain.objects import Subject
from stratus.oracles.references import called_from_outside, mentions, references
from stratus.oracles.rollouts import rollouts_by_label
from stratus.oracles.world import World, namespace_of, read_on_demand
from stratus.ports import ClusterReader

Named = tuple[str, str]
"""(namespace, Service)."""


def idle_services(world: World) -> Mapping[Named, tuple[Subject, ...]]:
    """Services all of whose workloads want zero replicas, with those workloads."""
    found: dict[Named, tuple[Subject, ...]] = {}
    for service in world.all("Service"):
        namespace = namespace_of(service)
        behind = rollouts_by_label(world).carrying(namespace, service["spec"].get("selector") or {})
        if behind and all(rollout.desired == 0 for rollout in behind):
            found[namespace, service["metadata"]["name"]] = tuple(rollout.subject for rollout in behind)
    return found


async def callers(
    reader: ClusterReader, world: World, services: frozenset[Named], probed: frozenset[Named] = frozenset()
) -> Mapping[Named, str]:
    """Who calls these Services, for those that are called: environment, arguments, Ingress, exposure, probes, and last
    the ConfigMaps that running workloads read."""
    found: dict[Named, str] = {}
    for reference in references(world):
        if (reference.namespace, reference.service) in services:
            found.setdefault((reference.namespace, reference.service), f"{reference.by} calls {reference.text}")
    exposed = called_from_outside(world)
    for named in services - found.keys():
        if named in exposed:
            found[named] = "it is reachable from outside the cluster"
        elif named in probed:
            found[named] = "a configured probe asks it"
    rest = services - found.keys()
    return found | await _in_files(reader, world, rest) if rest else found


async def scaled_to_zero(reader: ClusterReader, world: World, probed: frozenset[Named]) -> Mapping[Subject, str]:
    """Workloads at zero replicas with callers, and who calls."""
    idle = idle_services(world)
    if not idle:
        return {}
    called = await callers(reader, world, frozenset(idle), probed)
    return {
        subject: f"service/{name} has no replica behind it and {called[namespace, name]}"
        for (namespace, name), subjects in idle.items()
        if (namespace, name) in called
        for subject in subjects
    }


async def _in_files(reader: ClusterReader, world: World, services: frozenset[Named]) -> dict[Named, str]:
    """Services that a ConfigMap names which a running pod reads. Not being allowed to read ConfigMaps names nobody."""
    found: dict[Named, str] = {}
    try:
        files = await read_on_demand(reader, "ConfigMap", {namespace for namespace, _ in services})
    except Unobservable:
        return found
    used = _used_config_maps(world)
    for namespace, name in services:
        for file in files:
            where = (namespace_of(file), file["metadata"]["name"])
            text = "\n".join((file.get("data") or {}).values())
            if where[0] == namespace and where in used and mentions(text, name):
                found[namespace, name] = f"configmap/{where[1]} names it"
    return found


def _used_config_maps(world: World) -> frozenset[Named]:
    return frozenset(
        (namespace_of(pod), name) for pod in world.all("Pod") for name in _config_maps_of(pod.get("spec") or {})
    )


def _config_maps_of(spec: JsonObject) -> set[str]:
    names = {(volume.get("configMap") or {}).get("name") for volume in spec.get("volumes") or ()}
    for container in spec.get("containers") or ():
        names |= {(source.get("configMapRef") or {}).get("name") for source in container.get("envFrom") or ()}
        for variable in container.get("env") or ():
            names.add(((variable.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name"))
    return {name for name in names if name}
