"""Secret values never appear in events: what the log shows of a step is not always what is sent."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from stratus.domain.credentials import names_credential
from stratus.domain.steps import ApplyStep, CreateStep, PatchStep, Proposal, ReplaceStep, Step

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def redacted(proposal: Proposal) -> Proposal:
    """The proposal as the log may show it."""
    return proposal.model_copy(update={"steps": tuple(redacted_step(step) for step in proposal.steps)})


def redacted_step(step: Step) -> Step:
    """The step with every value of a Secret, and of a variable named like a credential, replaced by a short digest."""
    if step.target.kind != "Secret":
        return _without_credentials(step)
    if isinstance(step, CreateStep | ReplaceStep | ApplyStep):
        return step.model_copy(update={"manifest": _without_values(step.manifest)})
    if isinstance(step, PatchStep) and isinstance(step.patch, list):
        return step.model_copy(update={"patch": [_operation(each) for each in step.patch]})
    if isinstance(step, PatchStep):
        return step.model_copy(update={"patch": _without_values(step.patch)})
    return step


def _without_credentials(step: Step) -> Step:
    if isinstance(step, CreateStep | ReplaceStep | ApplyStep):
        return step.model_copy(update={"manifest": _variables(step.manifest)})
    return step.model_copy(update={"patch": _variables(step.patch)}) if isinstance(step, PatchStep) else step


def _variables(value: Any) -> Any:
    if isinstance(value, list):
        return [_variables(each) for each in value]
    if not isinstance(value, dict):
        return value
    hidden = {name: _variables(each) for name, each in value.items()}
    if names_credential(value.get("name")) and isinstance(value.get("value"), str):
        hidden["value"] = _mark(value["value"])
    if isinstance(value.get(LAST_APPLIED), str):
        hidden[LAST_APPLIED] = _text(value[LAST_APPLIED])
    return hidden


def _text(manifest: str) -> str:
    try:
        return json.dumps(_variables(json.loads(manifest)))
    except ValueError:
        return manifest


def _without_values(obj: dict[str, Any]) -> dict[str, Any]:
    hidden = {key: _hidden(value) if key in ("data", "stringData") else value for key, value in obj.items()}
    annotations = (hidden.get("metadata") or {}).get("annotations") or {}
    if LAST_APPLIED in annotations:
        shown = {**annotations, LAST_APPLIED: _mark(annotations[LAST_APPLIED])}
        hidden["metadata"] = {**hidden["metadata"], "annotations": shown}
    return hidden


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    return {key: _hidden(value) if key == "value" else value for key, value in operation.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _hidden(each) for key, each in value.items()}
    return value if value is None else _mark(value)


def _mark(value: Any) -> str:
    # eight hex digits tell two values apart and are too short to confirm a guess with certainty
    return f"(secret {hashlib.sha256(str(value).encode()).hexdigest()[:8]})"
