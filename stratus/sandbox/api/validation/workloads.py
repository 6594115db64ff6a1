"""Deployments and the other owners of pods."""

from __future__ import annotations

import re
from typing import Any

from stratus.sandbox.api import errors, selectors
from stratus.sandbox.api.errors import FieldError
from stratus.sandbox.api.validation import pods
from stratus.sandbox.api.validation.common import int_or_percent, not_negative, one_of, selects_own_pods

Object = dict[str, Any]

_CRON_FIELD = re.compile(r"^(\*|\?|[\w,\-*/]+)$")
_ALWAYS = ("Always",)


def deployment(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = selects_own_pods(spec) + pods.template(spec.get("template") or {}, "spec.template", restart=_ALWAYS)
    for field in ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        found += not_negative(spec, field, "spec")
    strategy = spec.get("strategy") or {}
    found += one_of(strategy, "type", "spec.strategy", ("Recreate", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        found.append(errors.forbidden_field("spec.strategy.rollingUpdate", detail))
    elif rolling is not None:
        found += _rolling(rolling, "spec.strategy.rollingUpdate")
    if spec.get("progressDeadlineSeconds", 600) <= spec.get("minReadySeconds", 0):
        value = spec["progressDeadlineSeconds"]
        found.append(
            errors.invalid_value("spec.progressDeadlineSeconds", value, "must be greater than minReadySeconds")
        )
    return found


def _rolling(rolling: Object, path: str) -> list[FieldError]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    found = int_or_percent(unavailable, f"{path}.maxUnavailable") + int_or_percent(surge, f"{path}.maxSurge")
    if unavailable in (0, "0%") and surge in (0, "0%"):
        found.append(errors.invalid_value(f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    if isinstance(unavailable, str) and unavailable[:-1].isdigit() and int(unavailable[:-1]) > 100:
        found.append(errors.invalid_value(f"{path}.maxUnavailable", unavailable, "must not be greater than 100%"))
    return found


def replica_set(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = not_negative(spec, "replicas", "spec") + not_negative(spec, "minReadySeconds", "spec")
    return found + selects_own_pods(spec) + pods.template(spec.get("template") or {}, "spec.template", restart=_ALWAYS)


def replication_controller(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = not_negative(spec, "replicas", "spec")
    if not spec.get("selector"):
        found.append(errors.required("spec.selector"))
    if "template" not in spec:
        return [*found, errors.required("spec.template")]
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if spec.get("selector") and not selectors.matches_map(spec["selector"], labels):
        detail = "`selector` does not match template `labels`"
        found.append(errors.invalid_value("spec.template.metadata.labels", labels, detail))
    return found + pods.template(spec["template"], "spec.template", restart=_ALWAYS)


def stateful_set(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = selects_own_pods(spec) + pods.template(spec.get("template") or {}, "spec.template", restart=_ALWAYS)
    found += not_negative(spec, "replicas", "spec")
    found += one_of(spec, "podManagementPolicy", "spec", ("OrderedReady", "Parallel"))
    found += one_of(spec.get("updateStrategy") or {}, "type", "spec.updateStrategy", ("RollingUpdate", "OnDelete"))
    return [each for each in found if not _mounts_claim(each, spec)]


def _mounts_claim(problem: FieldError, spec: Object) -> bool:
    """Claims are volumes of the pods to come, so mounting one is right."""
    if problem.cause != "FieldValueNotFound":
        return False
    claims = {claim["metadata"].get("name") for claim in spec.get("volumeClaimTemplates") or ()}
    return any(f'"{name}"' in problem.text for name in claims)


def daemon_set(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = selects_own_pods(spec) + pods.template(spec.get("template") or {}, "spec.template", restart=_ALWAYS)
    found += not_negative(spec, "minReadySeconds", "spec")
    return found + one_of(
        spec.get("updateStrategy") or {}, "type", "spec.updateStrategy", ("RollingUpdate", "OnDelete")
    )


def job_spec(spec: Object, path: str) -> list[FieldError]:
    found: list[FieldError] = []
    for field in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        found += not_negative(spec, field, path)
    template = spec.get("template") or {}
    found += pods.template(template, f"{path}.template", restart=("OnFailure", "Never"))
    return found


def job(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = job_spec(spec, "spec")
    selector = spec.get("selector")
    if selector is None:
        return [errors.required("spec.selector"), *found]
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if not selectors.matches(selector, labels):
        detail = "`selector` does not match template `labels`"
        found.append(errors.invalid_value("spec.template.metadata.labels", labels, detail))
    return found


def cron_job(obj: Object) -> list[FieldError]:
    spec = obj["spec"]
    found = job_spec((spec.get("jobTemplate") or {}).get("spec") or {}, "spec.jobTemplate.spec")
    schedule = spec.get("schedule", "")
    if not schedule:
        found.append(errors.required("spec.schedule"))
    elif not _is_schedule(schedule):
        found.append(
            errors.invalid_value(
                "spec.schedule", schedule, f"expected exactly 5 fields, found {len(schedule.split())}: [{schedule}]"
            )
        )
    found += one_of(spec, "concurrencyPolicy", "spec", ("Allow", "Forbid", "Replace"))
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        found += not_negative(spec, field, "spec")
    if len(obj["metadata"]["name"]) > 52:
        found.append(
            errors.invalid_value("metadata.name", obj["metadata"]["name"], "must be no more than 52 characters")
        )
    return found


def _is_schedule(text: str) -> bool:
    if text.startswith("@"):
        named = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
        return text in named or text.startswith("@every ")
    fields = text.split()
    return len(fields) == 5 and all(_CRON_FIELD.match(each) for each in fields)
