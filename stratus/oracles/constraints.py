"""What holds workloads back from outside: claims that do not bind, quotas that refuse, autoscalers that see nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from stratus.domain.base import JsonObject
from stratus.domain.objects import Subject
from stratus.domain.severity import Finding
from stratus.oracles.judge import finding
from stratus.oracles.pods import age, is_finished, is_terminating
from stratus.oracles.rollouts import Rollout
from stratus.oracles.settings import WorkloadSettings
from stratus.oracles.verdicts import ORACLE
from stratus.oracles.world import World, namespace_of, subject_of

_QUOTA = re.compile(r"(?:exceeded|failed) quota: ([-a-z0-9.]+)")
_CONDITIONS_V1 = "autoscaling.alpha.kubernetes.io/conditions"
"""Where autoscaling/v1, the version that 1.20 prefers, carries the conditions."""


def findings(world: World, rollouts: tuple[Rollout, ...], settings: WorkloadSettings) -> list[Finding]:
    """All of them."""
    return [*_claims(world, settings), *_quotas(rollouts), *_autoscalers(world)]


def _claims(world: World, settings: WorkloadSettings) -> Iterator[Finding]:
    """Claims that pods wait for. Without a consumer, a claim may rightly wait to be bound."""
    wanted = {
        (namespace_of(pod), volume["persistentVolumeClaim"]["claimName"])
        for pod in world.all("Pod")
        if not is_finished(pod) and not is_terminating(pod)
        for volume in (pod.get("spec") or {}).get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    }
    for claim in world.all("PersistentVolumeClaim"):
        phase = claim.get("status", {}).get("phase", "Pending")
        used = (namespace_of(claim), claim["metadata"]["name"]) in wanted
        if phase == "Lost" or (phase == "Pending" and used and age(claim, world.at) >= settings.claim_window):
            yield finding(ORACLE, subject_of(claim), "ClaimPending", f"the claim is {phase} and a pod waits for it")


def _quotas(rollouts: tuple[Rollout, ...]) -> Iterator[Finding]:
    """Quotas in whose name new pods are refused. A quota that is used up is no problem by itself."""
    for rollout in rollouts:
        refused = _QUOTA.search(rollout.refusal)
        if refused and rollout.desired:
            subject = Subject(kind="ResourceQuota", namespace=rollout.subject.namespace, name=refused[1])
            yield finding(ORACLE, subject, "QuotaExceeded", f"{rollout.subject}: {rollout.refusal}")


def _autoscalers(world: World) -> Iterator[Finding]:
    for scaler in world.all("HorizontalPodAutoscaler"):
        active = next((each for each in _conditions(scaler) if each.get("type") == "ScalingActive"), {})
        # ScalingDisabled is a target at zero replicas, which somebody decided
        if active.get("status") == "False" and active.get("reason") != "ScalingDisabled":
            message = f"{active.get('reason', '')}: {active.get('message', '')}"
            yield finding(ORACLE, subject_of(scaler), "AutoscalerBlind", message)


def _conditions(scaler: JsonObject) -> list[JsonObject]:
    conditions = scaler.get("status", {}).get("conditions")
    if conditions is None:
        annotations = scaler["metadata"].get("annotations") or {}
        conditions = json.loads(annotations.get(_CONDITIONS_V1) or "[]")
    return list(conditions or ())
