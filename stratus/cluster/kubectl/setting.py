"""set image, resources, selector, serviceaccount and subject."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.kubectl.edits import containers, no_container, patch_between, pod_template
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.metadata import check_resource_version
from stratus.cluster.kubectl.rbac import subjects
from stratus.cluster.kubectl.selectors import equalities
from stratus.cluster.kubectl.targets import live_objects, split_pairs
from stratus.domain.errors import InvalidInput
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import Step


async def image(inv: Invocation) -> Sequence[Step]:
    """``kubectl set image``."""
    words, pairs = split_pairs(inv.words)
    images = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if not images or len(images) != len(pairs) or not all(images.values()):
        raise InvalidInput("kubectl set image needs CONTAINER=IMAGE (or *=IMAGE), each container once")
    steps: list[Step] = []
    for obj in await live_objects(inv, words):
        after = copy.deepcopy(obj)
        for name, value in images.items():
            found = containers(after, ["*"] if name == "*" else [_literal(name)])
            if not found:
                raise no_container(obj, name)
            for container in found:
                container["image"] = value
        steps += patch_between(obj, after)
    return steps


async def resources(inv: Invocation) -> Sequence[Step]:
    """``kubectl set resources``."""
    wanted = {kind: equalities(inv.flags.text(kind)) for kind in ("limits", "requests") if inv.flags.has(kind)}
    if not any(wanted.values()):
        raise InvalidInput("kubectl set resources needs --limits or --requests, as in --limits=cpu=200m,memory=512Mi")
    pattern = inv.flags.text("containers", "*")
    steps: list[Step] = []
    for obj in await live_objects(inv, inv.words):
        after = copy.deepcopy(obj)
        found = containers(after, [pattern])
        if not found:
            raise no_container(obj, pattern)
        for container in found:
            for kind, amounts in wanted.items():
                own = container.setdefault("resources", {})
                own[kind] = {**(own.get(kind) or {}), **amounts}
        steps += patch_between(obj, after)
    return steps


async def selector(inv: Invocation) -> Sequence[Step]:
    """``kubectl set selector``: the whole selector of a Service."""
    if not inv.words:
        raise InvalidInput("kubectl set selector needs TYPE NAME and a selector such as app=geo")
    wanted = equalities(inv.words[-1])
    steps: list[Step] = []
    for obj in await live_objects(inv, inv.words[:-1]):
        check_resource_version(inv, obj)
        if obj["kind"] != "Service":
            raise InvalidInput(f"the selector of {ObjectRef.of(obj)} cannot be set; this works on Services")
        after = copy.deepcopy(obj)
        after["spec"]["selector"] = wanted
        steps += patch_between(obj, after)
    return steps


async def service_account(inv: Invocation) -> Sequence[Step]:
    """``kubectl set serviceaccount``."""
    if not inv.words:
        raise InvalidInput("kubectl set serviceaccount needs TYPE NAME and the SERVICE_ACCOUNT")
    steps: list[Step] = []
    for obj in await live_objects(inv, inv.words[:-1]):
        after = copy.deepcopy(obj)
        pod_template(after)["spec"]["serviceAccountName"] = inv.words[-1]
        steps += patch_between(obj, after)
    return steps


async def subject(inv: Invocation) -> Sequence[Step]:
    """``kubectl set subject``: adds to a RoleBinding or ClusterRoleBinding."""
    wanted = subjects(inv)
    if not wanted:
        raise InvalidInput("kubectl set subject needs --user, --group or --serviceaccount")
    steps: list[Step] = []
    for obj in await live_objects(inv, inv.words):
        if not obj["kind"].endswith("RoleBinding"):
            raise InvalidInput(f"{ObjectRef.of(obj)} has no subjects; this works on role bindings")
        after = copy.deepcopy(obj)
        now = after.get("subjects") or []
        after["subjects"] = [*now, *(one for one in wanted if one not in now)]
        steps += patch_between(obj, after)
    return steps


def _literal(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
