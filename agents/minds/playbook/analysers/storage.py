"""Claims that do not exist or do not bind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.evidence import Workload
from agents.evidence.paths import MISSING
from agents.evidence.pods import messages
from agents.evidence.quantities import amount
from agents.minds.base import Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.analysers.changed import references
from agents.minds.playbook.case import Case, fields, hypothesis, nearest, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.steps import Step

_NOT_FOUND = re.compile(r'persistentvolumeclaims? "([^"]+)" not found')


def analyse(case: Case) -> Iterator[Hypothesis]:
    """Claim names that lead nowhere; claims that wait for a volume."""
    for workload, found in case.troubled:
        words = [t.message for t in found] + messages(case.evidence, workload, "FailedScheduling", "FailedMount")
        for name in sorted({n.rpartition("/")[2] for text in words for n in _NOT_FOUND.findall(text)}):
            if case.evidence.get("PersistentVolumeClaim", workload.namespace, name) is None:
                yield _no_such_claim(case, workload, name, next(text for text in words if name in text))
    for claim in case.evidence.of("PersistentVolumeClaim"):
        if (claim.get("status") or {}).get("phase") == "Pending":
            yield from _unbound(case, claim)


def _no_such_claim(case: Case, workload: Workload, name: str, words: str) -> Hypothesis:
    reason = f"{workload.subject} wants the claim {name}, which does not exist"
    candidates = case.restorations(workload.obj, fields("volumes"), reason)
    claims = [c["metadata"]["name"] for c in case.evidence.of("PersistentVolumeClaim", workload.namespace)]
    free = [c for c in claims if not any(c in references(w, "PersistentVolumeClaim") for w in case.siblings(workload))]
    close = nearest(name, free, 0.5) or nearest(name, claims, 0.7)
    if close:

        def renamed(obj: JsonObject) -> None:
            for volume in Workload(obj).pod_spec.get("volumes") or []:
                source = volume.get("persistentVolumeClaim") or {}
                if source.get("claimName") == name:
                    source["claimName"] = close

        step = fixes.edit(workload.obj, renamed)
        said = [f"the claim {close} exists and nobody uses it"]
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason, said)] if step else []
    candidates += case.rollbacks(workload, reason)
    said = [words, *(c.sentence() for group in case.recent(workload.obj, fields("volumes"))[:1] for c in group)]
    family = f"claim {name.replace(close, '*')}" if close and close in name else ""
    return hypothesis(workload.subject, "storage", 0.94, reason, said, candidates, family=family)


def _unbound(case: Case, claim: JsonObject) -> Iterator[Hypothesis]:
    meta, spec = claim["metadata"], claim.get("spec") or {}
    subject = subject_of(claim)
    users = [w.subject for w in case.evidence.workloads if meta["name"] in references(w, "PersistentVolumeClaim")
             and w.namespace == meta.get("namespace", "")]  # fmt: skip
    said = [str(e.get("message", "")) for e in case.evidence.events(claim)[:2]]
    stale = [v for v in case.evidence.of("PersistentVolume") if _meant_for(v, claim)]
    for volume in stale[:1]:
        yield _stale_reference(volume, claim, users, said)
    if stale:
        return
    wanted = spec.get("storageClassName")
    classes = [c["metadata"]["name"] for c in case.evidence.of("StorageClass")]
    if wanted and wanted not in classes and not any(
        (v.get("spec") or {}).get("storageClassName") == wanted for v in case.evidence.of("PersistentVolume")
    ):  # fmt: skip
        reason = f"{subject} asks for the storage class {wanted}, which does not exist"
        close = nearest(wanted, classes, 0.4) or (classes[0] if len(classes) == 1 else "")
        again = {**claim, "spec": {**{k: v for k, v in spec.items() if k != "volumeName"}, "storageClassName": close}}
        steps: list[Step] = [fixes.delete(claim), fixes.create(again)] if close else []
        found = [fixes.candidate(Origin.DERIVE, steps, reason, ["an unbound claim holds no data"])] if steps else []
        yield hypothesis(subject, "storage", 0.85, reason, [reason, *said], found, affects=users)
    elif users:
        reason = f"{subject} does not bind"
        yield hypothesis(subject, "storage", 0.4, reason, said or [reason], [], affects=users)


def _meant_for(volume: JsonObject, claim: JsonObject) -> bool:
    """Whether a volume would fit the claim but for a reference to a claim that is gone."""
    spec, meta = volume.get("spec") or {}, claim["metadata"]
    ref = spec.get("claimRef") or {}
    released = (volume.get("status") or {}).get("phase") in ("Released", "Failed")
    named = ref.get("name") == meta["name"] and ref.get("namespace") == meta.get("namespace", "")
    if not released or not ref:
        return False
    wanted = (claim.get("spec") or {}).get("resources", {}).get("requests", {}).get("storage")
    size = amount((spec.get("capacity") or {}).get("storage")) >= amount(wanted)
    same_class = spec.get("storageClassName", "") == (claim["spec"].get("storageClassName") or "")
    named_volume = claim["spec"].get("volumeName") == volume["metadata"]["name"]
    return named or named_volume or (size and same_class)


def _stale_reference(volume: JsonObject, claim: JsonObject, users: list[Subject], said: list[str]) -> Hypothesis:
    name, subject = volume["metadata"]["name"], subject_of(volume)
    ref = volume["spec"]["claimRef"]
    reason = f"volume {name} is released, but still bound to an earlier claim {ref.get('name')}"
    same = ref.get("name") == claim["metadata"]["name"] and ref.get("namespace") == claim["metadata"].get("namespace")
    freed = {k: v for k, v in ref.items() if k not in ("uid", "resourceVersion")} if same else MISSING
    steps = [
        fixes.candidate(Origin.DERIVE, [step], reason, worth=1.0 - 0.1 * index)
        for index, value in enumerate((freed, MISSING) if same else (MISSING,))
        if (step := fixes.set_field(volume, ("spec", "claimRef"), value)) is not None
    ]
    affects = [Subject(kind="PersistentVolumeClaim", namespace=claim["metadata"].get("namespace", ""),
                       name=claim["metadata"]["name"]), *users]  # fmt: skip
    return hypothesis(subject, "storage", 0.9, reason, [reason, *said], steps, affects=affects, family="stale claimRef")
