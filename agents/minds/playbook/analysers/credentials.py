"""Credentials that are refused: stale in a process, missing in a caller, or different from what the store expects."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from agents.evidence import Change, Workload
from agents.evidence.changes import CREDENTIAL, data_written, parse_time
from agents.evidence.logs import FailedCall, failed_calls, refuses_credentials
from agents.evidence.paths import At
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.analysers.changed import references, restarts
from agents.minds.playbook.case import Case, container_path, hypothesis, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Callers whose credentials a store refuses; Secrets that are newer than the processes that read them."""
    for workload in case.in_scope:
        lines = [line for pod in workload.pods[:3] for line in case.evidence.log(pod)]
        calls = [call for call in failed_calls(lines) if call.kind == "auth"]
        if calls:
            yield from _refused(case, workload, calls[-1])
        elif refuses_credentials(lines) and any(t for w, t in case.troubled if w.subject == workload.subject):
            yield from _refused(case, workload, FailedCall("", None, "auth", refuses_credentials(lines)[-1]))


def _refused(case: Case, workload: Workload, call: FailedCall) -> Iterator[Hypothesis]:
    said = [f"{workload.subject} log: {call.line}"]
    store = _behind(case, workload, call)
    involved = [workload, *([store] if store is not None else [])]
    yield from _stale(case, involved, said)
    for own in involved:
        yield from _changed(case, own, said)
    yield from _unlike_siblings(case, workload, said)
    if store is not None:
        yield _unknown(case, workload, store, said)


def _behind(case: Case, workload: Workload, call: FailedCall) -> Workload | None:
    """The store that refuses: what runs behind the Service that was called."""
    labels = call.host.split(".")
    namespace = labels[1] if len(labels) > 1 else workload.namespace
    found = case.topology.backends.get((namespace, labels[0]), ())
    return case.evidence.workload(found[0]) if found else None


def _changed(case: Case, workload: Workload, said: list[str]) -> Iterator[Hypothesis]:
    """Credentials in the template that are not what they were."""

    def wanted(change: Change) -> bool:
        named = any(isinstance(part, At) and CREDENTIAL.search(str(part.value)) for part in change.path)
        return change.under("env", "envFrom", "serviceAccountName") and (named or "secretKeyRef" in f"{change.before}")

    groups = case.recent(workload.obj, wanted)
    if groups:
        reason = f"the credentials of {workload.subject} are not what they were"
        changed = [change.sentence() for change in groups[0]]
        candidates = case.restorations(workload.obj, wanted, reason)
        yield hypothesis(workload.subject, "auth-config", 0.94, reason, [*changed, *said], candidates)


def _stale(case: Case, involved: list[Workload], said: list[str]) -> Iterator[Hypothesis]:
    """A Secret written after processes had read it into their environment: they need a restart."""
    secrets = {name for w in involved for name in references(w, "Secret")}
    for name in sorted(secrets):
        secret = case.evidence.get("Secret", involved[0].namespace, name)
        written = data_written(secret) if secret is not None else None
        if secret is None or written is None:
            continue
        near = [w for w in case.evidence.workloads if w.namespace == involved[0].namespace]
        users = [w for w in near if name in in_environment(w)]
        old = [w for w in users if w.kind in ("Deployment", "StatefulSet", "DaemonSet") and _started_before(w, written)]
        if not old:
            continue
        subject = subject_of(secret)
        reason = f"{subject} was rotated at {written:%H:%M:%S}; {', '.join(str(w.subject) for w in old)} still use the old value"
        candidates = [fixes.candidate(Origin.DERIVE, [fixes.restart(w, case.evidence.at) for w in old[:10]], reason)]
        if len(old) > 1:
            alone = [fixes.restart(w, case.evidence.at) for w in old if w.subject == involved[0].subject]
            candidates += [fixes.candidate(Origin.DERIVE, [step], reason, worth=0.8) for step in alone]
        candidates += _previous(case, secret, reason)
        affects = [w.subject for w in old]
        component = old[0].subject if len(old) == 1 else subject
        yield hypothesis(component, "auth-config", 0.9, reason, [reason, *said], candidates, affects=affects)


def in_environment(workload: Workload) -> set[str]:
    """Secrets that a workload's processes read once, at their start; mounted ones follow a rotation by themselves."""
    found = set()
    for container in [*workload.init_containers, *workload.containers]:
        found |= {
            ((e.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name") for e in container.get("env") or []
        }
        found |= {(source.get("secretRef") or {}).get("name") for source in container.get("envFrom") or []}
    return {str(name) for name in found if name}


def _started_before(workload: Workload, moment: datetime) -> bool:
    times = [parse_time((pod.get("status") or {}).get("startTime")) for pod in workload.ready_pods]
    return any(start and start < moment for start in times)


def _previous(case: Case, secret: JsonObject, reason: str) -> list[Candidate]:
    """The Secret as it was while all was healthy."""
    return case.restorations(secret, lambda c: c.under("data"), reason, worth=0.7, extra=restarts(case, secret))


def _unlike_siblings(case: Case, workload: Workload, said: list[str]) -> Iterator[Hypothesis]:
    """Callers of the same kind of store send a credential that this one does not, or another one."""
    entries: dict[str, list[JsonObject]] = {}
    calls = bool(case.topology.callees(workload.subject))
    for other in case.siblings(workload):
        if bool(case.topology.callees(other.subject)) != calls:
            continue  # a store's own credential is not what its callers send
        for container in other.containers:
            for entry in container.get("env") or []:
                if CREDENTIAL.search(entry["name"]) and "valueFrom" in entry:
                    entries.setdefault(entry["name"], []).append(entry)
    for container in workload.containers:
        own = {e["name"]: e for e in container.get("env") or []}
        for name, found in entries.items():
            usual = max(found, key=found.count)
            if found.count(usual) < 2 or own.get(name) == usual or not _uses(workload, container):
                continue
            path = container_path(workload, container, "env", At("name", name))
            step = fixes.set_field(workload.obj, path, usual)
            what = "does not set" if name not in own else "sets differently"
            reason = f"{workload.subject} {what} {name}, which {found.count(usual)} siblings take from a Secret"
            made = [fixes.candidate(Origin.DERIVE, [step], reason)] if step else []
            yield hypothesis(workload.subject, "auth-config", 0.8, reason, [reason, *said], made)


def _uses(workload: Workload, container: JsonObject) -> bool:
    """Whether a container calls others at all: only then it needs what callers send."""
    return bool(container.get("env")) and workload.kind in ("Deployment", "StatefulSet", "DaemonSet")


def _unknown(case: Case, workload: Workload, store: Workload, said: list[str]) -> Hypothesis:
    """Nothing in the objects tells why: the store's own state may be wrong; a restart may re-create it."""
    reason = f"{store.subject} refuses the credentials of {workload.subject}, and no object tells why"
    again = [fixes.restart(store, case.evidence.at), fixes.restart(workload, case.evidence.at)]
    found = [
        fixes.candidate(Origin.RESTART, again[1:], reason),
        fixes.candidate(Origin.RESTART, again, reason, worth=0.9),
    ]
    affects: list[Subject] = [workload.subject]
    return hypothesis(store.subject, "auth-runtime", 0.4, reason, said, found, affects=affects)
