"""Pods that the API server does not let in: quotas, limit ranges, webhooks, service accounts, priority classes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agents.evidence import Workload
from agents.evidence.paths import MISSING, At
from agents.evidence.pods import REJECTED, Trouble, children, messages
from agents.evidence.quantities import amount
from agents.minds.base import Candidate, Hypothesis, Origin
from agents.minds.playbook import fixes
from agents.minds.playbook.case import Case, fields, hypothesis, nearest, subject_of
from stratus.domain.base import JsonObject
from stratus.domain.steps import Step

_QUOTA = re.compile(r"(?:exceeded|failed) quota: ([-a-z0-9.]+)")
_NUMBERS = re.compile(r"([a-z][\w./-]*)=(\d[\w.]*)")
_WEBHOOK = re.compile(r'failed calling webhook "([^"]+)"')
_DENIED = re.compile(r'admission webhook "([^"]+)" denied the request')
_RANGE = re.compile(
    r"(?:maximum|minimum) (cpu|memory|storage)[^.]*usage per (?:Container|Pod)|max limit to request ratio"
)
_BOUND = re.compile(
    r"(maximum|minimum) ([a-z][\w./-]*) usage per (Container|Pod) is [\w.]+, but (?:limit|request) is ([\w.]+\w)"
)
_ACCOUNT = re.compile(r'serviceaccounts? "([^"]+)" not found')
_QUOTED = re.compile(r'"([^"]+)"')
_PRIORITY = re.compile(r"no PriorityClass with name (\S+?)[\s,.]*(?:was found|$)")


def analyse(case: Case) -> Iterator[Hypothesis]:
    """One hypothesis per object that keeps pods out."""
    refused: dict[tuple[str, str], list[tuple[Workload, str]]] = {}
    for workload in case.in_scope:
        for words in refusals(case, workload):
            for kind, pattern in (("ResourceQuota", _QUOTA), ("Webhook", _WEBHOOK), ("Webhook", _DENIED)):
                for name in pattern.findall(words):
                    mark = f"{workload.namespace}/{name}" if kind == "ResourceQuota" else name
                    refused.setdefault((kind, mark), []).append((workload, words))
            yield from _own_fault(case, workload, words)
            if _RANGE.search(words):
                yield from _limit_range(case, workload, words)
    for workload, troubles in case.troubled:
        rejected = next((t for t in troubles if t.reason == REJECTED), None)
        if rejected is not None and not workload.pod_spec.get("nodeName"):
            yield _kubelet(case, workload, rejected)
    for (kind, name), found in refused.items():
        yield from (_quota(case, name, found) if kind == "ResourceQuota" else _webhook(case, name, found))


def refusals(case: Case, workload: Workload) -> list[str]:
    """What the API server answered to the controllers that create this workload's pods, as long as pods are missing."""
    wanted = 1 if workload.kind in ("DaemonSet", "Job", "CronJob") else workload.replicas
    if len(workload.ready_pods) >= max(wanted, 1) and not case.evidence.found(workload.subject):
        return []
    said = [
        str(c.get("message", ""))
        for obj in [workload.obj, *children(case.evidence, workload)]
        for c in (obj.get("status") or {}).get("conditions") or []
        if c.get("type") == "ReplicaFailure" and c.get("status") == "True"
    ]
    return list(dict.fromkeys([*said, *messages(case.evidence, workload, "FailedCreate")]))[:4]


def again(case: Case, workloads: Sequence[Workload]) -> list[Step]:
    """Restarts, because controllers back off for minutes after repeated refusals."""
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    held_back = [w for w in workloads if w.kind in kinds and not w.ready_pods]
    return [*(fixes.restart(w, case.evidence.at) for w in held_back[:8])]


def _workloads(found: list[tuple[Workload, str]]) -> list[Workload]:
    return list({w.subject: w for w, _ in found}.values())


# --- quotas and ranges ------------------------------------------------------------------------------------------------


def _quota(case: Case, mark: str, found: list[tuple[Workload, str]]) -> Iterator[Hypothesis]:
    namespace, _, name = mark.partition("/")
    quota = case.evidence.get("ResourceQuota", namespace, name)
    if quota is None:
        return
    subject, workloads = subject_of(quota), _workloads(found)
    words = found[0][1]
    reason = f"{subject} keeps the pods of {', '.join(str(w.subject) for w in workloads)} out"
    nudge = again(case, workloads)
    candidates = case.restorations(quota, fields("hard", "scopes"), reason, extra=nudge)
    candidates += _looser(quota, words, reason, nudge)
    said = [words, *(c.sentence() for group in case.recent(quota, fields("hard"))[:1] for c in group)]
    affects = [w.subject for w in workloads]
    yield hypothesis(subject, "quota", 0.93, reason, said, candidates, affects=affects)


def _looser(quota: JsonObject, words: str, reason: str, nudge: Sequence[Step]) -> Iterator[Candidate]:
    """A quota that demands what pods do not declare goes as a whole or loses the demand; one that is too small grows."""
    hard = (quota.get("spec") or {}).get("hard") or {}
    demanded = words.partition("must specify")[2]
    asks = [key for key in hard if re.search(rf"\b{re.escape(key)}\b", demanded)]
    if asks:
        said = [f"it demands {', '.join(asks)}, which the pods do not declare"]
        rest = {k: v for k, v in hard.items() if k not in asks and not _same_resource(k, asks)}
        if not rest:
            yield fixes.candidate(Origin.DERIVE, [fixes.delete(quota), *nudge], reason, said)
        else:
            step = fixes.set_field(quota, ("spec", "hard"), rest)
            yield from ([fixes.candidate(Origin.DERIVE, [step, *nudge], reason, said)] if step else [])
        return
    need = _needed(words)
    grown = {key: text for key, (text, size) in need.items() if key in hard and size > amount(hard[key])}
    if grown:
        step = fixes.set_field(quota, ("spec", "hard"), {**hard, **grown})
        said = ["room for what is asked: " + ", ".join(f"{k} {hard[k]} → {v}" for k, v in grown.items())]
        yield from ([fixes.candidate(Origin.DERIVE, [step, *nudge], reason, said)] if step else [])
    yield fixes.candidate(Origin.DERIVE, [fixes.delete(quota), *nudge], reason, worth=0.5)


def _same_resource(key: str, asks: list[str]) -> bool:
    return any(key.rpartition(".")[2] == ask.rpartition(".")[2] for ask in asks)


def _needed(words: str) -> dict[str, tuple[str, float]]:
    """For each resource of an "exceeded quota" answer: twice what is used and asked, in the units of the answer."""
    sizes: dict[str, list[tuple[str, float]]] = {}
    for part in ("requested: ", "used: "):
        for key, text in _NUMBERS.findall(words.partition(part)[2].partition(": ")[0]):
            sizes.setdefault(key, []).append((text, amount(text)))
    found = {}
    for key, known in sizes.items():
        total = 2 * sum(size for _, size in known)
        unit = next((re.sub(r"[\d.]", "", text) for text, size in known if size), "")
        factor = amount(f"1{unit}") or 1.0
        found[key] = (f"{max(1, round(total / factor))}{unit}", total)
    return found


def _limit_range(case: Case, workload: Workload, words: str) -> Iterator[Hypothesis]:
    for limits in case.evidence.of("LimitRange", workload.namespace):
        subject = subject_of(limits)
        reason = f"{subject} keeps the pods of {workload.subject} out"
        nudge = again(case, [workload])
        candidates = case.restorations(limits, fields("limits"), reason, extra=nudge)
        own = case.restorations(workload.obj, fields("resources"), reason)
        candidates += _wider(case, limits, words, reason, nudge)
        candidates.append(fixes.candidate(Origin.DERIVE, [fixes.delete(limits), *nudge], reason, worth=0.8))
        if own:
            asks = f"{workload.subject} asks for more than {subject} allows"
            yield hypothesis(workload.subject, "resources", 0.85, asks, [words], own)
        yield hypothesis(subject, "quota", 0.85, reason, [words], candidates, affects=[workload.subject])


def _wider(case: Case, limits: JsonObject, words: str, reason: str, nudge: Sequence[Step]) -> Iterator[Candidate]:
    """The bounds that the answer names, moved as far as any pod here needs it; the rest of the limit range stays."""
    near = [w for w in case.evidence.workloads if w.namespace == limits["metadata"].get("namespace", "")]
    every = [c.get("resources") or {} for w in near for c in w.containers]
    said: list[str] = []

    def moved(obj: JsonObject) -> None:
        for way, resource, kind, asked in _BOUND.findall(words):
            for item in obj["spec"].get("limits") or []:
                bounds = item.get("max" if way == "maximum" else "min") or {}
                if item.get("type") == kind and resource in bounds:
                    high = way == "maximum"
                    texts = [(r.get("limits" if high else "requests") or {}).get(resource) for r in every]
                    known = [str(text) for text in texts if text and kind == "Container"]
                    asked = (max if high else min)([asked, *known], key=amount)
                    said.append(f"{way} {resource} per {kind} {bounds[resource]} → {asked}")
                    bounds[resource] = asked

    step = fixes.edit(limits, moved)
    yield from ([fixes.candidate(Origin.DERIVE, [step, *nudge], reason, said)] if step else [])


# --- webhooks ---------------------------------------------------------------------------------------------------------


def _webhook(case: Case, name: str, found: list[tuple[Workload, str]]) -> Iterator[Hypothesis]:
    workloads, words = _workloads(found), found[0][1]
    affects = [w.subject for w in workloads]
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        for configuration in case.evidence.of(kind):
            hooks = [h for h in configuration.get("webhooks") or [] if h.get("name") == name]
            if not hooks:
                continue
            subject = subject_of(configuration)
            reason = f"the admission webhook {name} fails, and no pod of {', '.join(str(a) for a in affects)} gets in"
            nudge = again(case, workloads)
            candidates = case.restorations(configuration, fields("webhooks"), reason, extra=nudge)
            step = fixes.set_field(configuration, ("webhooks", At("name", name), "failurePolicy"), "Ignore")
            if step is not None and "denied the request" not in words:
                candidates.append(fixes.candidate(Origin.DERIVE, [step, *nudge], reason, [_backend(case, hooks[0])]))
            candidates.append(fixes.candidate(Origin.DERIVE, [fixes.delete(configuration), *nudge], reason, worth=0.6))
            said = [words, _backend(case, hooks[0])]
            yield hypothesis(subject, "admission", 0.93, reason, said, candidates, affects=affects)


def _backend(case: Case, hook: JsonObject) -> str:
    """What answers for a webhook."""
    service = (hook.get("clientConfig") or {}).get("service") or {}
    if not service:
        return f"it is answered from outside: {(hook.get('clientConfig') or {}).get('url', '')}"
    where = f"{service.get('namespace')}/{service.get('name')}"
    if case.evidence.get("Service", service.get("namespace", ""), service.get("name", "")) is None:
        return f"its Service {where} was not found"
    return f"its Service is {where}"


# --- the workload's own mistake ---------------------------------------------------------------------------------------


def _own_fault(case: Case, workload: Workload, words: str) -> Iterator[Hypothesis]:
    for pattern, kind, field, group in (
        (_ACCOUNT, "ServiceAccount", "serviceAccountName", "auth-config"),
        (_PRIORITY, "PriorityClass", "priorityClassName", "scheduling"),
    ):
        for raw in pattern.findall(words)[:1]:
            name = raw.rpartition("/")[2]
            space = workload.namespace if kind == "ServiceAccount" else ""
            if case.evidence.get(kind, space, name) is not None:
                continue
            reason = f"{workload.subject} names the {kind} {name}, which does not exist"
            candidates = case.restorations(workload.obj, fields(field, "serviceAccount"), reason)
            close = nearest(name, [o["metadata"]["name"] for o in case.evidence.of(kind, space)], 0.6)
            for index, value in enumerate([close, MISSING] if close else [MISSING]):

                def corrected(obj: JsonObject, value: object = value, field: str = field) -> None:
                    spec = Workload(obj).pod_spec
                    for each in (field, "serviceAccount") if field == "serviceAccountName" else (field,):
                        spec.pop(each, None)
                    if value is not MISSING:
                        spec[field] = value

                step = fixes.edit(workload.obj, corrected)
                candidates += [fixes.candidate(Origin.DERIVE, [step], reason, worth=0.9 - 0.2 * index)] if step else []
            candidates += case.rollbacks(workload, reason)
            yield hypothesis(workload.subject, group, 0.93, reason, [words], candidates)


# --- the kubelet's own admission --------------------------------------------------------------------------------------


def _kubelet(case: Case, workload: Workload, trouble: Trouble) -> Hypothesis:
    """The node's kubelet turns the pods away, and says what for."""
    reason = f"the kubelet rejects the pods of {workload.subject} ({trouble.message.partition(':')[0]})"
    wanted = fields("securityContext", "annotations", "resources", "nodeSelector", "affinity")
    candidates = case.restorations(workload.obj, wanted, reason)
    named = _QUOTED.findall(trouble.message)

    def without(obj: JsonObject) -> None:
        context = Workload(obj).pod_spec.get("securityContext") or {}
        context["sysctls"] = [s for s in context.get("sysctls") or [] if s.get("name") not in named]

    if any(s.get("name") in named for s in (workload.pod_spec.get("securityContext") or {}).get("sysctls") or []):
        step = fixes.edit(workload.obj, without)
        said = ["what the kubelet does not allow goes"]
        candidates += [fixes.candidate(Origin.DERIVE, [step], reason, said)] if step else []
    candidates += case.rollbacks(workload, reason)
    said = [f"{trouble.pod_name}: {trouble.message}"]
    said += [change.sentence() for group in case.recent(workload.obj, wanted)[:1] for change in group]
    return hypothesis(workload.subject, "admission", 0.92, reason, said, candidates)
