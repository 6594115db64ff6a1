"""What judging a workload's pods needs beyond them: how long a start takes, what changed around, what the kubelet says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from stratus.domain.base import JsonObject
from stratus.domain.errors import StratusError
from stratus.domain.objects import ObjectRef, Subject
from stratus.oracles.crashes import LONG_LIFE, crash_life
from stratus.oracles.pods import (
    EVENT_CAUSES,
    PodContext,
    age,
    condition,
    is_finished,
    is_ready,
    is_started,
    missed_objects,
    probe_budget,
    startup_seconds,
)
from stratus.oracles.rollouts import Rollout
from stratus.oracles.settings import WorkloadSettings
from stratus.oracles.times import EPOCH, when
from stratus.oracles.world import World, namespace_of, read_on_demand
from stratus.ports import ClusterReader

TOLD = EVENT_CAUSES | {"FailedCreate", "Unhealthy"}
"""Reasons of the events that are looked at."""
LATE = 10.0
"""Seconds after which it is asked why a pod that runs is not ready."""
QUIET = 3.0
"""Seconds without a started container after which the kubelet's events are worth a request."""


@dataclass
class Startups:
    """How long starts took, learned from the pods that became ready: what is slow for one workload is stuck for another."""

    settings: WorkloadSettings
    _seen: dict[Subject, float] = field(default_factory=dict)
    _windows: dict[Subject, float] = field(default_factory=dict)

    def learn(self, rollout: Rollout) -> None:
        """Remember the quickest start among the pods of now: a pod that flapped looks slow."""
        took = [seconds for pod in rollout.pods if (seconds := startup_seconds(pod)) is not None]
        if took:
            self._seen[rollout.subject] = min(took)

    def window(self, rollout: Rollout) -> float:
        """Seconds that a pod may take to become ready."""
        budget = probe_budget(rollout.template.get("spec") or {})
        seen = self._seen.get(rollout.subject)
        if seen is None:
            window = max(self.settings.window, budget)
        else:
            window = max(self.settings.window_floor, budget, self.settings.window_factor * seen)
        self._windows[rollout.subject] = window
        return window

    def known_window(self, subject: Subject) -> float:
        """The window last used for a workload; 0 when it never was."""
        return self._windows.get(subject, 0.0)


@dataclass
class Lives:
    """How long crashing containers lived: replacing a pod that leaks or is killed looks like a cure for about so long."""

    ceiling: float
    _seen: dict[Subject, tuple[float, float]] = field(default_factory=dict)

    def learn(self, rollout: Rollout, now: float) -> None:
        """Remember the longest life that ended in a repeated crash, for a while after the last such crash was seen."""
        longest = max(map(crash_life, rollout.pods), default=0.0)
        before, at = self._seen.get(rollout.subject, (0.0, now))
        if longest:
            self._seen[rollout.subject] = (max(longest, before), now)
        elif now - at > LONG_LIFE:
            self._seen.pop(rollout.subject, None)

    def to_outlive(self, rollout: Rollout) -> float:
        """Seconds that a new pod must live before a workload that crashed is believed to be settled."""
        longest, _ = self._seen.get(rollout.subject, (0.0, 0.0))
        return min(2 * longest, self.ceiling)


@dataclass(frozen=True)
class Surroundings:
    """Facts of one look, shared by the judgements of all workloads."""

    world: World
    changed: Mapping[str, tuple[tuple[datetime, Subject], ...]]
    """namespace: the two workloads that became ready last, newest first: the one that is not being judged counts."""
    services: Mapping[str, datetime]
    """namespace: when a Service was last written."""
    events: tuple[JsonObject, ...] = ()
    present: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """namespace: ConfigMaps and Secrets that were missed and are there now."""

    def context(self, rollout: Rollout, window: float, patience: float = 0.0) -> Callable[[JsonObject], PodContext]:
        """What judging one pod of a workload needs. ``patience``: the window of a pod that answers "not yet"."""
        namespace = rollout.subject.namespace
        others = [at for at, who in self.changed.get(namespace, ()) if who != rollout.subject]
        changed = max([*others, self.services.get(namespace, EPOCH)])
        present = self.present.get(namespace, frozenset())

        def of(pod: JsonObject) -> PodContext:
            about = self.about(pod)
            granted = max(window, patience) if says_not_yet(about) else window
            return PodContext(self.world.at, granted, changed, about, present)

        return of

    def about(self, obj: JsonObject) -> tuple[JsonObject, ...]:
        """Warnings about an object, newest first."""
        return self._by_uid.get(obj["metadata"].get("uid", ""), ())

    @cached_property
    def _by_uid(self) -> Mapping[str, tuple[JsonObject, ...]]:
        index: dict[str, list[JsonObject]] = defaultdict(list)
        for event in sorted(self.events, key=last_seen, reverse=True):
            index[(event.get("involvedObject") or {}).get("uid", "")].append(event)
        return {uid: tuple(events) for uid, events in index.items()}


def last_seen(event: JsonObject) -> datetime:
    """When an event last happened, in the fields of either event API."""
    series = event.get("series") or {}
    stamps = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return max(map(when, stamps))


async def survey(reader: ClusterReader, world: World, rollouts: tuple[Rollout, ...]) -> Surroundings:
    """Collect them. Raises Unobservable when events are needed and cannot be read."""
    changed = _became_ready(rollouts)
    quiet = tuple(pod for rollout in rollouts for pod in rollout.pods if _is_quiet(pod, world.at))
    short = {rollout.subject.namespace for rollout in rollouts if rollout.short}
    late = {namespace_of(pod) for rollout in rollouts for pod in rollout.pods if _is_late(pod, world.at)}
    silent_in = {namespace_of(pod) for pod in quiet} | short | late
    events = await read_on_demand(reader, "Event", silent_in, fields="type=Warning") if silent_in else []
    telling = tuple(event for event in events if event.get("reason") in TOLD)
    bare = Surroundings(world, changed, _services_written(world), telling)
    missed = {(namespace_of(pod), what) for pod in quiet for what in missed_objects(pod, bare.about(pod))}
    return Surroundings(world, changed, bare.services, telling, await _present(reader, missed))


def _became_ready(rollouts: tuple[Rollout, ...]) -> dict[str, tuple[tuple[datetime, Subject], ...]]:
    every: dict[str, list[tuple[datetime, Subject]]] = defaultdict(list)
    for rollout in rollouts:
        steady = [pod for pod in rollout.pods if startup_seconds(pod) is not None]
        turned = [when(condition(pod, "Ready").get("lastTransitionTime")) for pod in steady]
        if turned:
            every[rollout.subject.namespace].append((max(turned), rollout.subject))
    return {
        namespace: tuple(sorted(them, key=lambda each: each[0], reverse=True)[:2]) for namespace, them in every.items()
    }


def _is_quiet(pod: JsonObject, now: datetime) -> bool:
    bound = bool((pod.get("spec") or {}).get("nodeName"))
    return bound and not (is_started(pod) or is_finished(pod) or is_ready(pod)) and age(pod, now) >= QUIET


def _is_late(pod: JsonObject, now: datetime) -> bool:
    return is_started(pod) and not (is_finished(pod) or is_ready(pod)) and age(pod, now) >= LATE


def says_not_yet(events: Iterable[JsonObject]) -> bool:
    """Whether the last thing that a pod's readiness probe heard is that the service is unavailable: it may be warming up."""
    last = next((str(event.get("message", "")) for event in events if event.get("reason") == "Unhealthy"), "")
    return last.startswith("Readiness probe failed") and last.rstrip().endswith("statuscode: 503")


def _services_written(world: World) -> dict[str, datetime]:
    written: dict[str, datetime] = {}
    for service in world.all("Service"):
        stamps = [when(entry.get("time")) for entry in service["metadata"].get("managedFields") or ()]
        namespace = namespace_of(service)
        written[namespace] = max([*stamps, written.get(namespace, EPOCH)])
    return written


async def _present(reader: ClusterReader, missed: set[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Which of the objects that the kubelet did not find exist now. Only their existence is used."""
    there: dict[str, frozenset[str]] = {}
    for namespace, what in sorted(missed):
        kind, _, name = what.partition("/")
        full = {"configmap": "ConfigMap", "secret": "Secret"}[kind]
        try:
            await reader.get(ObjectRef(api_version="v1", kind=full, namespace=namespace, name=name))
        except StratusError:
            continue  # still missing, or not for us to see: then what the kubelet says stands
        there[namespace] = there.get(namespace, frozenset()) | {what}
    return there
