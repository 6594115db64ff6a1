"""The kubectl command a person would type for the same change, read off the step itself so that it cannot say another."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from agents.evidence.changes import RESTARTED_AT
from stratus.domain.base import JsonObject
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, ScaleStep, Step

_CONTAINER = r"(?P<container>/spec/(?:\w+/spec/)*(?:template/)?(?:spec/)?(?:containers|initContainers)/\d+)"
_IMAGE = re.compile(rf"{_CONTAINER}/image")
_VARIABLE = re.compile(rf"(?P<variable>{_CONTAINER}/env/\d+)(?P<value>/value)?")


def kubectl(step: Step) -> str:
    """One line for people; values of Secrets are not in it."""
    ref = step.target
    head = f"kubectl -n {ref.namespace}" if ref.namespace else "kubectl"
    name = f"{ref.kind.lower()}/{ref.name}"
    if isinstance(step, ScaleStep):
        return f"{head} scale {name} --replicas={step.replicas}"
    if isinstance(step, DeleteStep):
        return f"{head} delete {name}"
    if isinstance(step, CreateStep):
        return f"{head} create -f - # {name}"
    if isinstance(step, PatchStep):
        return _patch(head, name, step)
    return f"{head} {step.kind} {name}"


def _patch(head: str, name: str, step: PatchStep) -> str:
    if step.target.kind == "Secret":
        return f"{head} patch {name} # values not shown"
    if step.patch_type == "strategic" and RESTARTED_AT in json.dumps(step.patch):
        return f"{head} rollout restart {name}"
    patch = step.patch
    if step.patch_type == "json":
        tests = {each["path"]: each["value"] for each in patch if each["op"] == "test"}
        patch = [each for each in patch if each["op"] != "test"]
        said = _scaled(patch) or _images(patch, tests) or _variables(patch, tests)
        if said:
            verb, arguments = said
            return f"{head} {verb} {name} {arguments}"
    text = json.dumps(patch, separators=(",", ":"), sort_keys=True)
    return f"{head} patch {name} --type={step.patch_type} -p {shlex.quote(text)}"


Said = tuple[str, str] | None
"""A verb and its arguments, or None when it is not the command that says this."""


def _scaled(patch: Sequence[JsonObject]) -> Said:
    if len(patch) == 1 and patch[0]["path"] == "/spec/replicas" and "value" in patch[0]:
        return "scale", f"--replicas={patch[0]['value']}"
    return None


def _images(patch: Sequence[JsonObject], names: Mapping[str, Any]) -> Said:
    said = []
    for operation in patch:
        place = _IMAGE.fullmatch(operation["path"])
        container = names.get(f"{place['container']}/name") if place else None
        if container is None or operation["op"] != "replace":
            return None
        said.append(shlex.quote(f"{container}={operation['value']}"))
    return "set image", " ".join(said)


def _variables(patch: Sequence[JsonObject], names: Mapping[str, Any]) -> Said:
    containers, said = set(), []
    for operation in patch:
        place = _VARIABLE.fullmatch(operation["path"])
        variable = _assignment(operation, place, names) if place else ""
        if not place or not variable:
            return None
        containers.add(names.get(f"{place['container']}/name"))
        said.append(shlex.quote(variable))
    if len(containers) != 1 or None in containers:
        return None
    return "set env", f"-c {containers.pop()} {' '.join(said)}"


def _assignment(operation: JsonObject, place: re.Match[str], names: Mapping[str, Any]) -> str:
    """``NAME=VALUE``, ``NAME-`` for a removal, "" when it is neither."""
    name, value = names.get(f"{place['variable']}/name"), operation.get("value")
    if place["value"]:
        return f"{name}={value}" if name is not None and operation["op"] == "replace" else ""
    if operation["op"] == "remove":
        return f"{name}-" if name is not None else ""
    if operation["op"] == "add" and isinstance(value, dict) and value.keys() == {"name", "value"}:
        return f"{value['name']}={value['value']}"
    return ""
