"""Feature flags that switch a defect on, and settings in ConfigMaps that stand out among their like."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from agents.evidence import Workload
from agents.evidence.changes import brief
from agents.evidence.logs import severe
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.analysers.changed import references, restarts
from agents.minds.playbook.case import Case, hypothesis, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.steps import PatchStep

OFF = frozenset({"off", "false", "disabled", "none", "0", "0%"})


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per ConfigMap with flags that are on."""
    for config in case.evidence.of("ConfigMap"):
        for key, text in (config.get("data") or {}).items():
            flags = _flags(text)
            lit = [name for name, flag in flags.items() if _is_on(flag)]
            if lit:
                yield _hypothesis(case, config, key, flags, lit)


def _flags(text: Any) -> dict[str, JsonObject]:
    """The flags of a flagd-style document; empty for any other text."""
    try:
        document = json.loads(text)
    except (ValueError, TypeError):
        return {}
    flags = document.get("flags") if isinstance(document, dict) else None
    return {k: v for k, v in flags.items() if isinstance(v, dict)} if isinstance(flags, dict) else {}


def _is_on(flag: JsonObject) -> bool:
    """On, although it has a variant that is off."""
    default, variants = (
        str(flag.get("defaultVariant", "")).lower(),
        {str(v).lower() for v in flag.get("variants") or {}},
    )
    return bool(variants & OFF) and default not in OFF and flag.get("state", "ENABLED") == "ENABLED"


def _hypothesis(case: Case, config: JsonObject, key: str, flags: dict[str, JsonObject], lit: list[str]) -> Hypothesis:
    subject = subject_of(config)
    readers = restarts(case, config)
    reason = f"feature flags are on: {', '.join(lit[:4])}"
    candidates = case.restorations(config, lambda c: key in c.path, reason, extra=readers)
    words = [line for w in case.evidence.workloads for pod in w.pods[:2] for line in severe(case.evidence.log(pod))]
    named = [name for name in lit if any(name in line for line in words)]
    for index, names in enumerate(_choices(named, lit)):
        step = _off(config, key, names)
        if step is not None:
            said = [
                f"{name}: {flags[name].get('description') or flags[name].get('defaultVariant')}" for name in names[:3]
            ]
            worth = 1.0 - 0.1 * index
            candidates.append(fixes.candidate(Origin.DERIVE, [step, *readers], reason, said, worth=worth))
    said = [f"{len(lit)} of {len(flags)} flags in {key} are on: {', '.join(lit[:4])}"]
    said += [line for line in words if any(name in line for name in lit)][-2:]
    quiet = not case.troubled
    few = len(lit) * 2 <= len(flags) + 1
    ill = {w.subject for w, _ in case.troubled} | {case.entry(f.subject) for f in case.evidence.findings}
    blamed = few and bool(_meant(case, config, lit) & ill)
    confidence = 0.95 if named else 0.85 if blamed else 0.8 if quiet and few else 0.45
    affects = _affected(case, config, lit)
    return hypothesis(subject, "feature-flag", confidence, reason, said, candidates, affects=affects)


def _choices(named: list[str], lit: list[str]) -> list[list[str]]:
    """Which flags to switch off, the best guess first: those that logs name, all, each alone."""
    found = [named] if named else []
    found += [lit] if lit not in found else []
    return found + [[name] for name in lit[:4] if [name] not in found]


def _off(config: JsonObject, key: str, names: list[str]) -> PatchStep | None:
    document = json.loads(config["data"][key])
    for name in names:
        flag = document["flags"][name]
        flag["defaultVariant"] = next(v for v in flag["variants"] if str(v).lower() in OFF)
    text = json.dumps(document, indent=_indent(config["data"][key]))
    return fixes.set_field(config, ("data", key), text)


def _indent(text: str) -> int | None:
    """The document's own indentation, so that the diff shows only what changes."""
    second = next((line for line in text.splitlines()[1:] if line.strip()), "")
    return len(second) - len(second.lstrip()) if "\n" in text else None


def _affected(case: Case, config: JsonObject, lit: list[str]) -> set[Subject]:
    """Workloads that read the flags, and those that a flag's name mentions."""
    name, namespace = config["metadata"]["name"], config["metadata"].get("namespace", "")
    near = [w for w in case.evidence.workloads if w.namespace == namespace]
    readers = {w.subject for w in near if name in references(w, "ConfigMap")}
    return readers | _meant(case, config, lit) | {s for reader in readers for s in case.topology.upstream(reader)}


def _meant(case: Case, config: JsonObject, lit: list[str]) -> set[Subject]:
    """Workloads whose name a flag's name mentions."""
    near = [w for w in case.evidence.workloads if w.namespace == config["metadata"].get("namespace", "")]
    return {w.subject for w in near for flag in lit if _plain(w.name) and _plain(w.name) in _plain(flag)}


def _plain(text: str) -> str:
    return text.lower().replace("-", "").replace("_", "").removesuffix("service")


def odd_one_out(case: Case, workload: Workload) -> Iterator[tuple[JsonObject, str, Any, Any]]:
    """(ConfigMap, key, value, usual value) where a workload's ConfigMap differs from those of at least two siblings."""
    mine = [case.evidence.get("ConfigMap", workload.namespace, n) for n in references(workload, "ConfigMap")]
    others = [
        c
        for s in case.siblings(workload)
        for n in references(s, "ConfigMap")
        if (c := case.evidence.get("ConfigMap", workload.namespace, n)) is not None
    ]
    for config in (c for c in mine if c is not None):
        for key, value in (config.get("data") or {}).items():
            counts = Counter(str(o["data"][key]) for o in others if key in (o.get("data") or {}) and o is not config)
            usual, number = counts.most_common(1)[0] if counts else ("", 0)
            if number >= 2 and usual != str(value):
                yield config, key, value, usual


def analyse_siblings(case: Case) -> Iterator[Hypothesis]:
    """ConfigMaps of suffering workloads that differ from those of their siblings."""
    for workload in case.in_scope:
        if workload.subject not in case.suffering and not case.evidence.found(workload.subject):
            continue
        for config, key, value, usual in odd_one_out(case, workload):
            reason = f"{subject_of(config)} {key} differs from what the siblings have"
            step = fixes.set_field(copy.deepcopy(config), ("data", key), usual)
            found: list[Candidate] = []
            if step is not None:
                found = [fixes.candidate(Origin.DERIVE, [step, *restarts(case, config)], reason, worth=0.9)]
            said = [f"{key}: {brief(value)}; the siblings have {brief(usual)}"]
            guarded = re.search(r"tls|ssl|auth|security|password", f"{value}{usual}", re.IGNORECASE)
            each = "auth-config" if guarded else "config"
            yield hypothesis(subject_of(config), each, 0.5, reason, said, found, affects=[workload.subject])
