"""A pod's status as the kubelet computes it from its containers: phase, conditions, container statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stratus.sandbox.kernel import rfc3339
from stratus.sandbox.node.container import Container
from stratus.sandbox.objects import Object, condition, spec_of, status_of, with_condition

if TYPE_CHECKING:
    from stratus.sandbox.node.pod import PodWorker

OWN = ("Initialized", "Ready", "ContainersReady", "PodScheduled")


def phase(worker: PodWorker) -> str:
    """Pending, Running, Succeeded or Failed, by the kubelet's getPhase."""
    policy = spec_of(worker.pod).get("restartPolicy", "Always")
    if not worker.initialized:
        failed = any(each.failed and not each.will_restart() for each in worker.init if each.role == "init")
        return "Failed" if failed else "Pending"
    stopped = [each for each in worker.main if _stopped(each)]
    running = [each for each in worker.main if each.running]
    if len(stopped) + len(running) < len(worker.main):
        return "Pending"
    if running:
        return "Running"
    if policy == "Always":
        return "Running"
    if all(each.succeeded for each in worker.main):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _stopped(container: Container) -> bool:
    return not container.running and (container.terminated is not None or container.last is not None)


def compute(worker: PodWorker, now: str) -> Object:
    """The whole status; conditions that others own are kept."""
    old = status_of(worker.pod)
    found = worker.final_phase or phase(worker)
    status: Object = {"phase": found}
    for field, text in (("reason", worker.final_reason), ("message", worker.final_message)):
        if text:
            status[field] = text
    status["conditions"] = _conditions(worker, found, now)
    status |= {"hostIP": worker.node.ip, "hostIPs": [{"ip": worker.node.ip}], "startTime": worker.start_time}
    if worker.pod_ip:
        status |= {"podIP": worker.pod_ip, "podIPs": [{"ip": worker.pod_ip}]}
    if worker.init:
        status["initContainerStatuses"] = [of_container(each) for each in worker.init]
    status["containerStatuses"] = [of_container(each) for each in worker.main]
    for field in ("qosClass", "nominatedNodeName"):
        if old.get(field):
            status[field] = old[field]
    return status


def of_container(container: Container) -> Object:
    """The containerStatuses entry of a container."""
    state, last = _state(container)
    status: Object = {"name": container.name, "state": state, "lastState": {"terminated": last} if last else {}}
    status |= {"ready": container.ready, "restartCount": container.restarts}
    status |= {"image": container.spec["image"], "imageID": container.image_id}
    if container.container_id:
        status["containerID"] = container.container_id
    if container.role != "init":
        status["started"] = container.started
    return status


def _state(container: Container) -> tuple[Object, Object | None]:
    """The present state, and how the instance before it ended."""
    if container.running:
        return {"running": {"startedAt": rfc3339(container.started_at)}}, container.last
    waiting = container.waiting
    if container.terminated is not None and waiting is None:
        return {"terminated": container.terminated}, container.last
    shown = {"reason": waiting.reason if waiting else container.worker.waiting_reason}
    if waiting and waiting.message:
        shown["message"] = waiting.message
    return {"waiting": shown}, container.terminated or container.last


def _conditions(worker: PodWorker, found: str, now: str) -> list[Object]:
    ready = [each for each in worker.init if each.role == "sidecar"] + worker.main
    wanted = {
        "Initialized": _verdict(
            [each.name for each in worker.init if not worker.passed(each)],
            "ContainersNotInitialized",
            "containers with incomplete status",
        ),
        "ContainersReady": _verdict(
            [each.name for each in ready if not each.ready],
            "ContainersNotReady",
            "containers with unready status",
        ),
        "PodScheduled": {"status": "True"},
    }
    if found == "Succeeded":
        wanted["Initialized"] = {"status": "True", "reason": "PodCompleted"}
        wanted["ContainersReady"] = {"status": "False", "reason": "PodCompleted"}
    wanted["Ready"] = _gates(worker, wanted["ContainersReady"])
    conditions: list[Object] = list(status_of(worker.pod).get("conditions") or ())
    for kind in OWN:
        new = {"type": kind, **wanted[kind], "lastProbeTime": None, "lastTransitionTime": now}
        conditions = with_condition(conditions, new)
    order = {kind: place for place, kind in enumerate(OWN)}
    return sorted(conditions, key=lambda each: order.get(each["type"], -1))


def _verdict(missing: Sequence[str], reason: str, message: str) -> Object:
    if not missing:
        return {"status": "True"}
    return {"status": "False", "reason": reason, "message": f"{message}: [{' '.join(missing)}]"}


def _gates(worker: PodWorker, containers: Object) -> Object:
    """Ready needs the containers and every readiness gate."""
    if containers["status"] != "True":
        return containers
    for gate in spec_of(worker.pod).get("readinessGates") or ():
        kind = gate["conditionType"]
        found = condition(worker.pod, kind)
        if found is None:
            message = f'corresponding condition of pod readiness gate "{kind}" does not exist.'
            return {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}
        if found.get("status") != "True":
            message = f'the status of pod readiness gate "{kind}" is not "True", but {found.get("status")}'
            return {"status": "False", "reason": "ReadinessGatesNotReady", "message": message}
    return containers
