"""One case on the table: the evidence, the call graph, the lessons so far, and what every analyser needs of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agents.evidence import Change, Evidence, Source, Workload
from agents.evidence.changes import brief, own_template
from agents.evidence.logs import failed_calls
from agents.evidence.paths import MISSING, At, Path, read, show
from agents.evidence.pods import Trouble, troubles
from agents.evidence.topology import Topology, topology
from agents.minds.base import Candidate, Hypothesis, Origin, Reflection
from agents.minds.playbook import fixes
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef, Subject

ASKED = ("RequestsFail", "RequestsDegraded", "DoesNotAnswer", "AlertCritical", "AlertWarning")
"""Findings about requests: their cause is looked for along the calls."""
LOW_WORTH_STEP = 0.06
"""By how much each further earlier state is worth less than the one before it."""


@dataclass(frozen=True)
class Case:
    """What analysers look at."""

    evidence: Evidence
    reflections: Sequence[Reflection] = ()

    @cached_property
    def topology(self) -> Topology:
        """Who calls whom."""
        return topology(self.evidence)

    @cached_property
    def troubled(self) -> list[tuple[Workload, list[Trouble]]]:
        """Workloads whose pods are in trouble, with that trouble."""
        found = [(workload, troubles(workload)) for workload in self.in_scope]
        return [(workload, trouble) for workload, trouble in found if trouble]

    @cached_property
    def in_scope(self) -> list[Workload]:
        """The workloads that an analyser may blame: finished Jobs are history."""
        return [w for w in self.evidence.workloads if not _finished(w)]

    @cached_property
    def suffering(self) -> frozenset[Subject]:
        """Subjects with findings, with everything that they need: causes are looked for here first."""
        found: set[Subject] = set()
        for finding in self.evidence.findings:
            found |= self.topology.downstream(self.entry(finding.subject))
        return frozenset(found)

    @cached_property
    def failing_path(self) -> dict[Subject, bool]:
        """Workloads on the way from a failing request to its cause, as their logs name the next hop.

        True for the last hops: they fail without naming another one, so the cause is there or right behind.
        """
        found: dict[Subject, bool] = {}
        rest = [s for f in self.evidence.findings if f.reason in ASKED for s in self._workloads(self.entry(f.subject))]
        while rest:
            subject = rest.pop()
            if subject not in found:
                following = [s for s in self._next_hops(subject) if s != subject]
                found[subject] = not following and not self._needs_failing(subject)
                rest += following
        return found

    def _needs_failing(self, subject: Subject) -> bool:
        """Whether something further down has findings of its own."""
        below = self.topology.downstream(subject) - self.topology.upstream(subject)
        return any(self.entry(finding.subject) in below for finding in self.evidence.findings)

    def _workloads(self, subject: Subject) -> list[Subject]:
        return sorted(self.topology.callees(subject), key=str) if subject.kind == "Service" else [subject]

    def _next_hops(self, subject: Subject) -> list[Subject]:
        """Workloads behind the Services that a workload's newest log lines report as failing."""
        workload = self.evidence.workload(subject)
        hops: set[Subject] = set()
        for pod in workload.pods[:3] if workload else ():
            for call in list(failed_calls(self.evidence.log(pod, fresh=True)))[-3:]:
                labels = call.host.split(".")
                namespace = labels[1] if len(labels) > 1 else subject.namespace
                hops |= set(self.topology.backends.get((namespace, labels[0]), ()))
        return sorted(hops, key=str)

    def entry(self, subject: Subject) -> Subject:
        """The Service that a probe asks; any other subject itself."""
        if subject.kind in ("Service", *(w.kind for w in self.evidence.workloads)):
            return subject
        for service in self.evidence.of("Service"):
            meta = service["metadata"]
            mark = f"{meta.get('namespace', '')}/{meta['name']}"
            if mark in subject.path.removeprefix(f"{subject.namespace}/{subject.kind.lower()}/"):
                return Subject(kind="Service", namespace=meta.get("namespace", ""), name=meta["name"])
            if subject.namespace == meta.get("namespace", "") and meta["name"] in _words(subject.name):
                return Subject(kind="Service", namespace=subject.namespace, name=meta["name"])
        return subject

    def siblings(self, workload: Workload) -> list[Workload]:
        """Other workloads of the namespace that run pods for good: what is usual here."""
        return [
            other
            for other in self.evidence.workloads
            if other.namespace == workload.namespace
            and other.subject != workload.subject
            and other.kind in ("Deployment", "StatefulSet", "DaemonSet")
        ]

    def recent(self, obj: JsonObject, wanted: Callable[[Change], bool]) -> list[list[Change]]:
        """Earlier states of some fields, best first: each a set of changes that one earlier state undoes.

        Baseline first, then revisions that still serve, then the others newest first, then what was applied. Values that
        an attempt of this incident already left behind are not offered again.
        """
        sets: dict[tuple[str, int], list[Change]] = {}
        for change in self.evidence.changes(obj):
            if wanted(change) and not self._known_bad(change):
                sets.setdefault((change.source.value, change.revision), []).append(change)
        serving = self._serving_revisions(obj)
        order = sorted(sets, key=lambda key: (_RANK[key[0]], key[1] not in serving, -key[1]))
        unique: list[list[Change]] = []
        for key in order:
            if not any(_same_effect(sets[key], other) for other in unique):
                unique.append(sets[key])
        return unique

    def restorations(
        self, obj: JsonObject, wanted: Callable[[Change], bool], reason: str, *, worth: float = 1.0,
        extra: Sequence[Any] = (), command: Callable[[list[Change]], str] | None = None,
        valid: Callable[[JsonObject], bool] = lambda restored: True,
    ) -> list[Candidate]:  # fmt: skip
        """Candidates that give changed fields their earlier values back, with ``extra`` steps after each.

        ``valid`` is asked of the object as it would be, for what can be known before trying.
        """
        found: list[Candidate] = []
        for index, changes in enumerate(self.recent(obj, wanted)):
            step = fixes.restore(obj, changes)
            if step is None or not valid(fixes.restored(obj, changes)):
                continue
            text = command(changes) if command and not extra else ""
            value = max(worth - index * LOW_WORTH_STEP, 0.3)
            said = [change.sentence() for change in changes[:4]]
            found.append(fixes.candidate(Origin.RESTORE, [step, *extra], reason, said, worth=value, command=text))
        return found

    def rollbacks(self, workload: Workload, reason: str) -> list[Candidate]:
        """Whole templates of earlier revisions, newest first."""
        found: list[Candidate] = []
        for revision in workload.earlier():
            if any(_template_of(left) == own_template(revision.template) for left in self._left_behind(workload.ref)):
                continue
            step = fixes.roll_back(workload, revision)
            if step is not None:
                text = fixes.rollout_undo_command(workload, revision)
                worth = 1.0 - LOW_WORTH_STEP * len(found)
                found.append(fixes.candidate(Origin.ROLLBACK, [step], reason, worth=worth, command=text))
        return found[:3]

    def _left_behind(self, ref: ObjectRef) -> list[JsonObject]:
        return [obj for r in self.reflections for obj in r.left_behind if ObjectRef.of(obj) == ref]

    def _known_bad(self, change: Change) -> bool:
        values = [read(obj, change.path) for obj in self._left_behind(change.ref)]
        return any(value == change.before for value in values) and change.before is not MISSING

    def _serving_revisions(self, obj: JsonObject) -> set[int]:
        meta = obj["metadata"]
        subject = Subject(kind=obj["kind"], namespace=meta.get("namespace", ""), name=meta["name"])
        workload = self.evidence.workload(subject)
        return {revision.number for revision in workload.revisions if revision.ready} if workload else set()


_RANK = {Source.BASELINE.value: 0, Source.REVISION.value: 1, Source.APPLIED.value: 2}


def _same_effect(one: Sequence[Change], other: Sequence[Change]) -> bool:
    return [(c.path, c.before) for c in one] == [(c.path, c.before) for c in other]


def _template_of(obj: JsonObject) -> JsonObject:
    template = read(obj, Workload(obj).prefix)
    return own_template(template) if isinstance(template, dict) else {}


def _finished(workload: Workload) -> bool:
    conditions = (workload.obj.get("status") or {}).get("conditions") or []
    return workload.kind == "Job" and any(c.get("type") == "Complete" and c.get("status") == "True" for c in conditions)


def _words(text: str) -> list[str]:
    return [word for part in text.replace(":", "/").replace("_", "/").split("/") for word in part.split(".")]


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """The most similar of some names; "" when none is similar enough."""
    found = difflib.get_close_matches(name, [n for n in names if n != name], n=1, cutoff=cutoff)
    return found[0] if found else ""


def hypothesis(
    component: Subject, fault_class: str, confidence: float, summary: str, evidence: Iterable[str],
    candidates: Iterable[Candidate | None], *, affects: Iterable[Subject] = (), family: str = "",
) -> Hypothesis:  # fmt: skip
    """A hypothesis without empty evidence and absent candidates."""
    said = tuple(dict.fromkeys(brief(text, 240) for text in evidence if text))
    kept = tuple(c for c in candidates if c is not None)
    affected = frozenset({component, *affects})
    return Hypothesis(component, fault_class, confidence, summary, said, kept, affected, family)


def subject_of(obj: JsonObject) -> Subject:
    """An object as a subject."""
    meta = obj["metadata"]
    return Subject(kind=obj["kind"], namespace=meta.get("namespace", ""), name=meta["name"])


def fields(*names: str) -> Callable[[Change], bool]:
    """A filter for changes under any of these fields."""
    return lambda change: change.under(*names)


def in_container(container: str, *names: str) -> Callable[[Change], bool]:
    """A filter for changes under any of these fields of one container."""

    def wanted(change: Change) -> bool:
        here = any(getattr(part, "value", None) == container for part in change.path)
        return change.under(*names) and (here or not _keyed(change.path))

    return wanted


def _keyed(path: Path) -> bool:
    return "containers" in path or "initContainers" in path


def container_path(workload: Workload, container: JsonObject, *rest: Any) -> Path:
    """The path of a field of one container."""
    group = "initContainers" if container in workload.init_containers else "containers"
    return (*workload.prefix, "spec", group, At("name", container["name"]), *rest)


def at_path(path: Path) -> str:
    """A path for a sentence, without the levels that say nothing."""
    return show(tuple(part for part in path if part not in ("spec", "template", "jobTemplate")))
