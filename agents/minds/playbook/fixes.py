"""Turns an intended edit into a typed step."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from agents.evidence.changes import RESTARTED_AT, Change
from agents.evidence.paths import MISSING, At, same, write
from agents.evidence.workload import Revision, Workload
from agents.minds.base import PRIOR, Candidate, Origin
from agents.minds.playbook.phrasing import kubectl
from stratus.domain.base import JsonObject
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import CreateStep, DeleteStep, PatchStep, Proposal, ScaleStep, Step

AUTHOR = "agent:mitigation"


def candidate(
    origin: Origin,
    steps: Sequence[Step],
    reason: str,
    evidence: Iterable[str] = (),
    *,
    worth: float = 1.0,
    command: str = "",
) -> Candidate:
    """A candidate whose score is its origin's prior times ``worth`` (0..1, how good it is among its like)."""
    text = command or " && ".join(kubectl(step) for step in steps)
    proposal = Proposal(steps=tuple(steps), reason=reason, evidence=tuple(evidence), author=AUTHOR, command=text)
    return Candidate(proposal, origin, PRIOR[origin] * worth)


def edit(obj: JsonObject, change: Callable[[JsonObject], None]) -> PatchStep | None:
    """The JSON patch from ``obj`` to what ``change`` makes of a copy of it; None when that is nothing."""
    wanted = copy.deepcopy(obj)
    change(wanted)
    operations = list(json_patch(obj, wanted))
    if not operations:
        return None
    return PatchStep(target=ObjectRef.of(obj), patch_type="json", patch=[*_tests(obj, operations), *operations])


def _tests(obj: JsonObject, operations: Iterable[JsonObject]) -> list[JsonObject]:
    """RFC 6902 tests that each list element which the operations address is still the one that is meant: an index alone
    would hit its neighbour once somebody has inserted something before it.
    """
    names: dict[str, str] = {}
    for operation in operations:
        value: Any = obj
        path = operation["path"].split("/")[1:]
        for depth, part in enumerate(path[:-1] if operation["op"] == "add" else path, start=1):
            element = isinstance(value, list)
            value = value[int(part) if element else unescaped(part)]
            if element and isinstance(value, dict) and "name" in value:
                names["/".join(["", *path[:depth], "name"])] = value["name"]
    return [{"op": "test", "path": path, "value": name} for path, name in names.items()]


def restore(obj: JsonObject, changes: Sequence[Change]) -> PatchStep | None:
    """Gives the changed fields their earlier values back."""
    wanted = restored(obj, changes)
    return edit(obj, lambda live: live.update(wanted))


def restored(obj: JsonObject, changes: Sequence[Change]) -> JsonObject:
    """A copy of the object with the changed fields as they were."""
    wanted = copy.deepcopy(obj)
    for change in changes:
        write(wanted, change.path, copy.deepcopy(change.before))
    return wanted


def set_field(obj: JsonObject, path: tuple[str | int | At, ...], value: Any) -> PatchStep | None:
    """Sets one field; MISSING removes it."""
    return edit(obj, lambda wanted: write(wanted, path, copy.deepcopy(value)))


def roll_back(workload: Workload, revision: Revision) -> PatchStep | None:
    """Gives the workload the whole pod template of an earlier revision."""
    template = copy.deepcopy(revision.template)
    ((template.get("metadata") or {}).get("labels") or {}).pop("pod-template-hash", None)
    return set_field(workload.obj, workload.prefix, template)


def restart(workload: Workload, at: datetime) -> PatchStep:
    """As ``kubectl rollout restart`` does: a stamp in the template."""
    stamp = {"metadata": {"annotations": {RESTARTED_AT: at.isoformat(timespec="seconds").replace("+00:00", "Z")}}}
    patch: Any = stamp
    for part in reversed(workload.prefix):
        patch = {part: patch}
    return PatchStep(target=workload.ref, patch_type="strategic", patch=patch)


def scale(workload: Workload, replicas: int) -> ScaleStep:
    """Sets the replica count."""
    return ScaleStep(target=workload.ref, replicas=replicas)


def create(manifest: JsonObject) -> CreateStep:
    """Creates an object, without what only a server may say of it."""
    clean = copy.deepcopy(manifest)
    clean.pop("status", None)
    for name in (
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "selfLink",
        "ownerReferences",
    ):
        clean["metadata"].pop(name, None)
    return CreateStep(target=ObjectRef.of(clean), manifest=clean)


def delete(obj: JsonObject) -> DeleteStep:
    """Deletes an object."""
    return DeleteStep(target=ObjectRef.of(obj))


def escaped(name: str) -> str:
    """A field's name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def unescaped(part: str) -> str:
    """The field's name that a part of a JSON pointer stands for."""
    return part.replace("~1", "/").replace("~0", "~")


def json_patch(before: Any, after: Any, pointer: str = "") -> Iterator[JsonObject]:
    """RFC 6902 operations, as small as the shapes allow."""
    if same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            place = f"{pointer}/{escaped(name)}"
            if name not in after:
                yield {"op": "remove", "path": place}
            elif name not in before:
                yield {"op": "add", "path": place, "value": after[name]}
            else:
                yield from json_patch(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_patch(before, after, pointer)
    else:
        yield {"op": "replace", "path": pointer, "value": after}


def _list_patch(before: list[Any], after: list[Any], pointer: str) -> Iterator[JsonObject]:
    if len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from json_patch(old, new, f"{pointer}/{index}")
        return
    first = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if not same(a, b)), min(len(before), len(after))
    )
    if same(before[:first] + before[first + 1 :], after):
        yield {"op": "remove", "path": f"{pointer}/{first}"}
    elif same(after[:first] + after[first + 1 :], before):
        yield {"op": "add", "path": f"{pointer}/{first}", "value": after[first]}
    else:
        yield {"op": "replace", "path": pointer, "value": after}


def set_image_command(workload: Workload, container: str, image: str) -> str:
    """``kubectl set image``."""
    return f"kubectl -n {workload.namespace} set image {workload.subject} {container}={image}"


def set_env_command(workload: Workload, container: str, name: str, value: str) -> str:
    """``kubectl set env``."""
    return f"kubectl -n {workload.namespace} set env {workload.subject} -c {container} {shlex.quote(f'{name}={value}')}"


def rollout_undo_command(workload: Workload, revision: Revision) -> str:
    """``kubectl rollout undo``."""
    return f"kubectl -n {workload.namespace} rollout undo {workload.subject} --to-revision={revision.number}"


__all__ = ["AUTHOR", "MISSING", "candidate", "create", "delete", "edit", "json_patch", "restart", "restore",
           "roll_back", "rollout_undo_command", "scale", "set_env_command", "set_field", "set_image_command"]  # fmt: skip
