"""ConfigMaps, Secrets and keys that pods ask for and that are not there: the kubelet names them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents.evidence import Change, Workload
from agents.evidence.paths import MISSING
from agents.evidence.pods import CONFIG_REASONS, messages
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, hypothesis, nearest, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject

_OBJECT = re.compile(r'(configmap|secret)s? "([^"]+)" not found', re.IGNORECASE)
_KEY = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) ([^/\s]+)/(\S+)")
_VOLUME_KEY = re.compile(r"references non-existent (?:config|secret) key: (\S+)")
KINDS = {"configmap": "ConfigMap", "secret": "Secret"}


@dataclass(frozen=True)
class Lack:
    """What a workload's pods wait for."""

    workload: Workload
    kind: str
    name: str
    key: str
    words: str

    @property
    def subject(self) -> Subject:
        """The object that is missing or lacks a key."""
        return Subject(kind=self.kind, namespace=self.workload.namespace, name=self.name)


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per missing object or key, and one per reference that was changed to it."""
    for lack in lacks(case):
        yield from (_missing_key(case, lack) if lack.key else _missing_object(case, lack))


def lacks(case: Case) -> Iterator[Lack]:
    """Everything that the kubelet says it cannot find."""
    seen = set()
    for workload, found in case.troubled:
        said = [t.message for t in found if t.reason in CONFIG_REASONS]
        said += messages(case.evidence, workload, "Failed", "FailedMount")
        for words in said:
            for lack in _parse(workload, words):
                mark = (workload.subject, lack.kind, lack.name, lack.key)
                if mark not in seen and not _there(case, lack):
                    seen.add(mark)
                    yield lack


def _parse(workload: Workload, words: str) -> Iterator[Lack]:
    for kind, name in _OBJECT.findall(words):
        yield Lack(workload, KINDS[kind.lower()], name.rpartition("/")[2], "", words)
    for key, kind, _, name in _KEY.findall(words):
        yield Lack(workload, kind, name, key, words)
    for key in _VOLUME_KEY.findall(words):
        for volume in workload.pod_spec.get("volumes") or []:
            for field, kind, label in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
                source = volume.get(field) or {}
                if any(item.get("key") == key for item in source.get("items") or []):
                    yield Lack(workload, kind, str(source[label]), key, words)


def _there(case: Case, lack: Lack) -> bool:
    """Whether it exists by now: an old event may still tell of its absence."""
    obj = case.evidence.get(lack.kind, lack.workload.namespace, lack.name)
    return obj is not None and (
        not lack.key or lack.key in {**(obj.get("data") or {}), **(obj.get("binaryData") or {})}
    )


def _class(lack: Lack) -> str:
    return "config" if lack.kind == "ConfigMap" else "auth-config"


# --- the object is missing --------------------------------------------------------------------------------------------


def _missing_object(case: Case, lack: Lack) -> Iterator[Hypothesis]:
    reason = f"{lack.workload.subject} waits for the {lack.kind} {lack.name}, which does not exist"
    said = [f"the kubelet says: {lack.words}"]

    def renamed(change: Change) -> bool:
        mounted = change.under("volumeMounts") and change.before is MISSING  # goes with the volume
        return mounted or (lack.name in f"{change.after}" and lack.name not in f"{change.before}")

    groups = case.recent(lack.workload.obj, renamed)
    pointing = case.restorations(lack.workload.obj, renamed, reason)
    names = [o["metadata"]["name"] for o in case.evidence.of(lack.kind, lack.workload.namespace)]
    close = nearest(lack.name, names, 0.8)
    if close:
        step = fixes.edit(lack.workload.obj, lambda obj: _rename(obj, lack, close))
        why = [f"{lack.kind} {close} exists"]
        pointing += [fixes.candidate(Origin.DERIVE, [step], reason, why, worth=0.9)] if step else []
    if pointing:
        changed = [change.sentence() for group in groups[:1] for change in group]
        confidence = 0.93 if groups else 0.7
        yield hypothesis(lack.workload.subject, "config", confidence, reason, [*said, *changed], pointing)
    making = list(_recreations(case, lack, reason))
    if making or not pointing:
        confidence = 0.9 if making and not groups else 0.6
        affects = [lack.workload.subject]
        yield hypothesis(lack.subject, _class(lack), confidence, reason, said, making, affects=affects)


def _rename(obj: JsonObject, lack: Lack, name: str) -> None:
    """Points every reference to the missing object at another one."""
    _replace(Workload(obj).pod_spec, lack.name, name)


def _replace(value: Any, old: str, new: str) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        if child == old and key in ("name", "secretName"):
            value[key] = new
        else:
            _replace(child, old, new)


def _recreations(case: Case, lack: Lack, reason: str) -> Iterator[Candidate]:
    """The object as it was while all was healthy, as a sibling has it, or as another namespace has it."""
    path = f"{lack.workload.namespace}/{lack.kind.lower()}/{lack.name}"
    healthy = case.evidence.baseline.get(path)
    if healthy is not None:
        yield fixes.candidate(Origin.RESTORE, [fixes.create(healthy)], reason, ["from the last healthy state"])
    for namespace in sorted({o["metadata"].get("namespace", "") for o in case.evidence.of(lack.kind)}):
        twin = case.evidence.get(lack.kind, namespace, lack.name)
        if twin is not None and namespace != lack.workload.namespace:
            copied = copy.deepcopy(twin)
            copied["metadata"] = {"name": lack.name, "namespace": lack.workload.namespace}
            yield fixes.candidate(
                Origin.DERIVE, [fixes.create(copied)], reason, [f"copied from {namespace}"], worth=0.8
            )
    yield from _by_analogy(case, lack, reason)
    yield from _placeholder(case, lack, reason)


def _by_analogy(case: Case, lack: Lack, reason: str) -> Iterator[Candidate]:
    """A sibling's object with the sibling's own name replaced by this workload's: mongo-rate-script → mongo-geo-script."""
    objects = case.evidence.of(lack.kind, lack.workload.namespace)
    found: list[tuple[int, JsonObject]] = []
    for other in objects:
        name = other["metadata"]["name"]
        words = _difference(name, lack.name)
        if words is not None and len(words[0]) > 2 and len(words[1]) > 2:
            twin = _translated(other, *words)
            twin["metadata"] = {"name": lack.name, "namespace": lack.workload.namespace,
                                "labels": twin["metadata"].get("labels") or {}}  # fmt: skip
            found.append((len(name), twin))
    for _, twin in sorted(found, key=lambda item: item[0])[:2]:
        said = ["made by analogy with a sibling's object: have somebody check its content"]
        yield fixes.candidate(Origin.DERIVE, [fixes.create(twin)], reason, said, worth=0.75)


def _difference(one: str, other: str) -> tuple[str, str] | None:
    """The single word by which two names differ; None when they differ by more."""
    a, b = re.split(r"([-_.])", one), re.split(r"([-_.])", other)
    if len(a) != len(b):
        return None
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    return pairs[0] if len(pairs) == 1 else None


def _translated(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {_translated(k, old, new): _translated(v, old, new) for k, v in value.items()}
    if isinstance(value, list):
        return [_translated(item, old, new) for item in value]
    return re.sub(rf"\b{re.escape(old)}\b", new, value) if isinstance(value, str) else value


def _placeholder(case: Case, lack: Lack, reason: str) -> Iterator[Candidate]:
    """The last resort: an object with the keys that are asked for, empty; the engine undoes it when it does not help."""
    if lack.kind != "ConfigMap":
        return
    keys: dict[str, str] = {}
    for volume in lack.workload.pod_spec.get("volumes") or []:
        if (volume.get("configMap") or {}).get("name") == lack.name:
            keys.update({item["key"]: "" for item in volume["configMap"].get("items") or []})
            for container in [*lack.workload.init_containers, *lack.workload.containers]:
                for mount in container.get("volumeMounts") or []:
                    if mount["name"] == volume["name"] and mount.get("subPath"):
                        keys[mount["subPath"]] = ""
    manifest = {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": lack.name, "namespace": lack.workload.namespace}, "data": keys,
    }  # fmt: skip
    said = ["its content is not known anywhere: the pods start with an empty one"]
    yield fixes.candidate(Origin.DERIVE, [fixes.create(manifest)], reason, said, worth=0.35)


# --- a key is missing -------------------------------------------------------------------------------------------------


def _missing_key(case: Case, lack: Lack) -> Iterator[Hypothesis]:
    obj = case.evidence.get(lack.kind, lack.workload.namespace, lack.name)
    if obj is None:
        return
    reason = f"{lack.workload.subject} asks for the key {lack.key} of {lack.kind} {lack.name}, which has no such key"
    said = [f"the kubelet says: {lack.words}"]

    def asked(change: Change) -> bool:
        return lack.key in f"{change.after}" and lack.key not in f"{change.before}"

    pointing = case.restorations(lack.workload.obj, asked, reason)
    groups = case.recent(lack.workload.obj, asked)
    close = nearest(lack.key, obj.get("data") or {}, 0.6) or _only(obj)
    if close:
        step = fixes.edit(lack.workload.obj, lambda live: _point(Workload(live).pod_spec, lack, close))
        worth = 0.9 if nearest(lack.key, [close], 0.6) else 0.7
        why = [f"{lack.kind} {lack.name} has the key {close}"]
        pointing += [fixes.candidate(Origin.DERIVE, [step], reason, why, worth=worth)] if step else []
    giving = case.restorations(obj, lambda c: lack.key in c.path, reason)  # who waits for it is started by the kubelet
    if giving:
        yield hypothesis(subject_of(obj), _class(lack), 0.92, reason, said, giving, affects=[lack.workload.subject])
    if pointing or not giving:
        changed = [change.sentence() for group in groups[:1] for change in group]
        confidence = 0.93 if groups else 0.75 if not giving else 0.5
        yield hypothesis(lack.workload.subject, _class(lack), confidence, reason, [*said, *changed], pointing)


def _only(obj: JsonObject) -> str:
    keys = list(obj.get("data") or {})
    return str(keys[0]) if len(keys) == 1 else ""


def _point(spec: JsonObject, lack: Lack, key: str) -> None:
    """Points every reference to the missing key at another one."""
    ref, field, label = ("configMapKeyRef", "configMap", "name") if lack.kind == "ConfigMap" else (
        "secretKeyRef", "secret", "secretName")  # fmt: skip
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        for entry in container.get("env") or []:
            source = (entry.get("valueFrom") or {}).get(ref) or {}
            if (source.get("name"), source.get("key")) == (lack.name, lack.key):
                source["key"] = key
    for volume in spec.get("volumes") or []:
        source = volume.get(field) or {}
        for item in source.get("items") or []:
            if source.get(label) == lack.name and item.get("key") == lack.key:
                item["key"] = key
