"""Random edits of a Deployment: a real server must make of our patch what it makes of the whole edited object."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest

from stratus.cluster.kubectl.edits import patch_between
from stratus.domain.objects import ObjectRef
from stratus.domain.steps import ReplaceStep
from stratus.ports import Precondition
from tests.kubectl.conftest import Kubectl, Ours
from tests.kubectl.normal import differences

pytestmark = [pytest.mark.realcluster, pytest.mark.slow]


def edited(obj: Any, choose: random.Random) -> Any:
    """A copy with one to five edits of the kinds that people make."""
    obj = copy.deepcopy(obj)
    for _ in range(choose.randint(1, 5)):
        spec = obj["spec"]["template"]["spec"]
        choose.choice([_containers, _environment, _volumes, _scalars, _metadata, _ports])(obj, spec, choose)
    return obj


def _containers(obj: Any, spec: Any, choose: random.Random) -> None:
    container = {"name": f"c{choose.randint(1, 9)}", "image": "a:1"}
    if container["name"] not in [one["name"] for one in spec["containers"]]:
        spec["containers"].insert(choose.randint(0, len(spec["containers"])), container)
    if choose.random() < 0.3:
        choose.shuffle(spec["containers"])
    if choose.random() < 0.3 and len(spec["containers"]) > 1:
        spec["containers"].pop()


def _environment(obj: Any, spec: Any, choose: random.Random) -> None:
    container = choose.choice(spec["containers"])
    env = {one["name"]: one for one in container.get("env") or ()}
    for name in choose.sample(["MODE", "LEVEL", "HOST", "NEW", "MORE"], 3):
        field: Any = {"valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}
        options: list[Any] = [{"value": str(choose.randint(0, 9))}, field]
        env[name] = {"name": name, **choose.choice(options)}
    env.pop(choose.choice([*env]))
    container["env"] = choose.sample([*env.values()], len(env))


def _volumes(obj: Any, spec: Any, choose: random.Random) -> None:
    sources: list[Any] = [
        {"emptyDir": {}},
        {"configMap": {"name": "x", "defaultMode": 420}},
        {"hostPath": {"path": "/x", "type": ""}},
    ]
    names = choose.sample(["data", "conf", "v1", "v2"], choose.randint(2, 4))
    spec["volumes"] = [{"name": name, **choose.choice(sources)} for name in {*names, "data"}]


def _scalars(obj: Any, spec: Any, choose: random.Random) -> None:
    spec["nodeSelector"] = {choose.choice("ab"): "x"}
    spec["tolerations"] = [{"key": key, "operator": "Exists"} for key in choose.sample("abc", 2)]
    obj["spec"]["minReadySeconds"] = choose.randint(1, 9)
    obj["spec"]["strategy"] = choose.choice(
        [{"type": "Recreate"}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}]
    )
    choose.choice(spec["containers"])["resources"] = choose.choice([{}, {"limits": {"cpu": "1"}}])


def _metadata(obj: Any, spec: Any, choose: random.Random) -> None:
    obj["metadata"]["labels"] = {choose.choice(["app", "tier", "x"]): choose.choice(["web", "y"])}
    obj["metadata"]["finalizers"] = choose.sample(["a.example.com/x", "b.example.com/x"], choose.randint(0, 2))
    obj["metadata"].setdefault("annotations", {})["note"] = str(choose.random())


def _ports(obj: Any, spec: Any, choose: random.Random) -> None:
    container = choose.choice(spec["containers"])
    numbers = choose.sample([8080, 9090, 1, 2], choose.randint(1, 3))
    protocols = [choose.choice(["TCP", "UDP"]) for _ in numbers]
    container["ports"] = [{"containerPort": n, "protocol": p} for n, p in zip(numbers, protocols, strict=True)]
    if choose.random() < 0.3:  # the same port with two protocols: no merge key tells them apart
        container["ports"] += [{"containerPort": 53, "protocol": p} for p in ("TCP", "UDP")]


async def test_a_patch_gives_what_the_whole_object_gives(kubectl: Kubectl, ours: Ours) -> None:
    target = ObjectRef(api_version="apps/v1", kind="Deployment", namespace=kubectl.namespace, name="web")
    live = await ours.reader.get(target)
    kinds = set()
    for seed in range(60):
        after = edited(live, random.Random(seed))
        (step,) = patch_between(live, after)
        kinds.add(step.patch_type)
        whole = await ours.dry.send(ReplaceStep(target=target, manifest=after), Precondition())
        found = await ours.dry.send(step, Precondition())
        for obj in (whole, found):
            obj["metadata"]["finalizers"] = sorted(obj["metadata"].get("finalizers") or ())
        assert differences([found], [whole]) == [], (seed, step.patch)
    assert kinds == {"strategic", "json"}
