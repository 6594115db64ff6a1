"""create deployment, job and cronjob, and run."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from stratus.cluster.kubectl.creating import creation
from stratus.cluster.kubectl.documents import parse_value
from stratus.cluster.kubectl.invocation import Invocation
from stratus.cluster.kubectl.overrides import overridden
from stratus.cluster.kubectl.selectors import equalities
from stratus.cluster.kubectl.targets import read, refs
from stratus.domain.base import JsonObject
from stratus.domain.errors import InvalidInput
from stratus.domain.steps import Step


async def deployment(inv: Invocation) -> Sequence[Step]:
    """``kubectl create deployment``."""
    name, images = inv.one_name(), inv.flags.words("image")
    if not images:
        raise InvalidInput("kubectl create deployment needs --image")
    if len(images) > 1 and inv.rest:
        raise InvalidInput("a command goes with one --image only")
    found = [_container(_container_name(inv, image), image, inv.rest) for image in images]
    if inv.flags.number("port", -1) >= 0:
        found[0]["ports"] = [{"containerPort": inv.flags.number("port")}]
    labels = {"app": name}
    manifest: JsonObject = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": inv.meta(name, labels=labels),
        "spec": {
            "replicas": inv.flags.number("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": found}},
        },
    }
    return creation(inv, manifest)


def _container(name: str, image: str, command: Sequence[str] | None) -> JsonObject:
    return {"name": name, "image": image, **({"command": list(command)} if command else {}), "resources": {}}


def _container_name(inv: Invocation, image: str) -> str:
    """The image's last part without tag and digest; signs that a name cannot have make kubectl add a suffix."""
    name = image.rsplit("/", 1)[-1].split(":", 1)[0].split("@", 1)[0]
    clean = name.replace("_", "-").replace(".", "-")
    return name if clean == name else f"{clean}-{inv.suffix()}"


async def job(inv: Invocation) -> Sequence[Step]:
    """``kubectl create job``, from an image or from a CronJob."""
    name = inv.one_name()
    if bool(inv.flags.text("image")) == bool(inv.flags.text("from")):
        raise InvalidInput("kubectl create job needs either --image or --from=cronjob/NAME")
    if inv.flags.text("from"):
        return await _job_from(inv, name)
    manifest: JsonObject = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": inv.meta(name),
        "spec": {"template": {"spec": _one_container(inv, name, "Never")}},
    }
    return creation(inv, manifest)


def _one_container(inv: Invocation, name: str, restart: str) -> JsonObject:
    return {"containers": [_container(name, inv.required("image"), inv.rest)], "restartPolicy": restart}


async def _job_from(inv: Invocation, name: str) -> Sequence[Step]:
    if inv.rest:
        raise InvalidInput("a command cannot be given together with --from")
    cron = await read(inv, (await refs(inv, [inv.flags.text("from")]))[0])
    if cron["kind"] != "CronJob":
        raise InvalidInput("--from names a cronjob/NAME")
    template = copy.deepcopy(cron["spec"]["jobTemplate"])
    meta = template.get("metadata") or {}
    owner = {"apiVersion": cron["apiVersion"], "kind": "CronJob", "name": cron["metadata"]["name"]}
    manifest: JsonObject = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            **inv.meta(name, labels=meta.get("labels")),
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual", **(meta.get("annotations") or {})},
            "ownerReferences": [{**owner, "uid": cron["metadata"]["uid"], "controller": True}],
        },
        "spec": template["spec"],
    }
    return creation(inv, manifest)


async def cron_job(inv: Invocation) -> Sequence[Step]:
    """``kubectl create cronjob``, in the version that is served."""
    name = inv.one_name()
    resource = await inv.catalog.newest("CronJob", "batch/v1", "batch/v1beta1")
    template = {"spec": _one_container(inv, name, inv.flags.text("restart") or "OnFailure")}
    manifest: JsonObject = {
        "apiVersion": resource.api_version,
        "kind": "CronJob",
        "metadata": inv.meta(name),
        "spec": {
            "schedule": inv.required("schedule"),
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": template}},
        },
    }
    return creation(inv, manifest)


async def run(inv: Invocation) -> Sequence[Step]:
    """``kubectl run``: one pod, and with --expose a Service for it."""
    if not inv.args:
        raise InvalidInput("kubectl run needs a NAME")
    name = inv.args[0]
    labels = equalities(inv.flags.text("labels")) or {"run": name}
    restart = inv.flags.text("restart", "Always")
    if restart not in ("Always", "OnFailure", "Never"):
        raise InvalidInput(f'--restart is Always, OnFailure or Never, not "{restart}"')
    spec = {"containers": [_run_container(inv, name)], "dnsPolicy": "ClusterFirst", "restartPolicy": restart}
    meta = inv.meta(name, labels=labels)
    if inv.flags.has("annotations"):
        meta["annotations"] = dict(_pairs(inv.flags.words("annotations"), "--annotations"))
    pod: JsonObject = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    steps = creation(inv, overridden(inv, pod))
    return [*steps, *(_service_of(inv, name, labels) if inv.flags.truth("expose") else [])]


def _run_container(inv: Invocation, name: str) -> JsonObject:
    container: JsonObject = {"name": name, "image": inv.required("image"), "resources": {}}
    words = [*inv.args[1:], *(inv.rest or ())]
    if words:
        container["command" if inv.flags.truth("command") else "args"] = words
    if inv.flags.has("env"):
        container["env"] = [{"name": k, "value": v} for k, v in _pairs(inv.flags.words("env"), "--env")]
    if inv.flags.text("port"):
        container["ports"] = [{"containerPort": _port(inv)}]
    if inv.flags.text("image-pull-policy"):
        container["imagePullPolicy"] = inv.flags.text("image-pull-policy")
    if inv.flags.truth("privileged"):
        container["securityContext"] = {"privileged": True}
    return container


def _pairs(words: Sequence[str], flag: str) -> list[tuple[str, str]]:
    for word in words:
        if not word.partition("=")[0] or "=" not in word:
            raise InvalidInput(f'{flag} is KEY=VALUE, not "{word}"')
    return [(word.partition("=")[0], word.partition("=")[2]) for word in words]


def _port(inv: Invocation) -> int:
    port = parse_value(inv.flags.text("port"), "--port")
    if not isinstance(port, int):
        raise InvalidInput("--port is a number")
    return port


def _service_of(inv: Invocation, name: str, labels: dict[str, str]) -> list[Step]:
    if not inv.flags.text("port"):
        raise InvalidInput("--expose needs --port")
    port = _port(inv)
    manifest: JsonObject = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": inv.meta(name),
        "spec": {"ports": [{"protocol": "TCP", "port": port, "targetPort": port}], "selector": labels},
    }
    return creation(inv, manifest)
