"""The Service oracle: Services that lead nowhere, that do not answer, or that are called and do not exist."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding, Reading
from stratus.oracles.asking import Heard, Question, ask, questions
from stratus.oracles.idle import Named, callers, idle_services
from stratus.oracles.judge import finding, observed
from stratus.oracles.pods import is_ready
from stratus.oracles.references import ingress_backends, references
from stratus.oracles.rollouts import Rollout, rollouts, rollouts_by_label
from stratus.oracles.settings import ServiceSettings
from stratus.oracles.world import World, namespace_of, subject_of
from stratus.ports import Clock, ClusterReader

ORACLE = "services"


@dataclass(frozen=True)
class _Answer:
    fingerprint: tuple[str, ...]
    at: float
    spoke_http: bool


class ServiceOracle:
    """It remembers answers for a short time, and since when endpoints lag behind their pods."""

    name = ORACLE

    def __init__(
        self,
        reader: ClusterReader,
        clock: Clock,
        settings: ServiceSettings | None = None,
        *,
        probed: frozenset[Named] = frozenset(),
        coming: Callable[[], frozenset[Subject]] = frozenset,
    ) -> None:
        """``coming``: the workloads that are still coming up; their Services may be empty meanwhile."""
        self._reader = reader
        self._clock = clock
        self._settings = settings or ServiceSettings()
        self._probed = probed
        self._coming = coming
        self._answers: dict[Question, _Answer] = {}
        self._silent_before: set[Question] = set()
        self._lagging: dict[Subject, float] = {}
        self._served: dict[Named, tuple[dict[str, str], float]] = {}

    async def judge(self, world: World) -> Reading:
        """One look."""
        idle = idle_services(world)
        called = await callers(self._reader, world, frozenset(idle), self._probed) if idle else {}
        coming = self._coming()
        findings, waiting, asked = [], [], []
        for service in world.all("Service"):
            named = (namespace_of(service), service["metadata"]["name"])
            elsewhere = not service["spec"].get("selector") or service["spec"].get("type") == "ExternalName"
            if elsewhere or (named in idle and named not in called):
                continue
            state, message = self._endpoints(world, service)
            if state == "lagging":
                waiting.append(subject_of(service))
            elif state == "empty" and any(behind.subject in coming for behind in _behind(world, service)):
                continue  # its pods are on their way
            elif state == "empty":
                findings.append(finding(ORACLE, subject_of(service), "NoReadyEndpoints", message))
            else:
                self._served[named] = (service["spec"]["selector"], world.monotonic)
            if state == "ok" and self._settings.probe:
                asked += self._questions(world, service)
        findings += await self._silent(asked)
        findings += _missing(world, self._vanished(world))
        lag = self._settings.remember if self._settings.probe else 0.0
        return observed(ORACLE, findings, lag=lag, moving=waiting)

    def _endpoints(self, world: World, service: JsonObject) -> tuple[str, str]:
        """``ok``, ``empty`` or ``lagging`` (pods and endpoints disagree, which the controller will mend), and why."""
        subject = subject_of(service)
        endpoints = world.find("Endpoints", subject.namespace, subject.name) or {}
        listed = any(subset.get("addresses") for subset in endpoints.get("subsets") or ())
        pods = world.selected_pods(service)
        ready = [pod for pod in pods if is_ready(pod)]
        unnamed = _unresolvable(service, ready)
        if listed == bool(ready) or unnamed or service["spec"].get("publishNotReadyAddresses"):
            self._lagging.pop(subject, None)
        else:
            since = self._lagging.setdefault(subject, world.monotonic)
            if world.monotonic - since < self._settings.catch_up:
                return "lagging", ""
        if listed:
            return "ok", ""
        if unnamed and ready:
            return "empty", f"its targetPort {unnamed!r} is no port of its pods"
        if not pods:
            pairs = ", ".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
            return "empty", f"no pod carries its selector {pairs}"
        return "empty", f"none of its {len(pods)} pods is ready"

    def _vanished(self, world: World) -> Iterator[tuple[Named, str]]:
        """Services that served a while ago and are gone, although their pods still run and no other Service leads there."""
        exist = {(namespace_of(obj), obj["metadata"]["name"]) for obj in world.all("Service")}
        remembered = self._served.items()
        self._served = {k: v for k, v in remembered if world.monotonic - v[1] < self._settings.forget}
        for named, (selector, _) in self._served.items():
            if named not in exist:
                behind = rollouts_by_label(world).carrying(named[0], selector)
                if any(rollout.desired and not _is_selected(world, rollout) for rollout in behind):
                    yield named, f"it is gone, and {behind[0].subject} behind it still runs"

    def _questions(self, world: World, service: JsonObject) -> list[tuple[Question, tuple[str, ...]]]:
        endpoints = world.find("Endpoints", namespace_of(service), service["metadata"]["name"]) or {}
        pods = [pod for pod in world.selected_pods(service) if is_ready(pod)]
        version = str((endpoints.get("metadata") or {}).get("resourceVersion", ""))
        fingerprint = (str(service["metadata"].get("resourceVersion", "")), version)
        return [(question, fingerprint) for question in questions(service, pods)]

    async def _silent(self, asked: list[tuple[Question, tuple[str, ...]]]) -> list[Finding]:
        gate = asyncio.Semaphore(self._settings.parallel)

        async def one(question: Question, fingerprint: tuple[str, ...]) -> str:
            async with gate:
                return await self._why_silent(question, fingerprint)

        whys = await asyncio.gather(*(one(*each) for each in asked))
        current = {question for question, _ in asked}
        self._answers = {question: known for question, known in self._answers.items() if question in current}
        self._silent_before &= current
        silent: dict[Named, list[str]] = {}
        for (question, _), why in zip(asked, whys, strict=True):
            if why:
                silent.setdefault((question.namespace, question.service), []).append(f"{question}: {why}")
        return [
            finding(ORACLE, Subject(kind="Service", namespace=ns, name=name), "DoesNotAnswer", "; ".join(said))
            for (ns, name), said in silent.items()
        ]

    async def _why_silent(self, question: Question, fingerprint: tuple[str, ...]) -> str:
        """ "" when it answers, or did so a moment ago and nothing changed."""
        known = self._answers.get(question)
        fresh = known and self._clock.monotonic() - known.at < self._settings.remember
        if known and fresh and known.fingerprint == fingerprint:
            return ""
        spoke = known is not None and known.spoke_http
        said, why = await self._ask(question, spoke)
        if said is Heard.SILENCE and question not in self._silent_before:
            await self._clock.sleep(self._settings.retry_after)
            said, why = await self._ask(question, spoke)
        if said is Heard.SILENCE:
            self._silent_before.add(question)
            # what it once spoke is remembered, so that a time-out stays silence; the answer itself is stale
            if known:
                self._answers[question] = _Answer((), known.at, spoke)
            return why
        self._silent_before.discard(question)
        spoke = spoke or (said is Heard.ANSWER and why.isdigit())
        self._answers[question] = _Answer(fingerprint, self._clock.monotonic(), spoke)
        return ""

    async def _ask(self, question: Question, spoke_http: bool) -> tuple[Heard, str]:
        said, why = await ask(self._reader, question, self._settings.timeout)
        if said is Heard.UNCLEAR and why == "time-out" and spoke_http:
            return Heard.SILENCE, why
        return said, why


def _behind(world: World, service: JsonObject) -> Iterator[Rollout]:
    """The workloads that want pods for a Service."""
    found = rollouts_by_label(world).carrying(namespace_of(service), service["spec"]["selector"])
    return (rollout for rollout in found if rollout.desired)


def _unresolvable(service: JsonObject, pods: list[JsonObject]) -> str:
    """A named targetPort that no ready pod declares; "" when there is none."""
    names = {
        port.get("name")
        for pod in pods
        for container in pod["spec"].get("containers") or ()
        for port in container.get("ports") or ()
    }
    targets = [port.get("targetPort") for port in service["spec"].get("ports") or ()]
    unknown = [target for target in targets if isinstance(target, str) and target not in names]
    return unknown[0] if unknown and len(unknown) == len(targets) else ""


def _is_selected(world: World, rollout: Rollout) -> bool:
    return any(
        rollout in rollouts_by_label(world).carrying(namespace_of(service), service["spec"].get("selector") or {})
        for service in world.all("Service")
        if namespace_of(service) == rollout.subject.namespace
    )


def _missing(world: World, vanished: Iterator[tuple[Named, str]]) -> list[Finding]:
    """Services that are called and do not exist, once each with all their callers, and those that vanished."""
    exist = {(namespace_of(obj), obj["metadata"]["name"]) for obj in world.all("Service")}
    workloads = {(r.subject.namespace, r.subject.name) for r in rollouts(world)}
    lacking: dict[Named, list[str]] = {}
    for reference in references(world):
        named = (reference.namespace, reference.service)
        if named not in exist and (reference.sure or named in workloads):
            lacking.setdefault(named, []).append(f"{reference.by} calls {reference.text}")
    for named, why in vanished:
        lacking.setdefault(named, []).append(why)
    for ingress, name in ingress_backends(world):
        if (ingress.namespace, name) not in exist:
            lacking.setdefault((ingress.namespace, name), []).append(f"{ingress} names it")
    return [
        finding(
            ORACLE, Subject(kind="Service", namespace=ns, name=name), "ServiceMissing", "; ".join(dict.fromkeys(said))
        )
        for (ns, name), said in lacking.items()
    ]
